use std::path::{Path, PathBuf};

use mtpt::tasks::{LabelsConfig, Layout, TaskConfig};

use crate::commands::init::toml::{string, table_of_words};
use crate::number_format::counted;

/// A task of the configuration, derived from data files.
pub(crate) struct StartingTask {
    /// The definition, with paths as the configuration must contain them.
    pub(crate) config: TaskConfig,
    /// Whether the format implies template, labels and metrics.
    pub(crate) is_benchmark: bool,
    /// Lowest and highest score found, for scores.
    pub(crate) scores: Option<(f64, f64)>,
    /// Number of rows without a label.
    pub(crate) unlabeled: usize,
    /// Columns that the template doesn't use.
    pub(crate) other_columns: Vec<String>,
}

/// A configuration with a comment on every value that a user may want to change.
pub(crate) struct StartingConfig {
    pub(crate) model: PathBuf,
    pub(crate) max_input_length: usize,
    /// Length of the longest input, in tokens.
    pub(crate) longest_input: usize,
    /// Length of the longest text to generate, in tokens; 0 if there is none.
    pub(crate) longest_text: usize,
    /// Number of training rows of all tasks.
    pub(crate) training_rows: usize,
    /// Name of the file, for commands in comments.
    pub(crate) name: String,
    pub(crate) tasks: Vec<StartingTask>,
}

/// Number of training rows below which the batch size is smaller, so that an epoch has enough
/// steps.
const SMALL_DATA: usize = 500;
/// Minimum and maximum of `max_target_length` for generated texts.
const TARGET_LENGTHS: [usize; 2] = [16, 256];

impl StartingConfig {
    /// Returns the maximum length of generated texts; `None` if none are generated.
    pub(crate) fn max_target_length(&self) -> Option<usize> {
        let [least, most] = TARGET_LENGTHS;
        let length = (3 * self.longest_text / 2).next_multiple_of(8).clamp(least, most);
        (self.longest_text > 0).then_some(length)
    }

    pub(crate) fn to_toml(&self) -> String {
        let strategy = if self.tasks.len() > 1 {
            "# How a task's prompt is composed of shared and task-specific parameters. `low_rank` is\n\
             # multitask prompt tuning. `add`, `concat`, `weighted` and `gated` also share parameters;\n\
             # `separate` doesn't.\n\
             [composition]\nstrategy = \"low_rank\"\nrank = 1\n"
        } else {
            "# `separate` is plain prompt tuning. With several tasks, `low_rank` (multitask prompt\n\
             # tuning), `add`, `concat`, `weighted` or `gated` share parameters between them.\n\
             [composition]\nstrategy = \"separate\"\n"
        };
        let target_length = match self.max_target_length() {
            Some(length) => format!(
                "# Maximum length of generated texts in tokens. The longest target has {}.\n\
                 max_target_length = {length}\n",
                self.longest_text
            ),
            None => String::new(),
        };
        let name = &self.name;
        let mut text = format!(
            "# Configuration for `mtpt train`, written by `mtpt init`. Omitted keys have default values.\n\
             # Override a value for one run with `mtpt train {name} --set training.steps=500`.\n\
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
             # continue the run: `mtpt train {name} --resume --set training.steps=600`.\n\
             steps = 300\n\
             batch_size = {}\n\
             # Prompts need a high learning rate. Divide it by 3 if the loss fluctuates strongly, or\n\
             # compare several: `mtpt train {name} --set training.learning_rate=0.1,0.3,1`.\n\
             learning_rate = 0.3\n\
             # A run with a constant learning rate can be continued. If the number of steps is final,\n\
             # `linear` decay is often a little better.\n\
             decay = \"constant\"\n\
             # Default: AdamW. Lester et al. used Adafactor with a constant learning rate:\n\
             # optimizer = {{ kind = \"adafactor\" }}\n\
             # Maximum input length in tokens. The longest input has {}{}.\n\
             max_input_length = {}\n\
             {target_length}\
             \n\
             [evaluation]\n\
             # Number of steps between evaluations on `dev`. The best prompts are saved.\n\
             every = 50\n\
             # Stop early after this many evaluations without improvement:\n\
             # patience = 4\n",
            string(&self.model.to_string_lossy()),
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
        let config = &self.config;
        let path = |key: &str, path: &Option<PathBuf>| match path {
            Some(path) => format!("{key} = {}\n", string(&path_text(path))),
            None => String::new(),
        };
        let mut text = format!(
            "[[tasks]]\nname = {}\nformat = {}\n{}{}{}{}",
            string(config.name.as_str()),
            string(config.format.as_str()),
            layout_options(&config.layout()),
            path("train", &config.train),
            path("dev", &config.dev),
            path("test", &config.test),
        );
        if let Some(share) = config.hold_out {
            text.push_str(&format!(
                "# Fraction of rows held out for validation; or set `dev` to a separate file.\n\
                 hold_out = {share}\n"
            ));
        }
        if self.is_benchmark {
            text.push_str("# The format implies the template, the label words and the metrics.\n");
            return text;
        }
        if self.unlabeled > 0 {
            let rows = counted(self.unlabeled, "row");
            let verb = if self.unlabeled == 1 { "has" } else { "have" };
            text.push_str(&format!(
                "# {rows} {verb} no label. They are left out; predict them with the trained prompts.\n\
                 unlabeled = \"skip\"\n"
            ));
        }
        text.push_str("# Input text, with columns in braces.");
        if !self.other_columns.is_empty() {
            let names: Vec<String> = self.other_columns.iter().map(|name| string(name)).collect();
            text.push_str(&format!(" Other columns: {}.", names.join(", ")));
        }
        let template = config.template.as_deref().unwrap_or_default();
        text.push_str(&format!("\ntemplate = {}\n", string(template)));
        if let Some(field) = &config.label_field {
            text.push_str(&format!("label_field = {}\n", string(field)));
        }
        if !config.metrics.is_empty() {
            let metrics: Vec<String> =
                config.metrics.iter().map(|metric| string(metric.name())).collect();
            text.push_str(&format!(
                "# The first metric is the primary one.\nmetrics = [{}]\n",
                metrics.join(", ")
            ));
        }
        text.push_str(&self.labels());
        text
    }

    fn labels(&self) -> String {
        match &self.config.labels {
            Some(LabelsConfig::Words(words)) => format!(
                "# The word that the model generates for each label. Words that describe the label work best.\n\
                 [tasks.labels]\n{}",
                table_of_words(words)
            ),
            Some(LabelsConfig::Regression(scale)) => {
                let found = self.scores.map_or_else(String::new, |(lowest, highest)| {
                    format!(" The scores of the data are from {lowest} to {highest}.")
                });
                format!(
                    "# Scores become words, {} apart.{found}\n\
                     labels = {{ regression = {{ lowest = {}, highest = {}, step = {} }} }}\n",
                    scale.step, scale.lowest, scale.highest, scale.step
                )
            }
            Some(LabelsConfig::MultiLabel(config)) => {
                let mut text = String::from(
                    "# A row has any number of labels. `none` is the target of a row without labels.\n\
                     [tasks.labels.multi_label]\n",
                );
                if let Some(separator) = &config.separator {
                    text.push_str(&format!("separator = {}\n", string(separator)));
                }
                text.push_str(&format!("none = {}\n", string(&config.none)));
                let (key, comment) = if config.columns {
                    ("columns", "Columns with yes or no, and the word of each that is yes.")
                } else {
                    ("labels", "The word that the model generates for each label.")
                };
                text.push_str(&format!("# {comment}\n[tasks.labels.multi_label.{key}]\n"));
                text + &table_of_words(&config.words)
            }
            _ => "# Free text: the model is trained to generate the text of the label field.\n\
                  labels = \"text\"\n"
                .to_owned(),
        }
    }
}

fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Formats the encoding and the dialect, where they are not the usual ones.
fn layout_options(Layout { encoding, dialect, .. }: &Layout) -> String {
    let mut text = String::new();
    if let Some(encoding) = encoding {
        let name = encoding.name().to_ascii_lowercase();
        text.push_str(&format!("encoding = {}\n", string(&name)));
    }
    if let Some(dialect) = dialect {
        let separator = dialect.separator.map(|sign| string(&sign.to_string()));
        let separator = separator.map(|text| format!("separator = {text}"));
        let quotes = dialect.quotes.map(|quotes| format!("quotes = {quotes}"));
        let options: Vec<String> = separator.into_iter().chain(quotes).collect();
        text.push_str(&format!("dialect = {{ {} }}\n", options.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use mtpt::tasks::labels::{MultiLabelConfig, Scale};
    use mtpt::tasks::task::Unlabeled;
    use mtpt::tasks::{Dialect, Format, Metric, TaskFile};
    use mtpt::train::RunConfig;

    use super::*;

    /// Returns a configuration of one task per kind of labels.
    fn starting(labels: Vec<LabelsConfig>) -> StartingConfig {
        let odd = "the \"text\"\\, née\tx";
        let tasks = labels.into_iter().enumerate().map(|(index, labels)| StartingTask {
            config: TaskConfig {
                encoding: Some("latin-1".parse().unwrap()),
                dialect: Some(Dialect { separator: Some('|'), quotes: Some(true) }),
                train: Some(PathBuf::from("a \"b\".csv")),
                hold_out: Some(0.2),
                template: Some(format!("{{{odd}}}")),
                label_field: Some(odd.to_owned()),
                labels: Some(labels),
                unlabeled: Unlabeled::Skip,
                ..TaskConfig::new(format!("t{index}").parse().unwrap(), Format::Csv)
            },
            is_benchmark: false,
            scores: Some((0.5, 4.5)),
            unlabeled: 3,
            other_columns: vec!["line\nbreak".into()],
        });
        StartingConfig {
            model: PathBuf::from("C:\\models\\t5"),
            max_input_length: 16,
            longest_input: 9,
            longest_text: 20,
            training_rows: 3,
            name: "run.toml".to_owned(),
            tasks: tasks.collect(),
        }
    }

    #[test]
    fn every_kind_of_labels_survives_toml() {
        let folder = tempfile::tempdir().unwrap();
        let words = || vec![("a.b = \"c\"".to_owned(), "yes".into()), ("d\n".into(), "no".into())];
        let multi_label = MultiLabelConfig {
            separator: Some("|".into()),
            none: "no label".into(),
            ..MultiLabelConfig::new(words())
        };
        let columns = MultiLabelConfig { columns: true, ..MultiLabelConfig::new(words()) };
        let labels = vec![
            LabelsConfig::Words(words()),
            LabelsConfig::Regression(Scale { lowest: -1.0, highest: 1.0, step: 0.1 }),
            LabelsConfig::text(),
            LabelsConfig::MultiLabel(multi_label),
            LabelsConfig::MultiLabel(columns),
        ];
        let mut config = starting(labels.clone());
        config.tasks[1].config.metrics = vec![Metric::Pearson, Metric::Spearman];
        let (text, path) = (config.to_toml(), folder.path().join("run.toml"));
        let run = RunConfig::parse(&text, &path).unwrap();
        assert_eq!((run.model.as_str(), run.training.max_target_length), ("C:\\models\\t5", 32));
        // Commented-out settings are valid.
        let commented = text.replace("# optimizer", "optimizer").replace("# patience", "patience");
        let other = RunConfig::parse(&commented, &path).unwrap();
        assert!(other.training.optimizer != run.training.optimizer);
        assert_eq!((other.evaluation.patience, run.evaluation.patience), (Some(4), None));
        let tasks = TaskFile::parse(&text, &path).unwrap().into_tasks();
        for (index, (task, labels)) in tasks.iter().zip(labels).enumerate() {
            let expected = &config.tasks[index].config;
            let found = task.config();
            assert_eq!(found.labels.as_ref(), Some(&labels));
            assert_eq!((found.layout(), found.unlabeled), (expected.layout(), Unlabeled::Skip));
            assert_eq!(found.train, Some(folder.path().join("a \"b\".csv")));
            assert_eq!((&found.template, found.hold_out), (&expected.template, Some(0.2)));
        }
    }
}
