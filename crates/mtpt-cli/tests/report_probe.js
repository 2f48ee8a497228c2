// Measures the page and sends the result to the page around it, as JSON.
window.addEventListener("load", function () {
  var all = function (selector) { return Array.from(document.querySelectorAll(selector)); };
  var name = function (element) {
    return element.tagName + "." + (element.getAttribute("class") || "") + " " + element.textContent.slice(0, 40);
  };
  var visible = function (element) {
    var box = element.getBoundingClientRect();
    var inside = element.parentElement.closest("details:not([open])");
    return box.width > 0 && box.height > 0 && (!inside || element.closest("summary"));
  };
  // Containers in which wide contents scroll.
  var scrolls = function (element) { return element.closest(".scroll, nav, pre") !== null; };

  // The color of text and what is behind it.
  var canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  var over = function (below, color) {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = "rgb(" + below.join(",") + ")";
    canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return Array.from(canvas.getImageData(0, 0, 1, 1).data).slice(0, 3);
  };
  var background = function (element) {
    if (element === null) { return [255, 255, 255]; }
    return over(background(element.parentElement), getComputedStyle(element).backgroundColor);
  };
  var luminance = function (color) {
    var parts = color.map(function (part) {
      part /= 255;
      return part <= 0.03928 ? part / 12.92 : Math.pow((part + 0.055) / 1.055, 2.4);
    });
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  // The contrast ratio of WCAG 2.
  var contrast = function (first, second) {
    var values = [luminance(first), luminance(second)].sort(function (a, b) { return b - a; });
    return (values[0] + 0.05) / (values[1] + 0.05);
  };
  var texts = all("body *").filter(function (element) {
    var own = Array.from(element.childNodes).some(function (node) {
      return node.nodeType === 3 && node.textContent.trim() !== "";
    });
    return own && !element.closest("script, style, title") && visible(element);
  });
  var low = texts.map(function (element) {
    var style = getComputedStyle(element);
    var behind = background(element instanceof SVGElement ? element.closest("svg").parentElement : element);
    var color = over(behind, element instanceof SVGElement ? style.fill : style.color);
    return { name: name(element), contrast: contrast(color, behind) };
  }).filter(function (found) { return found.contrast < 4.5; });

  var outside = texts.filter(function (element) {
    var box = element.getBoundingClientRect();
    return !scrolls(element) && (box.right > innerWidth + 1 || box.left < -1);
  });
  // Text that is cut although nothing scrolls and no tooltip has the rest.
  var cut = texts.filter(function (element) {
    var hides = getComputedStyle(element).overflowX === "hidden";
    return hides && element.scrollWidth > element.clientWidth + 1 && !element.title;
  });
  // Labels that are cut at the edge of their drawing, or on top of each other.
  var plots = all("svg.plot").filter(visible);
  var labels = plots.flatMap(function (svg) {
    var frame = svg.getBoundingClientRect();
    return Array.from(svg.querySelectorAll("text")).filter(function (text) {
      var box = text.getBoundingClientRect();
      return box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
    });
  });
  var overlaps = plots.flatMap(function (svg) {
    var texts = Array.from(svg.querySelectorAll("text"));
    return texts.filter(function (text, place) {
      var box = text.getBoundingClientRect();
      return texts.slice(place + 1).some(function (other) {
        var second = other.getBoundingClientRect();
        var wide = Math.min(box.right, second.right) - Math.max(box.left, second.left);
        var high = Math.min(box.bottom, second.bottom) - Math.max(box.top, second.top);
        // The boxes of neighboring lines of text touch.
        return wide > 1 && high > 5;
      });
    });
  });
  var plotSizes = plots.map(function (svg) {
    var box = svg.getBoundingClientRect();
    return [box.width, box.height, Number.parseFloat(getComputedStyle(svg).fontSize) * box.width / svg.viewBox.baseVal.width];
  });
  // The page's own script sorts tables and adds the button for the theme.
  var sortable = all("table.sortable thead button").length;
  var first = document.querySelector("table.sortable thead button");
  var sorted = null;
  if (first !== null) {
    first.click();
    sorted = Array.from(first.closest("table").tBodies[0].rows).map(function (row) { return row.cells[0].textContent; });
  }
  parent.postMessage(JSON.stringify({
    width: document.documentElement.scrollWidth,
    height: document.documentElement.scrollHeight,
    window: innerWidth,
    low: low, outside: outside.map(name), cut: cut.map(name), labels: labels.map(name), overlaps: overlaps.map(name),
    plots: plotSizes, sortable: sortable, sorted: sorted,
    hints: all(".hint").length,
    theme: document.querySelector("button.theme") !== null
  }), "*");
});
