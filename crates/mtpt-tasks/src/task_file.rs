use std::fs;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use crate::config::TaskConfig;
use crate::error::{Error, Result};
use crate::groups::Groups;
use crate::task::Task;
use crate::toml_text::{line_of, read_toml};

/// The tasks of a TOML file, in its order: its `[[tasks]]` entries.
///
/// Relative paths begin at the folder of the file. Other keys of the file belong to others and are passed over, so
/// that tasks can stand in the configuration of a run.
///
/// ```toml
/// [[tasks]]
/// name = "sentiment/sst2"
/// format = "glue_sst2"          # implies template, labels and metrics
/// train = "data/SST-2/train.tsv"
/// dev = "data/SST-2/dev.tsv"
///
/// [[tasks]]
/// name = "trec"
/// format = "json_lines"
/// train = "data/trec/train.jsonl"
/// test = "data/trec/test.jsonl"
/// template = "trec question: {text}"
/// labels = "verbatim"
/// metrics = ["accuracy", "macro_f1"]
/// limit = { train = 1000, seed = 1 }
/// ```
///
/// The groups that tasks belong to may stand in a table of their own instead of in the names:
///
/// ```toml
/// [groups]
/// nlu = ["sentiment", "trec"]   # tasks or other groups
/// sentiment = ["sst2"]
/// ```
///
/// makes tasks named `sst2` and `trec` into `nlu/sentiment/sst2` and `nlu/trec`; a task in no group keeps its name.
#[derive(Clone, Debug)]
pub struct TaskFile {
    tasks: Vec<Task>,
}

/// The part of a configuration that is read here.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    tasks: Vec<Spanned<TaskConfig>>,
    #[serde(default)]
    groups: Groups,
}

impl TaskFile {
    /// Reads and checks a file.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] and those of [`parse`](Self::parse).
    pub fn load(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path)
            .map_err(|source| Error::Read { path: path.to_path_buf(), source })?;
        Self::parse(&text, path)
    }

    /// Checks the text of a file.
    ///
    /// # Errors
    ///
    /// [`Error::Toml`] for another form than expected, [`Error::NoTasks`], [`Error::InTaskFile`] around
    /// [`Error::GroupName`], [`Error::GroupIsTask`], [`Error::EmptyGroup`], [`Error::UnknownChild`], [`Error::TwoGroups`] or
    /// [`Error::GroupCycle`] for groups that make no tree, and [`Error::InTaskFile`] around
    /// [`Error::InTask`] for a task that is wrong: [`Error::DuplicateTask`], [`Error::TaskIsGroup`] and those of
    /// [`Task::new`].
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let document: Document = read_toml(text).map_err(|problem| Error::toml(path, problem))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let configs = document.tasks.into_iter().map(|config| {
            let line = line_of(text, config.span().start);
            (config.into_inner().in_folder(folder), Some(line))
        });
        let mut configs: Vec<_> = configs.collect();
        let names: Vec<&str> = configs.iter().map(|(config, _)| config.name.as_str()).collect();
        let paths = document.groups.paths(&names).map_err(|(byte, problem)| Error::InTaskFile {
            file: path.to_path_buf(),
            line: Some(line_of(text, byte)),
            problem: Box::new(problem),
        })?;
        for ((config, _), path) in configs.iter_mut().zip(paths) {
            config.name = path;
        }
        Self::check(configs, path)
    }

    /// Checks descriptions that come from elsewhere, whose paths are left as they are; the path is for messages.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse), without lines.
    pub fn from_configs(configs: Vec<TaskConfig>, path: &Path) -> Result<Self> {
        Self::check(configs.into_iter().map(|config| (config, None)).collect(), path)
    }

    fn check(configs: Vec<(TaskConfig, Option<usize>)>, path: &Path) -> Result<Self> {
        if configs.is_empty() {
            return Err(Error::NoTasks { file: path.to_path_buf() });
        }
        let mut tasks = Vec::with_capacity(configs.len());
        for (index, (config, line)) in configs.iter().enumerate() {
            let task = Self::check_name(config, &configs[..index])
                .map_err(|error| error.in_task(&config.name))
                .and_then(|()| Task::new(config))
                .map_err(|problem| Error::InTaskFile {
                    file: path.to_path_buf(),
                    line: *line,
                    problem: Box::new(problem),
                })?;
            tasks.push(task);
        }
        Ok(Self { tasks })
    }

    /// A name is taken once, and never by a task and a group at once.
    fn check_name(config: &TaskConfig, before: &[(TaskConfig, Option<usize>)]) -> Result<()> {
        let name = &config.name;
        for (other, line) in before {
            let other = &other.name;
            if name == other {
                return Err(Error::DuplicateTask { first_line: *line });
            }
            for (task, inner) in [(name, other), (other, name)] {
                let rest = inner.as_str().strip_prefix(task.as_str());
                if rest.is_some_and(|rest| rest.starts_with('/')) {
                    return Err(Error::TaskIsGroup { group: task.clone() });
                }
            }
        }
        Ok(())
    }

    /// The tasks, in the order of the file.
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// The tasks, in the order of the file.
    pub fn into_tasks(self) -> Vec<Task> {
        self.tasks
    }
}
