//! The files of each task, and its name.

use std::path::{Path, PathBuf};

use mtpt::tasks::TaskId;
use mtpt::tasks::data::Compression;

use crate::args::init::Init;
use crate::error::{Error, Result};

/// Words in the names of training files.
const TRAIN: [&str; 2] = ["train", "training"];
/// Words in the names of validation files, in order of preference.
const DEV: [&str; 5] = ["dev", "val", "valid", "validation", "eval"];
/// Words in the names of test files.
const TEST: [&str; 1] = ["test"];

/// The files of a task, and the label columns that the user chose.
#[derive(Debug)]
pub(crate) struct TaskFiles {
    pub(crate) name: TaskId,
    pub(crate) train: PathBuf,
    pub(crate) dev: Option<PathBuf>,
    pub(crate) test: Option<PathBuf>,
    /// Whether `dev` was found next to `train`.
    pub(crate) dev_was_found: bool,
    pub(crate) labels: Vec<String>,
}

/// Returns the files of each task, with distinct names.
pub(crate) fn task_files(arguments: &Init) -> Result<Vec<TaskFiles>> {
    let Init { data, label, dev, .. } = arguments;
    let refuse = |path: &Path, problem: String| Error::Data { path: path.to_owned(), problem };
    if !dev.is_empty() && dev.len() != data.len() {
        let problem = format!(
            "`--dev` must be given once for each data file: expected {}, found {}",
            data.len(),
            dev.len()
        );
        return Err(refuse(&dev[0], problem));
    }
    if data.len() > 1 && label.len() > 1 && label.len() != data.len() {
        let problem = format!(
            "with several data files, `--label` must be given once for all or once for each: \
             expected 1 or {}, found {}",
            data.len(),
            label.len()
        );
        return Err(refuse(&data[0], problem));
    }
    let mut tasks = Vec::new();
    for (index, path) in data.iter().enumerate() {
        let labels = match data.len() {
            1 => label.clone(),
            files if label.len() == files => vec![label[index].clone()],
            _ => label.clone(),
        };
        let given = dev.get(index).cloned();
        let found = if given.is_none() { sibling(path, &DEV) } else { None };
        tasks.push(TaskFiles {
            name: name_of(path, "").map_err(|problem| refuse(path, problem))?,
            train: path.clone(),
            dev_was_found: found.is_some(),
            dev: given.or(found),
            test: sibling(path, &TEST),
            labels,
        });
    }
    distinguish(&mut tasks)?;
    Ok(tasks)
}

/// Renames tasks of the same name: those of one file by their labels, others by their folders.
fn distinguish(tasks: &mut [TaskFiles]) -> Result<()> {
    let count =
        |tasks: &[TaskFiles], name: &TaskId| tasks.iter().filter(|task| task.name == *name).count();
    for renaming in [Renaming::Label, Renaming::Folder] {
        let names: Vec<TaskId> = tasks.iter().map(|task| task.name.clone()).collect();
        for (index, name) in names.iter().enumerate() {
            if names.iter().filter(|other| *other == name).count() < 2 {
                continue;
            }
            let task = &tasks[index];
            let of_same_file = tasks.iter().filter(|other| other.train == task.train).count();
            let renamed = match renaming {
                Renaming::Label if of_same_file > 1 => task
                    .labels
                    .first()
                    .and_then(|label| TaskId::new(&format!("{name}/{}", slug(label))).ok()),
                Renaming::Label => None,
                Renaming::Folder => name_of(&task.train, &folder_of(&task.train)).ok(),
            };
            if let Some(renamed) = renamed {
                tasks[index].name = renamed;
            }
        }
    }
    let Some(task) = tasks.iter().find(|task| count(tasks, &task.name) > 1) else { return Ok(()) };
    let same_file = tasks.iter().filter(|other| other.train == task.train).count() > 1;
    let problem = if same_file {
        "the file is given twice; choose another label column for each with `--label`".to_owned()
    } else {
        format!("its task would have the same name, `{}`, as that of another file", task.name)
    };
    Err(Error::Data { path: task.train.clone(), problem })
}

#[derive(Clone, Copy)]
enum Renaming {
    Label,
    Folder,
}

/// Returns the task name of a file, after a prefix: `support-tickets` for
/// `Support Tickets.train.csv`, and the name of the folder for `train.csv`.
///
/// # Errors
///
/// A message if the names have no usable characters.
fn name_of(path: &Path, prefix: &str) -> Result<TaskId, String> {
    let stem = stem_of(path);
    let base = match split_word(&stem) {
        Some((start, end)) => format!("{}-{}", &stem[..start], &stem[end..]),
        None => stem,
    };
    let base = slug(&base);
    // Parts of a dataset: `train-00000-of-00001.parquet`.
    let is_part = base.replace("-of-", "").bytes().all(|byte| byte.is_ascii_digit());
    let base = if base.is_empty() || is_part { slug(&folder_of(path)) } else { base };
    let name = if prefix.is_empty() { base } else { format!("{}-{base}", slug(prefix)) };
    TaskId::new(&name).map_err(|error| format!("the task is named after the file: {error}"))
}

fn stem_of(path: &Path) -> String {
    let name = Compression::uncompressed_name(path);
    name.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Returns the name of the folder of a file.
fn folder_of(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folder = absolute.parent().and_then(Path::file_name).unwrap_or_default();
    folder.to_string_lossy().into_owned()
}

/// Returns a text in the characters of task names.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for character in text.to_lowercase().chars() {
        match character {
            'a'..='z' | '0'..='9' | '_' => slug.push(character),
            _ if slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    slug.trim_matches(['-', '_']).to_owned()
}

/// Returns the range of the word for training data in a file name.
fn split_word(stem: &str) -> Option<(usize, usize)> {
    let mut start = 0;
    for word in stem.split(|character: char| !character.is_alphanumeric()) {
        if TRAIN.iter().any(|train| word.eq_ignore_ascii_case(train)) {
            return Some((start, start + word.len()));
        }
        // Separators of several bytes follow only words that end before them.
        start += word.len();
        start += stem[start..].chars().next().map_or(0, char::len_utf8);
    }
    None
}

/// Returns the file next to a training file whose name has a word for another split instead:
/// `dev.csv` for `train.csv`, `a.dev.csv` for `a.train.csv` and for `a.csv`.
fn sibling(path: &Path, words: &[&str]) -> Option<PathBuf> {
    let stem = stem_of(path);
    let name = path.file_name()?.to_str()?;
    let ending = name.strip_prefix(&stem)?;
    let names = |word: &str| -> Vec<String> {
        match split_word(&stem) {
            Some((start, end)) => {
                let is_upper = stem[start..end].starts_with(char::is_uppercase);
                let word = if is_upper { capitalized(word) } else { word.to_owned() };
                vec![format!("{}{word}{}", &stem[..start], &stem[end..])]
            }
            None => [".", "-", "_"].map(|separator| format!("{stem}{separator}{word}")).into(),
        }
    };
    let uncompressed = Compression::uncompressed_name(Path::new(ending));
    let uncompressed = uncompressed.to_string_lossy();
    let endings = [
        ending.to_owned(),
        uncompressed.to_string(),
        format!("{uncompressed}.gz"),
        format!("{uncompressed}.zst"),
    ];
    let files = words.iter().flat_map(|word| names(word)).flat_map(|stem| {
        endings.clone().map(|ending| path.with_file_name(format!("{stem}{ending}")))
    });
    files.into_iter().find(|file| file != path && file.is_file())
}

fn capitalized(word: &str) -> String {
    let mut characters = word.chars();
    characters
        .next()
        .map(|first| first.to_uppercase().chain(characters).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn task_names_come_from_file_names() {
        let name = |path: &str| name_of(Path::new(path), "").map(|name| name.to_string());
        for (path, expected) in [
            ("data/Support Tickets.csv", "support-tickets"),
            ("a_1.train.jsonl", "a_1"),
            ("a-train.csv.gz", "a"),
            ("train_a.tsv", "a"),
            ("trec/train.jsonl", "trec"),
            ("SST-2/train.tsv", "sst-2"),
            ("mine/train-00000-of-00001.parquet", "mine"),
            ("trains.csv", "trains"),
        ] {
            assert_eq!(name(path).unwrap(), expected);
        }
        assert!(
            name("…/…")
                .unwrap_err()
                .starts_with("the task is named after the file: expected a task name")
        );
    }

    #[test]
    fn files_of_other_splits_are_found() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "train.csv",
            "val.csv",
            "a.train.jsonl.gz",
            "a.dev.jsonl",
            "b.csv",
            "b-test.csv",
            "Train.tsv",
            "Dev.tsv",
        ] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let found = |name: &str, words: &[&str]| {
            let found = sibling(&folder.path().join(name), words)?;
            Some(found.file_name().unwrap().to_string_lossy().into_owned())
        };
        assert_eq!(found("train.csv", &DEV).as_deref(), Some("val.csv"));
        assert_eq!(found("train.csv", &TEST), None);
        assert_eq!(found("a.train.jsonl.gz", &DEV).as_deref(), Some("a.dev.jsonl"));
        assert_eq!(found("b.csv", &TEST).as_deref(), Some("b-test.csv"));
        assert_eq!(found("b.csv", &DEV), None);
        assert_eq!(found("Train.tsv", &DEV).as_deref(), Some("Dev.tsv"));
    }
}
