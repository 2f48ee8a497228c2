//! Pages in headless Chromium: measurements by a script in a copy of the page, and screenshots.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Measures the page: see `report_probe.js`.
const PROBE: &str = include_str!("report_probe.js");
/// Counts the pixels of the image in the page.
const PIXELS: &str = "
window.addEventListener('load', function () {
  var canvas = document.createElement('canvas');
  canvas.width = size.width;
  canvas.height = size.height;
  var context = canvas.getContext('2d');
  context.drawImage(document.querySelector('img'), 0, 0);
  var data = context.getImageData(0, 0, size.width, size.height).data;
  var start = 4 * (size.width + 1);
  var background = Array.from(data.slice(start, start + 3));
  var ink = 0, colored = 0;
  for (var at = 0; at < data.length; at += 4) {
    var pixel = [data[at], data[at + 1], data[at + 2]];
    if (pixel.some(function (part, channel) { return part !== background[channel]; })) { ink += 1; }
    if (Math.max.apply(null, pixel) - Math.min.apply(null, pixel) > 60) { colored += 1; }
  }
  var result = { background: background, ink: ink / (data.length / 4), colored: colored };
  document.getElementById('probe').textContent = JSON.stringify(result);
});
";
/// Chromium's windows are at least 500 pixels wide, so that pages are shown in frames.
const WINDOW: u32 = 1300;

pub(crate) struct Chromium {
    program: &'static str,
    folder: TempDir,
}

/// A page as a user would see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    pub(crate) width: u32,
    pub(crate) theme: &'static str,
}

pub(crate) const VIEWS: [View; 4] = [
    View { width: 1280, theme: "light" },
    View { width: 1280, theme: "dark" },
    View { width: 390, theme: "light" },
    View { width: 390, theme: "dark" },
];

/// Statistics of the pixels of a screenshot.
pub(crate) struct Screenshot {
    /// Color of the page's background, in its corner.
    pub(crate) background: [f64; 3],
    /// Fraction of pixels that differ from the background.
    pub(crate) ink: f64,
    /// Number of pixels of saturated colors, as lines and shaded cells have.
    pub(crate) colored: u64,
}

impl Chromium {
    /// Finds Chromium; `None`, after printing the reason, if it is missing.
    ///
    /// # Panics
    ///
    /// When it is missing, but `MTPT_REQUIRE_CHROMIUM` is set.
    pub(crate) fn find() -> Option<Self> {
        let programs = ["chromium", "chromium-browser", "google-chrome"];
        let runs = |program: &&str| {
            Command::new(program).arg("--version").output().is_ok_and(|done| done.status.success())
        };
        let Some(program) = programs.into_iter().find(runs) else {
            assert!(
                std::env::var_os("MTPT_REQUIRE_CHROMIUM").is_none(),
                "Chromium is required, but not installed"
            );
            println!("skipped: Chromium is not installed");
            return None;
        };
        Some(Self { program, folder: tempfile::tempdir().unwrap() })
    }

    /// Measures a page.
    pub(crate) fn measure(&self, page: &Path, view: View) -> Value {
        let frame = self.frame(page, view, 2000);
        self.probed(&frame)
    }

    /// Returns the upper part of a page, of the given height.
    pub(crate) fn screenshot(&self, page: &Path, view: View, height: u32) -> Screenshot {
        let frame = self.frame(page, view, height);
        let file = self.folder.path().join("screenshot.png");
        let size = format!("--window-size={WINDOW},{}", height + 200);
        self.run(&frame, &[&format!("--screenshot={}", file.display()), &size]);
        if let Some(folder) = std::env::var_os("MTPT_SCREENSHOTS") {
            let name = page.file_stem().unwrap().to_string_lossy();
            let name = format!("{name}-{}-{}.png", view.width, view.theme);
            fs::copy(&file, Path::new(&folder).join(name)).unwrap();
        }
        self.statistics(&file, view.width, height)
    }

    /// Returns the JSON in the element `probe` of a page, after its scripts have run.
    fn probed(&self, page: &Path) -> Value {
        let dom = String::from_utf8(self.run(page, &["--dump-dom"])).unwrap();
        let start = dom.find("<pre id=\"probe\">").expect("the probe has run") + 16;
        let end = start + dom[start..].find("</pre>").unwrap();
        let text = dom[start..end].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Decodes a screenshot on a canvas and counts its pixels.
    fn statistics(&self, file: &Path, width: u32, height: u32) -> Screenshot {
        let image = STANDARD.encode(fs::read(file).unwrap());
        let size = json!({ "width": width, "height": height });
        let page = self.folder.path().join("pixels.html");
        let html = format!(
            "<!DOCTYPE html><body><pre id=\"probe\"></pre><img src=\"data:image/png;base64,{image}\"/>\
             <script>var size = {size};{PIXELS}</script></body>"
        );
        fs::write(&page, html).unwrap();
        let found = self.probed(&page);
        let background = [0, 1, 2].map(|channel| found["background"][channel].as_f64().unwrap());
        let ink = found["ink"].as_f64().unwrap();
        Screenshot { background, ink, colored: found["colored"].as_u64().unwrap() }
    }

    /// Writes a page that contains a copy of another one in a frame, and returns its path.
    fn frame(&self, page: &Path, view: View, height: u32) -> PathBuf {
        let text = fs::read_to_string(page).unwrap();
        let theme = format!("<html data-theme=\"{}\" ", view.theme);
        // The policy of the page allows only its own script.
        let policy = text.find("<meta http-equiv=\"Content-Security-Policy\"").unwrap();
        let end = policy + text[policy..].find("/>").unwrap() + 2;
        let text = format!("{}{}", &text[..policy], &text[end..]);
        let text = text.replacen("<html ", &theme, 1);
        let text = text.replace("</body>", &format!("<script>{PROBE}</script></body>"));
        fs::write(self.folder.path().join("copy.html"), text).unwrap();
        let frame = format!(
            "<!DOCTYPE html><body style=\"margin:0\"><iframe src=\"copy.html\" \
             style=\"border:0;display:block\" width=\"{}\" height=\"{height}\"></iframe>\
             <script>onmessage = function (event) {{ var probe = document.createElement('pre'); \
             probe.id = 'probe'; probe.textContent = event.data; document.body.append(probe); }};\
             </script></body>",
            view.width
        );
        let path = self.folder.path().join("frame.html");
        fs::write(&path, frame).unwrap();
        path
    }

    /// Runs Chromium without network access and returns its output.
    pub(crate) fn run(&self, page: &Path, arguments: &[&str]) -> Vec<u8> {
        let profile = tempfile::tempdir_in(self.folder.path()).unwrap();
        let output = Command::new(self.program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"])
            .args(["--no-first-run", "--disable-background-networking", "--disable-sync"])
            .args(["--disable-component-update", "--hide-scrollbars"])
            .args(["--virtual-time-budget=5000", "--allow-file-access-from-files"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .args(arguments)
            .arg(format!("file://{}", page.display()))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}

/// Returns the brightness of a color, from 0 to 255.
pub(crate) fn brightness([red, green, blue]: [f64; 3]) -> f64 {
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}
