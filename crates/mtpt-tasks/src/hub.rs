//! Data sets by their id on the hub.

use serde::{Deserialize, Serialize};

use crate::config::{Split, TaskConfig};
use crate::error::{Error, Result};
use crate::format::Format;

/// A data set on the hub, whose files are fetched to its cache and then read like any others.
///
/// The cache and the endpoint are those of the hub's own programs, with the same environment variables (`HF_HOME`,
/// `HF_ENDPOINT`). `train`, `dev` and `test` are paths in its repository then; where none of them is given, the files are found by
/// their names.
///
/// | Key | Default | Purpose |
/// |---|---|---|
/// | `dataset` | | the id, `owner/name` or `name` |
/// | `revision` | `main` | a branch, tag or commit; `refs/convert/parquet` has most data sets as Parquet |
/// | `folder` | the whole repository | where files are found by their names, such as the name of a configuration |
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubDataset {
    /// The id.
    pub dataset: String,
    /// A branch, tag or commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Where files are found by their names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
}

/// Names that files of a split have.
fn names(split: Split) -> &'static [&'static str] {
    match split {
        Split::Train => &["train", "training"],
        Split::Dev => &["dev", "validation", "valid", "val"],
        Split::Test => &["test"],
    }
}

impl HubDataset {
    /// The file of each split, by the names of all files of the repository: a file of the format that has the split's name as a word
    /// in its path, below the folder.
    ///
    /// # Errors
    ///
    /// [`Error::HubFiles`] where a split has several, and where no split has any.
    pub fn files<'a>(&self, format: Format, listed: &'a [String]) -> Result<[Option<&'a str>; 3]> {
        let endings: &[&str] = match format {
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
            let Some((path, ending)) = path.rsplit_once('.') else { return false };
            let mut words = path.split(|character: char| !character.is_ascii_alphanumeric());
            endings.contains(&ending) && words.any(|word| names(split).contains(&word))
        };
        let refused = |expected: String, found: Vec<String>| Error::HubFiles {
            dataset: self.dataset.clone(),
            expected,
            found,
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
                    return Err(refused(
                        expected,
                        several.iter().map(|&file| file.clone()).collect(),
                    ));
                }
            }
        }
        if files == [None; 3] {
            let expected = format!("files of splits with the ending `.{}`", endings.join("`, `."));
            return Err(refused(expected, listed.to_vec()));
        }
        Ok(files)
    }

    fn check(&self) -> Result<()> {
        let is_name = |name: &str| {
            let mut characters = name.chars();
            characters.next().is_some_and(char::is_alphanumeric)
                && characters.all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
        };
        let mut parts = self.dataset.split('/');
        if self.dataset.split('/').count() <= 2 && parts.all(is_name) {
            Ok(())
        } else {
            Err(Error::HubName { found: self.dataset.clone() })
        }
    }
}

/// The same task, whose files are fetched from the hub and lie in its cache.
#[cfg(feature = "hub")]
pub(crate) fn fetched(config: TaskConfig) -> Result<TaskConfig> {
    let Some(hub) = config.hub.clone() else { return Ok(config) };
    hub.check()?;
    let api = hf_hub::api::sync::ApiBuilder::from_env().with_progress(false).build();
    let api =
        api.map_err(|source| Error::Hub { dataset: hub.dataset.clone(), source: source.into() })?;
    fetched_by(&api, &hub, config)
}

/// The same task, whose files would have to be fetched.
#[cfg(not(feature = "hub"))]
pub(crate) fn fetched(config: TaskConfig) -> Result<TaskConfig> {
    let Some(hub) = config.hub else { return Ok(config) };
    hub.check()?;
    Err(Error::WithoutFeature { what: hub.dataset, feature: "hub" })
}

#[cfg(feature = "hub")]
fn fetched_by(
    api: &hf_hub::api::sync::Api,
    hub: &HubDataset,
    mut config: TaskConfig,
) -> Result<TaskConfig> {
    use hf_hub::api::sync::ApiError;
    use hf_hub::{Repo, RepoType};

    let failed =
        |source: ApiError| Error::Hub { dataset: hub.dataset.clone(), source: source.into() };
    let revision = hub.revision.clone().unwrap_or_else(|| "main".to_owned());
    let repository =
        api.repo(Repo::with_revision(hub.dataset.clone(), RepoType::Dataset, revision));
    if Split::ALL.into_iter().all(|split| config.file(split).is_none()) {
        let listed = repository.info().map_err(failed)?.siblings;
        let listed: Vec<String> = listed.into_iter().map(|file| file.rfilename).collect();
        let [train, dev, test] =
            hub.files(config.format, &listed)?.map(|file| file.map(std::path::PathBuf::from));
        // Rows that are held out of `train` are `dev`.
        let dev = dev.filter(|_| config.hold_out.is_none());
        (config.train, config.dev, config.test) = (train, dev, test);
    }
    for file in [&mut config.train, &mut config.dev, &mut config.test].into_iter().flatten() {
        // Paths of a repository have slashes, whatever the system's are.
        let name = file.to_string_lossy().replace('\\', "/");
        *file = repository.get(&name).map_err(failed)?;
    }
    config.hub = None;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dataset(folder: Option<&str>) -> HubDataset {
        let folder = folder.map(str::to_owned);
        HubDataset { dataset: "owner/name".into(), revision: None, folder }
    }

    #[test]
    fn files_are_found_by_their_names() {
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
        let refused = |folder, format| of(folder, format).unwrap_err().to_string();
        assert_eq!(
            refused(Some("c"), Format::Parquet),
            "data set `owner/name`: expected one file of the split `train`, found `c/train-0.parquet`, \
             `c/train-1.parquet`; name files by `train`, `dev` and `test`, or their `folder`"
        );
        assert!(
            refused(None, Format::JsonLines).contains("files of splits with the ending `.jsonl`")
        );
    }

    #[test]
    fn ids_are_told_from_paths() {
        let check = |id: &str| HubDataset { dataset: id.to_owned(), ..dataset(None) }.check();
        for id in ["glue", "nyu-mll/glue", "a/b_c.d-1"] {
            assert!(check(id).is_ok(), "{id}");
        }
        for path in ["", "a/b/c", "../glue", "/glue", "glue/", "a b"] {
            let found = check(path).unwrap_err().to_string();
            assert!(found.ends_with(&format!("found `{path}`")), "{found}");
        }
    }

    #[cfg(not(feature = "hub"))]
    #[test]
    fn without_the_feature_the_feature_is_named() {
        let config = TaskConfig {
            hub: Some(dataset(None)),
            ..TaskConfig::new("a".parse().unwrap(), Format::Parquet)
        };
        let found = crate::task::Task::new(&config).unwrap_err().to_string();
        assert_eq!(
            found,
            "task `a`: `owner/name` needs the feature `hub`, which this program was built without"
        );
    }

    #[cfg(feature = "hub")]
    mod fetching {
        use std::io::{BufRead, BufReader, Write};
        use std::net::TcpListener;
        use std::path::Path;

        use hf_hub::Cache;
        use hf_hub::api::sync::{Api, ApiBuilder};

        use super::*;

        const COMMIT: &str = "0123456789012345678901234567890123456789";

        /// Answers as the hub does, for one data set; what is asked for is not there otherwise.
        fn serve(revision: &'static str, files: &'static [(&'static str, &'static str)]) -> String {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = format!("http://{}", listener.local_addr().unwrap());
            std::thread::spawn(move || {
                for stream in listener.incoming() {
                    let mut stream = stream.unwrap();
                    let mut lines = BufReader::new(&stream).lines().map(Result::unwrap);
                    let first = lines.next().unwrap_or_default();
                    let range = lines.take_while(|line| !line.is_empty()).find_map(|line| {
                        line.to_lowercase().strip_prefix("range: ").map(str::to_owned)
                    });
                    let path = first.split(' ').nth(1).unwrap_or_default();
                    let listing = format!("/api/datasets/owner/name/revision/{revision}");
                    let file =
                        path.strip_prefix(&format!("/datasets/owner/name/resolve/{revision}/"));
                    let file = file.and_then(|path| files.iter().find(|(name, _)| *name == path));
                    let (status, body) = match file {
                        Some((_, text)) if range.as_deref() == Some("bytes=0-0") => {
                            ("206 Partial Content", text[..1].to_owned())
                        }
                        Some((_, text)) => ("206 Partial Content", (*text).to_owned()),
                        None if path == listing => {
                            let files = files
                                .iter()
                                .map(|(name, _)| format!("{{\"rfilename\": \"{name}\"}}"));
                            let files = files.collect::<Vec<_>>().join(",");
                            (
                                "200 OK",
                                format!("{{\"sha\": \"{COMMIT}\", \"siblings\": [{files}]}}"),
                            )
                        }
                        None => ("404 Not Found", String::new()),
                    };
                    let size = file.map_or(0, |(_, text)| text.len());
                    let etag = file.map_or(0, |(name, _)| name.len());
                    write!(
                        stream,
                        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nContent-Range: bytes 0-0/{size}\r\n\
                         ETag: \"e{etag}\"\r\nX-Repo-Commit: {COMMIT}\r\nConnection: close\r\n\r\n{body}",
                        body.len()
                    )
                    .unwrap();
                }
            });
            address
        }

        fn api(endpoint: String, cache: &Path) -> Api {
            let api = ApiBuilder::from_cache(Cache::new(cache.to_owned())).with_endpoint(endpoint);
            api.with_progress(false).build().unwrap()
        }

        fn config(hub: &HubDataset) -> TaskConfig {
            TaskConfig {
                hub: Some(hub.clone()),
                template: Some("{text}".into()),
                labels: Some(crate::LabelsConfig::words([("0", "no"), ("1", "yes")])),
                ..TaskConfig::new("a".parse().unwrap(), Format::Csv)
            }
        }

        const FILES: &[(&str, &str)] = &[
            ("README.md", "read"),
            ("plain/train.csv", "text,label\nfine,1\ndull,0\n"),
            ("plain/validation-0.csv", "text,label\nwarm,1\n"),
        ];

        #[test]
        fn files_are_fetched_once_and_read_like_any_others() {
            let cache = tempfile::tempdir().unwrap();
            let hub = HubDataset {
                revision: Some("refs/convert/parquet".into()),
                ..dataset(Some("plain"))
            };
            let online = api(serve("refs%2Fconvert%2Fparquet", FILES), cache.path());
            let found = fetched_by(&online, &hub, config(&hub)).unwrap();
            assert!(found.hub.is_none() && found.test.is_none());
            let task = crate::Task::new(&found).unwrap();
            assert_eq!(task.read(Split::Train).unwrap()[1].target, "no");
            assert_eq!(task.read(Split::Dev).unwrap()[0].input, "warm");

            // Files that are named and in the cache need no network.
            let offline = api("http://127.0.0.1:1".into(), cache.path());
            let mut named = config(&hub);
            named.train = Some("plain/train.csv".into());
            assert_eq!(fetched_by(&offline, &hub, named.clone()).unwrap().train, found.train);
            // Others do, and the listing does.
            named.train = Some("plain/other.csv".into());
            for config in [named, config(&hub)] {
                let error = fetched_by(&offline, &hub, config).unwrap_err();
                assert_eq!(
                    error.to_string(),
                    "cannot fetch the data set `owner/name` from the hub"
                );
                assert!(std::error::Error::source(&error).is_some());
            }
        }

        #[test]
        fn what_is_not_there_is_an_error() {
            let cache = tempfile::tempdir().unwrap();
            let online = api(serve("main", FILES), cache.path());
            let hub = dataset(None);
            let mut named = config(&hub);
            named.test = Some("plain/test.csv".into());
            assert!(matches!(fetched_by(&online, &hub, named), Err(Error::Hub { .. })));
            let elsewhere = dataset(Some("other"));
            let refused = fetched_by(&online, &elsewhere, config(&elsewhere));
            assert!(matches!(refused, Err(Error::HubFiles { .. })));
        }
    }
}
