use std::path::{Path, PathBuf};

use mtpt::tasks::{Dialect, Layout, TaskId};

/// A task of the configuration, derived from a data file.
pub(crate) struct StartingTask {
    pub(crate) name: TaskId,
    pub(crate) layout: Layout,
    pub(crate) train: PathBuf,
    pub(crate) dev: Option<PathBuf>,
    pub(crate) template: String,
    pub(crate) label_field: String,
    /// Labels with their label words.
    pub(crate) labels: Vec<(String, String)>,
    /// Whether a row has any number of labels.
    pub(crate) multi_label: bool,
    /// Columns that the template doesn't use.
    pub(crate) other_columns: Vec<String>,
}

/// A configuration with a comment on every value that a user may want to change.
pub(crate) struct StartingConfig {
    pub(crate) model: PathBuf,
    pub(crate) max_input_length: usize,
    /// Length of the longest input, in tokens.
    pub(crate) longest_input: usize,
    /// Number of training rows of all tasks.
    pub(crate) training_rows: usize,
    pub(crate) tasks: Vec<StartingTask>,
}

/// Number of training rows below which the batch size is smaller, so that an epoch has enough
/// steps.
const SMALL_DATA: usize = 500;

impl StartingConfig {
    pub(crate) fn to_toml(&self) -> String {
        let several = self.tasks.len() > 1;
        let strategy = if several {
            "# How a task's prompt is composed of shared and task-specific parameters. `low_rank` is\n\
             # multitask prompt tuning. `add`, `concat`, `weighted` and `gated` also share parameters;\n\
             # `separate` doesn't.\n\
             [composition]\nstrategy = \"low_rank\"\nrank = 1\n"
        } else {
            "# `separate` is plain prompt tuning. With several tasks, `low_rank` (multitask prompt\n\
             # tuning), `add`, `concat`, `weighted` or `gated` share parameters between them.\n\
             [composition]\nstrategy = \"separate\"\n"
        };
        let mut text = format!(
            "# Configuration for `mtpt train`, written by `mtpt init`. Omitted keys have default values.\n\
             # Override a value for one run with `mtpt train THIS --set training.steps=500`.\n\
             \n\
             # Frozen model: a Hugging Face model folder.\n\
             model = {}\n\
             # Determines the initial parameter values and the order of the training rows.\n\
             seed = 0\n\
             \n\
             # Number of prompt vectors in front of each input. 20 to 100 is usual; more vectors have\n\
             # more capacity, but make each step slower.\n\
             [prompt]\n\
             length = 20\n\
             \n\
             {strategy}\
             \n\
             [training]\n\
             # Number of steps, and examples per step. If the metrics on `dev` still improve at the end,\n\
             # start a longer run; only one with `decay = \"constant\"` can be extended with `--resume`.\n\
             steps = 300\n\
             batch_size = {}\n\
             # Prompts need a high learning rate. Divide it by 3 if the loss fluctuates strongly, or\n\
             # compare several: `mtpt train THIS --set training.learning_rate=0.1,0.3,1`.\n\
             learning_rate = 0.3\n\
             # Default: AdamW. Lester et al. used Adafactor with a constant learning rate:\n\
             # optimizer = {{ kind = \"adafactor\" }}\n\
             # Maximum input length in tokens. The longest input has {}{}.\n\
             max_input_length = {}\n\
             \n\
             [evaluation]\n\
             # Number of steps between evaluations on `dev`. The best prompts are saved.\n\
             every = 50\n\
             # Stop early after this many evaluations without improvement:\n\
             # patience = 4\n",
            toml_string(&self.model.to_string_lossy()),
            if self.training_rows < SMALL_DATA { 16 } else { 32 },
            self.longest_input,
            if self.longest_input > self.max_input_length { " and is truncated" } else { "" },
            self.max_input_length,
        );
        for task in &self.tasks {
            text.push('\n');
            text.push_str(&task.to_toml());
        }
        text
    }
}

impl StartingTask {
    fn to_toml(&self) -> String {
        let path = |path: &Path| toml_string(&path.to_string_lossy());
        let mut text = format!(
            "[[tasks]]\nname = {}\nformat = {}\n{}train = {}\n",
            toml_string(self.name.as_str()),
            toml_string(self.layout.format.as_str()),
            layout_options(&self.layout),
            path(&self.train)
        );
        match &self.dev {
            Some(dev) => text.push_str(&format!("dev = {}\n", path(dev))),
            None => text.push_str(
                "# Fraction of rows held out for validation; or set `dev` to a separate file.\n\
                 hold_out = 0.2\n",
            ),
        }
        text.push_str("# Input text, with columns in braces.");
        if !self.other_columns.is_empty() {
            text.push_str(&format!(
                " Other columns: {}.",
                self.other_columns
                    .iter()
                    .map(|name| toml_string(name))
                    .collect::<Vec<_>>()
                    .join(", ")
            ));
        }
        text.push_str(&format!(
            "\ntemplate = {}\nlabel_field = {}\n\
             # The word that the model generates for each label. Words that describe the label work best.\n\
             {}\n",
            toml_string(&self.template),
            toml_string(&self.label_field),
            if self.multi_label {
                "# A row has any number of labels.\n[tasks.labels.multi_label.labels]"
            } else {
                "[tasks.labels]"
            },
        ));
        for (label, word) in &self.labels {
            text.push_str(&format!("{} = {}\n", toml_string(label), toml_string(word)));
        }
        text
    }
}

/// Formats the encoding and the dialect, where they are not the usual ones.
fn layout_options(Layout { encoding, dialect, .. }: &Layout) -> String {
    let mut text = String::new();
    if let Some(encoding) = encoding {
        let name = encoding.name().to_ascii_lowercase();
        text.push_str(&format!("encoding = {}\n", toml_string(&name)));
    }
    if let Some(Dialect { separator, quotes }) = dialect {
        let separator = separator.map(|sign| toml_string(&sign.to_string()));
        let separator = separator.map(|text| format!("separator = {text}"));
        let quotes = quotes.map(|quotes| format!("quotes = {quotes}"));
        let options: Vec<String> = separator.into_iter().chain(quotes).collect();
        text.push_str(&format!("dialect = {{ {} }}\n", options.join(", ")));
    }
    text
}

/// Formats a text as a basic string of TOML, which accepts all escapes of JSON.
fn toml_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use mtpt::tasks::{Format, TaskFile};
    use mtpt::train::RunConfig;

    use super::*;

    #[test]
    fn special_characters_survive_toml() {
        let folder = tempfile::tempdir().unwrap();
        let odd = "the \"text\"\\, née\tx";
        let config = StartingConfig {
            model: PathBuf::from("C:\\models\\t5"),
            max_input_length: 16,
            longest_input: 9,
            training_rows: 3,
            tasks: vec![StartingTask {
                name: "tickets".parse().unwrap(),
                layout: Layout {
                    format: Format::Csv,
                    encoding: Some("latin-1".parse().unwrap()),
                    dialect: Some(Dialect { separator: Some('|'), quotes: Some(true) }),
                },
                train: PathBuf::from("a \"b\".csv"),
                dev: None,
                template: format!("{{{odd}}}"),
                label_field: odd.to_owned(),
                labels: vec![("a.b = \"c\"".into(), "yes".into()), ("d\n".into(), "no".into())],
                multi_label: false,
                other_columns: vec!["line\nbreak".into()],
            }],
        };
        let (text, path) = (config.to_toml(), folder.path().join("run.toml"));
        let run = RunConfig::parse(&text, &path).unwrap();
        assert_eq!((run.model.as_str(), run.training.batch_size), ("C:\\models\\t5", 16));
        // Commented-out settings are valid.
        let commented = text.replace("# optimizer", "optimizer").replace("# patience", "patience");
        let other = RunConfig::parse(&commented, &path).unwrap();
        assert!(other.training.optimizer != run.training.optimizer);
        assert_eq!((other.evaluation.patience, run.evaluation.patience), (Some(4), None));
        let tasks = TaskFile::parse(&text, &path).unwrap().into_tasks();
        assert_eq!(tasks[0].label_field(), odd);
        assert_eq!(tasks[0].template().fields().collect::<Vec<_>>(), [odd]);
        assert_eq!(tasks[0].labels().words(), ["yes", "no"]);
        let task = tasks[0].config();
        assert_eq!(task.layout(), config.tasks[0].layout);
        assert_eq!(
            (task.hold_out, task.train.as_deref()),
            (Some(0.2), Some(folder.path().join("a \"b\".csv").as_path()))
        );
    }
}
