//! Datasets on the hub.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::data::compression::Compression;
use crate::data::format::Format;
use crate::data::hub_error::HubError;
use crate::error::{Error, Result};
use crate::split::Split;

/// A dataset on the hub, whose files are fetched to its cache.
///
/// The cache and the endpoint are those of the hub's own programs, with the same environment
/// variables (`HF_HOME`, `HF_ENDPOINT`). `train`, `dev` and `test` are paths in the repository; if
/// none is given, the files are found by their names.
///
/// | Key | Default | Purpose |
/// |---|---|---|
/// | `dataset` | | the id, `owner/name` or `name` |
/// | `revision` | `main` | a branch, tag or commit; `refs/convert/parquet` has most datasets as Parquet |
/// | `folder` | the whole repository | folder in which files are found by their names |
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubDataset {
    /// The id.
    pub dataset: String,
    /// A branch, tag or commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Folder in which files are found by their names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
}

/// Returns the words that mark files of a split.
fn names(split: Split) -> &'static [&'static str] {
    match split {
        Split::Train => &["train", "training"],
        Split::Dev => &["dev", "validation", "valid", "val"],
        Split::Test => &["test"],
    }
}

impl HubDataset {
    /// Returns the file of each split: a file of the format below the folder with a word for the
    /// split in its path.
    ///
    /// # Errors
    ///
    /// Returns [`HubError::Files`] if a split has several files, or no split has any.
    pub fn files<'a>(&self, format: Format, listed: &'a [String]) -> Result<[Option<&'a str>; 3]> {
        let extensions: &[&str] = match format {
            Format::Parquet => &["parquet"],
            Format::Csv | Format::CsvSemicolon => &["csv"],
            Format::Tsv => &["tsv"],
            format if format.is_json() => &["jsonl", "ndjson", "json"],
            _ => &["tsv", "txt"],
        };
        let folder = self.folder.as_deref().map(|folder| format!("{}/", folder.trim_matches('/')));
        let below = |file: &'a String| match &folder {
            Some(folder) => file.strip_prefix(folder.as_str()),
            None => Some(file.as_str()),
        };
        let is_of = |path: &str, split| {
            let path = Compression::uncompressed_name(Path::new(path));
            let path = path.to_string_lossy();
            let Some((path, extension)) = path.rsplit_once('.') else { return false };
            let mut words = path.split(|character: char| !character.is_ascii_alphanumeric());
            extensions.contains(&extension) && words.any(|word| names(split).contains(&word))
        };
        let error = |expected: String, found: Vec<String>| {
            Error::from(HubError::Files { dataset: self.dataset.clone(), expected, found })
        };
        let mut files = [None; 3];
        for split in Split::ALL {
            let found =
                listed.iter().filter(|file| below(file).is_some_and(|path| is_of(path, split)));
            let found: Vec<&String> = found.collect();
            match found.as_slice() {
                [] => {}
                [file] => files[split as usize] = Some(file.as_str()),
                several => {
                    let expected = format!("one file of the split `{split}`");
                    return Err(error(
                        expected,
                        several.iter().map(|&file| file.clone()).collect(),
                    ));
                }
            }
        }
        if files == [None; 3] {
            let expected =
                format!("files of splits with the extension `.{}`", extensions.join("`, `."));
            return Err(error(expected, listed.to_vec()));
        }
        Ok(files)
    }

    /// Checks that the id is `owner/name` or `name`.
    pub(crate) fn check(&self) -> Result<()> {
        if mtpt_io::is_hub_id(&self.dataset) {
            Ok(())
        } else {
            Err(HubError::Name { found: self.dataset.clone() }.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dataset(folder: Option<&str>) -> HubDataset {
        let folder = folder.map(str::to_owned);
        HubDataset { dataset: "owner/name".into(), revision: None, folder }
    }

    #[test]
    fn finds_files_by_name() {
        let listed = [
            "README.md",
            ".gitattributes",
            "train.csv",
            "a/train-00000-of-00001.parquet",
            "a/validation-00000-of-00001.parquet",
            "b/test/0000.parquet",
            "b/contest/0001.parquet",
            "b/latest.jsonl",
            "c/train-0.parquet",
            "c/train-1.parquet",
        ]
        .map(str::to_owned);
        let of = |folder, format| dataset(folder).files(format, &listed);
        let a =
            [Some("a/train-00000-of-00001.parquet"), Some("a/validation-00000-of-00001.parquet")];
        assert_eq!(of(Some("a"), Format::Parquet).unwrap(), [a[0], a[1], None]);
        assert_eq!(
            of(Some("b/"), Format::Parquet).unwrap(),
            [None, None, Some("b/test/0000.parquet")]
        );
        assert_eq!(of(None, Format::Csv).unwrap(), [Some("train.csv"), None, None]);
        let error = |folder, format| of(folder, format).unwrap_err().to_string();
        assert_eq!(
            error(Some("c"), Format::Parquet),
            "dataset `owner/name`: expected one file of the split `train`, found `c/train-0.parquet`, \
             `c/train-1.parquet`; set `train`, `dev` and `test` to file names, or set `folder`"
        );
        assert!(
            error(None, Format::JsonLines).contains("files of splits with the extension `.jsonl`")
        );
    }

    #[test]
    fn validates_ids() {
        let check = |id: &str| HubDataset { dataset: id.to_owned(), ..dataset(None) }.check();
        for id in ["glue", "nyu-mll/glue", "a/b_c.d-1"] {
            assert!(check(id).is_ok(), "{id}");
        }
        for path in ["", "a/b/c", "../glue", "/glue", "glue/", "a b"] {
            let found = check(path).unwrap_err().to_string();
            assert!(found.ends_with(&format!("found `{path}`")), "{found}");
        }
    }
}
