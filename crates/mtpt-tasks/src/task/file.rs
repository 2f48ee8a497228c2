use std::collections::HashMap;
use std::path::Path;

use mtpt_io::fs::read_to_string;
use serde::Deserialize;
use toml::Spanned;

use crate::error::{Error, Result};
use crate::task::config::TaskConfig;
use crate::task::error::TaskError;
use crate::task::id::TaskId;
use crate::task::task::Task;
use crate::toml_text::{LineNumbers, read_toml};
use crate::tree::error::TreeError;
use crate::tree::groups::Groups;

/// Tasks of a TOML file: its `[[tasks]]` entries, in the order of the file.
///
/// Relative paths are resolved against the folder of the file. Other keys of the file are ignored,
/// so a run's configuration can contain the tasks.
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
/// Groups can be defined in a table instead of in the names:
///
/// ```toml
/// [groups]
/// nlu = ["sentiment", "trec"]   # tasks or other groups
/// sentiment = ["sst2"]
/// ```
///
/// This turns the task names `sst2` and `trec` into `nlu/sentiment/sst2` and `nlu/trec`. A task
/// that is in no group keeps its name.
#[derive(Clone, Debug)]
pub struct TaskFile {
    tasks: Vec<Task>,
}

/// The keys of a configuration that are read here.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    tasks: Vec<Spanned<TaskConfig>>,
    #[serde(default)]
    groups: Groups,
}

impl TaskFile {
    /// Reads and validates a file.
    ///
    /// # Errors
    ///
    /// Returns [`IoError`](crate::IoError), and the errors of [`parse`](Self::parse).
    pub fn load(path: &Path) -> Result<Self> {
        let text = read_to_string(path)?;
        Self::parse(&text, path)
    }

    /// Validates the text of a file.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Toml`](crate::Error::Toml) or [`TaskError::NoTasks`], or
    /// [`Error::InFile`](crate::Error::InFile) around a [`TreeError`] or an error of [`Task::new`].
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let document: Document = read_toml(text).map_err(|problem| Error::toml(path, problem))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let lines = LineNumbers::new(text);
        let configs = document.tasks.into_iter().map(|config| {
            let line = lines.of(config.span().start);
            (config.into_inner().in_folder(folder), Some(line))
        });
        let mut configs: Vec<_> = configs.collect();
        let names: Vec<&TaskId> = configs.iter().map(|(config, _)| &config.name).collect();
        let paths = document
            .groups
            .paths(&names)
            .map_err(|(byte, error)| error.in_file(path, Some(lines.of(byte))))?;
        for ((config, _), path) in configs.iter_mut().zip(paths) {
            config.name = path;
        }
        Self::check(configs, path)
    }

    /// Validates definitions from another source. Their paths are not changed; `path` is used in
    /// messages.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse), without lines.
    pub fn from_configs(configs: Vec<TaskConfig>, path: &Path) -> Result<Self> {
        Self::check(configs.into_iter().map(|config| (config, None)).collect(), path)
    }

    fn check(configs: Vec<(TaskConfig, Option<usize>)>, path: &Path) -> Result<Self> {
        if configs.is_empty() {
            return Err(TaskError::NoTasks { file: path.to_path_buf() }.into());
        }
        let mut tasks = Vec::with_capacity(configs.len());
        let mut names = UsedNames::default();
        for (config, line) in &configs {
            let task = names
                .add(&config.name, *line)
                .and_then(|()| Task::new(config))
                .map_err(|error| error.in_file(path, *line))?;
            tasks.push(task);
        }
        Ok(Self { tasks })
    }

    /// Returns the tasks in the order of the file.
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// Returns the tasks in the order of the file.
    pub fn into_tasks(self) -> Vec<Task> {
        self.tasks
    }
}

/// The names of tasks, and of the groups that contain them.
#[derive(Default)]
struct UsedNames<'a> {
    /// The task and its line.
    tasks: HashMap<&'a str, (&'a TaskId, Option<usize>)>,
    /// The first task of a group.
    groups: HashMap<&'a str, &'a TaskId>,
}

impl<'a> UsedNames<'a> {
    /// Adds a name, which must be unique and can't be both a task and a group.
    fn add(&mut self, name: &'a TaskId, line: Option<usize>) -> Result<()> {
        if let Some(&(_, first_line)) = self.tasks.get(name.as_str()) {
            return Err(TreeError::DuplicateTask { task: name.clone(), first_line }.into());
        }
        let is_group = |task: &TaskId, member: &TaskId| -> Result<()> {
            let (task, member) = (task.clone(), member.clone());
            Err(TreeError::TaskIsGroup { task, member }.into())
        };
        if let Some(member) = self.groups.get(name.as_str()) {
            return is_group(name, member);
        }
        for (end, _) in name.as_str().match_indices('/') {
            let group = &name.as_str()[..end];
            if let Some((task, _)) = self.tasks.get(group) {
                return is_group(task, name);
            }
            self.groups.entry(group).or_insert(name);
        }
        self.tasks.insert(name.as_str(), (name, line));
        Ok(())
    }
}
