#[cfg(not(feature = "hub"))]
use crate::data::error::DataError;
#[cfg(feature = "hub")]
use crate::data::hub::HubDataset;
#[cfg(feature = "hub")]
use crate::data::hub_error::HubError;
use crate::error::Result;
#[cfg(feature = "hub")]
use crate::split::Split;
use crate::task::config::TaskConfig;

/// Fetches the files of a dataset on the hub, and returns the definition with the local files.
#[cfg(feature = "hub")]
pub(crate) fn fetched(config: TaskConfig) -> Result<TaskConfig> {
    let Some(hub) = config.hub.clone() else { return Ok(config) };
    hub.check()?;
    let api = hf_hub::api::sync::ApiBuilder::from_env().with_progress(false).build();
    let api = api.map_err(|source| HubError::Fetch {
        dataset: hub.dataset.clone(),
        source: source.into(),
    })?;
    fetched_by(&api, &hub, config)
}

/// Refuses a dataset on the hub, as the feature `hub` is disabled.
#[cfg(not(feature = "hub"))]
pub(crate) fn fetched(config: TaskConfig) -> Result<TaskConfig> {
    let Some(hub) = config.hub else { return Ok(config) };
    hub.check()?;
    Err(DataError::WithoutFeature { what: hub.dataset, feature: "hub" }.into())
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
        |source: ApiError| HubError::Fetch { dataset: hub.dataset.clone(), source: source.into() };
    let revision = hub.revision.clone().unwrap_or_else(|| "main".to_owned());
    let repository =
        api.repo(Repo::with_revision(hub.dataset.clone(), RepoType::Dataset, revision));
    if Split::ALL.into_iter().all(|split| config.file(split).is_none()) {
        let listed = repository.info().map_err(failed)?.siblings;
        let listed: Vec<String> = listed.into_iter().map(|file| file.rfilename).collect();
        let [train, dev, test] =
            hub.files(config.format, &listed)?.map(|file| file.map(std::path::PathBuf::from));
        // Held-out rows of `train` become `dev`.
        let dev = dev.filter(|_| config.hold_out.is_none());
        (config.train, config.dev, config.test) = (train, dev, test);
    }
    for file in [&mut config.train, &mut config.dev, &mut config.test].into_iter().flatten() {
        // Paths in a repository have slashes on every operating system.
        let name = file.to_string_lossy().replace('\\', "/");
        *file = repository.get(&name).map_err(failed)?;
    }
    config.hub = None;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::format::Format;
    #[cfg(not(feature = "hub"))]
    use crate::data::hub::HubDataset;

    fn dataset(folder: Option<&str>) -> HubDataset {
        let folder = folder.map(str::to_owned);
        HubDataset { dataset: "owner/name".into(), revision: None, folder }
    }

    #[cfg(not(feature = "hub"))]
    #[test]
    fn reports_the_missing_feature() {
        let config = TaskConfig {
            hub: Some(dataset(None)),
            ..TaskConfig::new("a".parse().unwrap(), Format::Parquet)
        };
        let found = fetched(config).unwrap_err().to_string();
        assert_eq!(
            found,
            "`owner/name` needs the feature `hub`, which this program was built without"
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
        use crate::data::example::Example;
        use crate::data::reader::Reader;
        use crate::error::Error;
        use crate::labels::config::LabelsConfig;

        const COMMIT: &str = "0123456789012345678901234567890123456789";

        /// Serves one dataset like the hub; other paths are not found.
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
                labels: Some(LabelsConfig::words([("0", "no"), ("1", "yes")])),
                ..TaskConfig::new("a".parse().unwrap(), Format::Csv)
            }
        }

        const FILES: &[(&str, &str)] = &[
            ("README.md", "read"),
            ("plain/train.csv", "text,label\nfine,1\ndull,0\n"),
            ("plain/validation-0.csv", "text,label\nwarm,1\n"),
        ];

        #[test]
        fn fetches_files_once() {
            let cache = tempfile::tempdir().unwrap();
            let hub = HubDataset {
                revision: Some("refs/convert/parquet".into()),
                ..dataset(Some("plain"))
            };
            let online = api(serve("refs%2Fconvert%2Fparquet", FILES), cache.path());
            let found = fetched_by(&online, &hub, config(&hub)).unwrap();
            assert!(found.hub.is_none() && found.test.is_none());
            let rows = |split| -> Vec<Example> {
                let path = found.file(split).unwrap();
                Reader::open(Format::Csv, path).unwrap().collect::<Result<_>>().unwrap()
            };
            assert_eq!(rows(Split::Train)[1].get("label"), Some("0"));
            assert_eq!(rows(Split::Dev)[0].get("text"), Some("warm"));

            // Named files that are in the cache need no network.
            let offline = api("http://127.0.0.1:1".into(), cache.path());
            let mut named = config(&hub);
            named.train = Some("plain/train.csv".into());
            assert_eq!(fetched_by(&offline, &hub, named.clone()).unwrap().train, found.train);
            // Other files, and the list of files, do.
            named.train = Some("plain/other.csv".into());
            for config in [named, config(&hub)] {
                let error = fetched_by(&offline, &hub, config).unwrap_err();
                assert_eq!(error.to_string(), "cannot fetch the dataset `owner/name` from the hub");
                assert!(std::error::Error::source(&error).is_some());
            }
        }

        #[test]
        fn reports_missing_files() {
            let cache = tempfile::tempdir().unwrap();
            let online = api(serve("main", FILES), cache.path());
            let hub = dataset(None);
            let mut named = config(&hub);
            named.test = Some("plain/test.csv".into());
            assert!(matches!(
                fetched_by(&online, &hub, named),
                Err(Error::Hub(HubError::Fetch { .. }))
            ));
            let elsewhere = dataset(Some("other"));
            let refused = fetched_by(&online, &elsewhere, config(&elsewhere));
            assert!(matches!(refused, Err(Error::Hub(HubError::Files { .. }))));
        }
    }
}
