"use strict";
(function () {
  var root = document.documentElement;
  var tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  document.body.appendChild(tip);
  function all(selector, within) { return Array.from((within || document).querySelectorAll(selector)); }
  function show(text, event) {
    tip.textContent = text;
    tip.hidden = false;
    var x = event.clientX + 14;
    var y = event.clientY + 14;
    x = Math.max(4, Math.min(x, window.innerWidth - tip.offsetWidth - 4));
    if (y + tip.offsetHeight > window.innerHeight) { y = event.clientY - tip.offsetHeight - 10; }
    tip.style.left = x + "px";
    tip.style.top = Math.max(4, y) + "px";
  }
  function hide() { tip.hidden = true; }

  // Hover values of charts.
  function nearest(points, x) {
    return points.reduce(function (best, point) {
      return Math.abs(best.x - x) > Math.abs(point.x - x) ? point : best;
    });
  }
  all("svg.plot").forEach(function (svg) {
    var lines = all("path.line", svg).map(function (path) {
      var steps = path.dataset.steps.split(",");
      var values = path.dataset.values.split(",");
      var points = path.getAttribute("d").slice(1).split("L").map(function (pair, place) {
        return { x: Number(pair.split(" ")[0]), step: steps[place], value: values[place] };
      });
      return { path: path, points: points };
    });
    if (lines.length === 0) { return; }
    var levels = all("g.level", svg);
    all("title", svg).forEach(function (title) { title.remove(); });
    var hair = document.createElementNS("http" + "://www.w3.org/2000/svg", "path");
    hair.setAttribute("class", "hair");
    svg.appendChild(hair);
    function move(event) {
      var box = svg.getBoundingClientRect();
      var x = (event.clientX - box.left) * svg.viewBox.baseVal.width / box.width;
      var shown = lines.filter(function (line) { return !line.path.classList.contains("off"); });
      if (shown.length === 0) { return; }
      var at = shown.map(function (line) { return nearest(line.points, x); });
      var focus = nearest(at, x);
      hair.setAttribute("d", "M" + focus.x + " 20V" + (svg.viewBox.baseVal.height - 38));
      var text = shown.map(function (line, place) {
        var point = at[place];
        var step = point.step === focus.step ? "" : " (step " + point.step + ")";
        return line.path.dataset.name + ": " + point.value + step;
      });
      var fixed = levels.map(function (level) { return level.dataset.name + ": " + level.dataset.value; });
      show(["step " + Number(focus.step).toLocaleString("en")].concat(text, fixed).join("\n"), event);
    }
    svg.addEventListener("pointermove", move);
    svg.addEventListener("pointerdown", move);
    svg.addEventListener("pointerleave", function () { hide(); hair.removeAttribute("d"); });
  });

  // A legend entry highlights its line, and hides it on a click.
  all("figure.chart .legend [data-line]").forEach(function (entry) {
    var svg = entry.closest("figure").querySelector("svg");
    var marks = all("[data-line='" + entry.dataset.line + "']", svg);
    entry.style.cursor = "pointer";
    function highlight(on) {
      svg.classList.toggle("focus", on);
      marks.forEach(function (mark) { mark.classList.toggle("on", on); });
    }
    entry.addEventListener("mouseenter", function () { highlight(true); });
    entry.addEventListener("mouseleave", function () { highlight(false); });
    entry.addEventListener("click", function () {
      var off = entry.classList.toggle("off");
      marks.forEach(function (mark) { mark.classList.toggle("off", off); });
    });
  });

  // Hover values of heat maps.
  all("svg.heat").forEach(function (svg) {
    all("title", svg).forEach(function (title) { title.remove(); });
    svg.addEventListener("pointermove", function (event) {
      var row = event.target.closest("g[data-row]");
      if (row === null) { hide(); return; }
      if (event.target.tagName !== "rect") { hide(); return; }
      var column = all("rect", row).indexOf(event.target);
      var names = svg.dataset.names.split("\n");
      var value = row.dataset.values.split(",")[column];
      show(names[Number(row.dataset.row)] + "\n" + names[column] + "\n" + value, event);
    });
    svg.addEventListener("pointerleave", hide);
  });

  // Sorting of tables.
  function key(row, column) {
    var cell = row.cells[column];
    var data = cell.querySelector("data");
    var text = data === null ? cell.textContent.trim() : data.getAttribute("value");
    var number = Number(text.replace(/,/g, ""));
    if (text === "–") { return { kind: 2, value: 0 }; }
    return Number.isNaN(number) || text === "" ? { kind: 1, value: text } : { kind: 0, value: number };
  }
  all("table.sortable").forEach(function (table) {
    var heads = all("thead th", table);
    heads.forEach(function (head, column) {
      var button = document.createElement("button");
      button.textContent = head.textContent;
      button.title = "Sort by this column";
      head.textContent = "";
      head.appendChild(button);
      button.addEventListener("click", function () {
        var down = head.getAttribute("aria-sort") !== "descending";
        heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        var body = table.tBodies[0];
        Array.from(body.rows).sort(function (first, second) {
          var a = key(first, column);
          var b = key(second, column);
          if (a.kind !== b.kind) { return a.kind - b.kind; }
          var order = a.value === b.value ? 0 : a.value > b.value ? 1 : -1;
          return down ? -order : order;
        }).forEach(function (row) { body.appendChild(row); });
      });
    });
  });

  // A hint below tables that are wider than the screen.
  function hints() {
    all(".scroll").forEach(function (box) {
      var wide = box.scrollWidth > box.clientWidth + 1;
      var hint = box.nextElementSibling;
      if (wide === (hint !== null)) { return; }
      if (wide) {
        hint = document.createElement("p");
        hint.className = "hint";
        hint.textContent = "Scroll sideways for more columns →";
        box.after(hint);
      } else { hint.remove(); }
    });
  }
  hints();
  window.addEventListener("resize", hints);
  all("details").forEach(function (part) { part.addEventListener("toggle", hints); });

  // The color theme.
  var button = document.createElement("button");
  button.className = "theme";
  function dark() {
    if (root.dataset.theme) { return root.dataset.theme === "dark"; }
    return window.matchMedia("(prefers-color-scheme: dark)").matches;
  }
  function name() { button.textContent = dark() ? "Light theme" : "Dark theme"; }
  name();
  button.addEventListener("click", function () { root.dataset.theme = dark() ? "light" : "dark"; name(); });
  document.body.appendChild(button);

  // Printed pages show everything.
  window.addEventListener("beforeprint", function () {
    all("details").forEach(function (part) { part.open = true; });
  });
}());
