use super::course;
use super::few_rows;
use super::history::{History, highest};
use super::html::Html;
use super::mixture::Mixtures;
use super::nearest::NearestToken;
use super::prompts;
use super::run_files::{REPORT, RunBelow, RunFiles};
use super::similarity::Similarity;
use crate::commands::inspect::{counted, thousands};

/// All that a page tells.
pub(super) struct Report<'a> {
    /// The name of the run's folder.
    pub(super) name: String,
    pub(super) files: &'a RunFiles,
    /// None without prompts.
    pub(super) similarity: Option<Similarity>,
    pub(super) mixtures: Mixtures,
    pub(super) nearest: Nearest,
    /// What is missing, in sentences.
    pub(super) notes: Vec<String>,
}

/// What vectors of prompts are near to.
pub(super) enum Nearest {
    /// In the vocabulary of a model, for the first vectors of each task's prompt.
    Tokens {
        /// The model.
        model: String,
        of_tasks: Vec<Vec<NearestToken>>,
    },
    /// It is not known, for this reason.
    Unknown(String),
}

/// By this a page is known for one of `mtpt report`.
pub(super) const GENERATOR: &str = "<meta name=\"generator\" content=\"mtpt report\"/>";
const STYLE: &str = include_str!("report.css");

impl Report<'_> {
    /// The best mean of the tasks on `dev` and its step, of a run that keeps its prompts by it.
    pub(super) fn best(&self) -> Option<(usize, f64)> {
        if self.trains_a_model() { None } else { highest(&self.files.history.means()) }
    }

    /// Whether this is a run of `mtpt pretrain`.
    pub(super) fn trains_a_model(&self) -> bool {
        let corpora =
            self.files.config.as_ref().is_some_and(|config| config.said.corpora.is_some());
        self.files.has_model || corpora
    }

    /// The names of the tasks: those of the prompts, or else as the log tells of them.
    pub(super) fn tasks(&self) -> Vec<&str> {
        let mut names: Vec<&str> = match (&self.files.header, &self.files.config) {
            (Some(header), _) => header.tasks.iter().map(|task| task.name.as_str()).collect(),
            (None, Some(config)) => {
                let of_config = config.said.corpora.iter().flatten().chain(&config.said.tasks);
                of_config.map(|named| named.name.as_str()).collect()
            }
            (None, None) => Vec::new(),
        };
        for name in self.files.history.tasks() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The page, whole: it loads nothing and runs nothing.
    pub(super) fn page(&self) -> String {
        let mut html = Html::default();
        html.markup("<!DOCTYPE html>\n");
        html.element("html", &[("lang", "en")], |html| {
            html.element("head", &[], |html| self.head(html));
            html.line();
            html.element("body", &[], |html| {
                html.element("header", &[], |html| self.summary(html));
                html.line();
                html.element("main", &[], |html| {
                    self.notes(html);
                    course::write(self, html);
                    few_rows::write(&self.files.few_rows, html);
                    if self.files.header.is_some() {
                        prompts::write(self, html);
                    }
                    below(&self.files.below, html);
                    self.config(html);
                });
            });
        });
        html.line();
        html.into_text()
    }

    fn head(&self, html: &mut Html) {
        html.empty("meta", &[("charset", "utf-8")]);
        let nothing = "default-src 'none'; style-src 'unsafe-inline'";
        html.empty("meta", &[("http-equiv", "Content-Security-Policy"), ("content", nothing)]);
        html.empty(
            "meta",
            &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")],
        );
        html.markup(GENERATOR);
        html.leaf("title", &[], &format!("{}: mtpt report", self.name));
        // The sheet has no sign that would have to be escaped; a test holds it.
        html.element("style", &[], |html| html.markup(STYLE));
    }

    fn summary(&self, html: &mut Html) {
        html.leaf("h1", &[], &format!("Run {}", self.name));
        let history = &self.files.history;
        let said = self.files.config.as_ref().map(|config| &config.said);
        let state = match (history.steps.is_empty(), self.files.below.len()) {
            (true, runs) if runs > 0 => format!("{} in folders of this one.", counted(runs, "run")),
            _ => state(history, said.map_or(0, |said| said.training.steps), self.files.is_over),
        };
        html.leaf("p", &[], &state);
        html.element("dl", &[], |html| {
            if let Some((step, value)) = self.best() {
                item(html, "Best mean of the tasks on dev", |html| {
                    html.element("strong", &[], |html| percent(html, value));
                    html.text(&format!(" at step {}", thousands(step)));
                });
            }
            if let Some(step) = history.steps.last() {
                item(html, "Loss of the last step", |html| {
                    html.element("strong", &[], |html| nats(html, step.loss));
                    html.text(" nats for each target token");
                });
                let rows = history.steps.iter().map(|step| step.rows).sum();
                let seconds: f64 = history.steps.iter().map(|step| step.seconds).sum();
                item(html, "Steps took", |html| {
                    html.text(&format!("{}, {}", duration(seconds), counted(rows, "row")));
                });
            }
            item(html, "Tasks", |html| html.text(&thousands(self.tasks().len())));
            if let Some(header) = &self.files.header {
                item(html, "Composition", |html| {
                    let composition = serde_json::to_string(&header.composition);
                    html.leaf("code", &[], &composition.unwrap_or_default());
                });
                item(html, "Shared prompt", |html| {
                    let vectors = counted(header.length, "vector");
                    html.text(&format!("{vectors} of width {}", thousands(header.d_model)));
                });
                if let Ok(count) = header.parameter_count() {
                    item(html, "Numbers of the prompts", |html| {
                        let [all, shared, own] =
                            [count.total(), count.shared, count.own].map(thousands);
                        html.text(&format!("{all}: {shared} shared, {own} of tasks"));
                    });
                }
            }
            let model = said.map(|said| said.model.as_str()).filter(|model| !model.is_empty());
            let of_prompts = self.files.header.as_ref().map(|header| header.model.as_str());
            if let Some(model) = model.or(of_prompts).filter(|model| !model.is_empty()) {
                item(html, "Model", |html| html.leaf("code", &[], model));
            }
            if let Some(said) = said {
                item(html, "Seed", |html| html.text(&said.seed.to_string()));
            }
        });
    }

    fn notes(&self, html: &mut Html) {
        if self.notes.is_empty() {
            return;
        }
        section(html, "notes", "What is missing here", |html| {
            html.element("ul", &[], |html| {
                for note in &self.notes {
                    html.leaf("li", &[], note);
                }
            });
        });
    }

    fn config(&self, html: &mut Html) {
        let Some(config) = &self.files.config else { return };
        section(html, "configuration", "Configuration", |html| {
            html.element("details", &[], |html| {
                html.leaf("summary", &[], "config.toml, as it was resolved");
                html.leaf("pre", &[], &config.text);
            });
        });
    }
}

/// How far a run got.
fn state(history: &History, steps: usize, is_over: bool) -> String {
    let done = history.steps.last().map_or(0, |step| step.step);
    match (done, steps) {
        (done, 0) => format!("{} done.", counted(done, "step")),
        (done, steps) if done >= steps => format!("All {} steps are done.", thousands(steps)),
        (done, steps) if is_over => {
            format!("The run ended early, after {} of {} steps.", thousands(done), thousands(steps))
        }
        (done, steps) => format!(
            "{} of {} steps are done: the run is in progress, or was interrupted.",
            thousands(done),
            thousands(steps)
        ),
    }
}

fn below(runs: &[RunBelow], html: &mut Html) {
    if runs.is_empty() {
        return;
    }
    section(html, "runs-below", "Runs in folders of this one", |html| {
        table(html, "Each has a page of its own, once `mtpt report` has written it", |html| {
            head_row(html, &["Run", "Steps", "Loss of the last step", "Best mean on dev"]);
            html.element("tbody", &[], |html| {
                for run in runs {
                    html.element("tr", &[], |html| run_below(run, html));
                }
            });
        });
    });
}

fn run_below(run: &RunBelow, html: &mut Html) {
    html.element("th", &[("scope", "row")], |html| {
        if run.has_report {
            // A path, whatever it begins with, and no address.
            let page = format!("./{}/{REPORT}", percent_encoded(&run.path));
            html.leaf("a", &[("href", &page)], &run.path);
        } else {
            html.text(&run.path);
        }
    });
    let last = run.history.steps.last();
    let done = last.map_or(0, |step| step.step);
    let steps = format!("{} of {}", thousands(done), thousands(run.steps));
    html.leaf("td", &[("class", "number")], &steps);
    html.element("td", &[("class", "number")], |html| match last {
        Some(step) => nats(html, step.loss),
        None => html.text("–"),
    });
    html.element("td", &[("class", "number")], |html| match highest(&run.history.means()) {
        Some((step, value)) => {
            percent(html, value);
            html.text(&format!(" at step {}", thousands(step)));
        }
        None => html.text("–"),
    });
}

/// A path as it may stand in a link.
fn percent_encoded(path: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    path.bytes().map(encoded).collect()
}

/// A part of the page under a heading.
pub(super) fn section(
    html: &mut Html,
    id: &'static str,
    heading: &str,
    inside: impl FnOnce(&mut Html),
) {
    html.element("section", &[("id", id), ("aria-labelledby", &format!("{id}-heading"))], |html| {
        html.leaf("h2", &[("id", &format!("{id}-heading"))], heading);
        inside(html);
    });
    html.line();
}

/// A table that can be moved sideways where it is wider than the screen.
pub(super) fn table(html: &mut Html, caption: &str, rows: impl FnOnce(&mut Html)) {
    let attributes =
        [("class", "scroll"), ("role", "region"), ("aria-label", caption), ("tabindex", "0")];
    html.element("div", &attributes, |html| {
        html.element("table", &[], |html| {
            html.leaf("caption", &[], caption);
            rows(html);
        });
    });
    html.line();
}

/// The heads of columns: that of the rows' names first.
pub(super) fn head_row(html: &mut Html, names: &[&str]) {
    html.element("thead", &[], |html| {
        html.element("tr", &[], |html| {
            for (place, name) in names.iter().enumerate() {
                let class = if place == 0 { "" } else { "number" };
                html.leaf("th", &[("scope", "col"), ("class", class)], name);
            }
        });
    });
}

fn item(html: &mut Html, name: &str, value: impl FnOnce(&mut Html)) {
    html.element("div", &[], |html| {
        html.leaf("dt", &[], name);
        html.element("dd", &[], value);
    });
}

/// A fraction in percent, with the number itself for machines.
pub(super) fn percent(html: &mut Html, value: f64) {
    html.leaf("data", &[("value", &value.to_string())], &format!("{:.1}", 100.0 * value));
}

/// A loss, with the number itself for machines.
pub(super) fn nats(html: &mut Html, value: f64) {
    html.leaf("data", &[("value", &value.to_string())], &format!("{value:.4}"));
}

fn duration(seconds: f64) -> String {
    match seconds {
        ..120.0 => format!("{seconds:.1} s"),
        120.0..7200.0 => format!("{:.1} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_sheet_can_stand_in_a_page() {
        assert!(
            !STYLE.contains(['<', '&']) && !STYLE.contains("url(") && !STYLE.contains("@import")
        );
    }

    #[test]
    fn a_path_is_a_link_below_the_page() {
        assert_eq!(percent_encoded("teachers/a b/\"c\""), "teachers/a%20b/%22c%22");
        assert_eq!(percent_encoded("javascript:x"), "javascript%3Ax");
    }
}
