#[cfg(feature = "hub")]
use std::path::PathBuf;

#[cfg(feature = "hub")]
use mtpt_io::hub::{DownloadError, Hub};

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
    let Some(dataset) = config.hub.clone() else { return Ok(config) };
    dataset.check()?;
    let hub = Hub::from_env().map_err(failed(&dataset))?;
    fetched_from(&hub, &dataset, config)
}

/// Refuses a dataset on the hub, as the feature `hub` is disabled.
#[cfg(not(feature = "hub"))]
pub(crate) fn fetched(config: TaskConfig) -> Result<TaskConfig> {
    let Some(hub) = config.hub else { return Ok(config) };
    hub.check()?;
    Err(DataError::WithoutFeature { what: hub.dataset, feature: "hub" }.into())
}

#[cfg(feature = "hub")]
fn fetched_from(hub: &Hub, dataset: &HubDataset, mut config: TaskConfig) -> Result<TaskConfig> {
    let failed = failed(dataset);
    let revision = dataset.revision.as_deref().unwrap_or("main");
    let repository = hub.dataset(&dataset.dataset, revision).map_err(failed)?;
    if Split::ALL.into_iter().all(|split| config.file(split).is_none()) {
        let listed = repository.files().map_err(failed)?;
        let [train, dev, test] =
            dataset.files(config.format, &listed)?.map(|file| file.map(PathBuf::from));
        // Held-out rows of `train` become `dev`.
        let dev = dev.filter(|_| config.hold_out.is_none());
        (config.train, config.dev, config.test) = (train, dev, test);
    }
    for file in [&mut config.train, &mut config.dev, &mut config.test].into_iter().flatten() {
        // Paths in a repository have slashes on every operating system.
        let name = file.to_string_lossy().replace('\\', "/");
        *file = repository.fetch(&name).map_err(failed)?;
    }
    config.hub = None;
    Ok(config)
}

/// Returns a function that adds the dataset to an error, if it isn't about one of its files.
#[cfg(feature = "hub")]
fn failed(dataset: &HubDataset) -> impl Fn(DownloadError) -> HubError + Copy + '_ {
    move |error| match error {
        error if error.is_about_content() => error.into(),
        other => HubError::Fetch { dataset: dataset.dataset.clone(), source: Box::new(other) },
    }
}

#[cfg(test)]
#[cfg(feature = "hub")]
#[path = "../../../mtpt-io/tests/fake_hub.rs"]
mod fake_hub;

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
        use std::path::Path;

        use super::super::fake_hub::{FakeFile, FakeRepository};
        use super::*;
        use crate::data::example::Example;
        use crate::data::reader::Reader;
        use crate::error::Error;
        use crate::labels::config::LabelsConfig;

        fn hub(endpoint: &str, cache: &Path) -> Hub {
            Hub::new(endpoint, cache.to_owned()).unwrap()
        }

        fn serve(revision: &'static str) -> String {
            let files = [
                ("README.md", "read"),
                ("plain/train.csv", "text,label\nfine,1\ndull,0\n"),
                ("plain/validation-0.csv", "text,label\nwarm,1\n"),
                ("up/../../../train.csv", "text,label\n"),
            ];
            let files = files.map(|(name, content)| FakeFile::new(name, content));
            FakeRepository::new("datasets/owner/name", revision, files.into()).serve()
        }

        fn config(dataset: &HubDataset) -> TaskConfig {
            TaskConfig {
                hub: Some(dataset.clone()),
                template: Some("{text}".into()),
                labels: Some(LabelsConfig::words([("0", "no"), ("1", "yes")])),
                ..TaskConfig::new("a".parse().unwrap(), Format::Csv)
            }
        }

        #[test]
        fn fetches_files_once() {
            let cache = tempfile::tempdir().unwrap();
            let plain = HubDataset {
                revision: Some("refs/convert/parquet".into()),
                ..dataset(Some("plain"))
            };
            let online = hub(&serve("refs%2Fconvert%2Fparquet"), cache.path());
            let found = fetched_from(&online, &plain, config(&plain)).unwrap();
            assert!(found.hub.is_none() && found.test.is_none());
            let rows = |split| -> Vec<Example> {
                let path = found.file(split).unwrap();
                Reader::open(Format::Csv, path).unwrap().collect::<Result<_>>().unwrap()
            };
            assert_eq!(rows(Split::Train)[1].get("label"), Some("0"));
            assert_eq!(rows(Split::Dev)[0].get("text"), Some("warm"));

            // Named files that are in the cache need no network.
            let offline = hub("http://127.0.0.1:1", cache.path());
            let mut named = config(&plain);
            named.train = Some("plain/train.csv".into());
            assert_eq!(fetched_from(&offline, &plain, named.clone()).unwrap().train, found.train);
            // Other files, and the list of files, do.
            named.train = Some("plain/other.csv".into());
            for config in [named, config(&plain)] {
                let error = fetched_from(&offline, &plain, config).unwrap_err();
                assert_eq!(error.to_string(), "cannot fetch the dataset `owner/name` from the hub");
                assert!(std::error::Error::source(&error).is_some());
            }
        }

        #[test]
        fn reports_missing_files() {
            let cache = tempfile::tempdir().unwrap();
            let online = hub(&serve("main"), cache.path());
            let whole = dataset(None);
            let mut named = config(&whole);
            named.test = Some("plain/test.csv".into());
            assert!(matches!(
                fetched_from(&online, &whole, named),
                Err(Error::Hub(HubError::Fetch { .. }))
            ));
            let elsewhere = dataset(Some("other"));
            let refused = fetched_from(&online, &elsewhere, config(&elsewhere));
            assert!(matches!(refused, Err(Error::Hub(HubError::Files { .. }))));
        }

        #[test]
        fn names_of_files_do_not_leave_the_cache() {
            let cache = tempfile::tempdir().unwrap();
            let online = hub(&serve("main"), cache.path());
            // Listed by the server, and named in the configuration.
            let listed = dataset(Some("up"));
            let mut named = config(&dataset(None));
            named.train = Some("/etc/train.csv".into());
            for (of, config) in [(&listed, config(&listed)), (&dataset(None), named)] {
                let error = fetched_from(&online, of, config).unwrap_err();
                assert!(matches!(error, Error::Hub(HubError::File(DownloadError::Name { .. }))));
            }
        }
    }
}
