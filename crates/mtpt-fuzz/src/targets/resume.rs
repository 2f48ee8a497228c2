use std::cell::OnceCell;
use std::fs;
use std::path::Path;

use mtpt::{Model, RunFile, device};
use serde_json::{Map, Value, json};

use crate::input::Input;
use crate::outcome::Outcome;
use crate::targets::Target;

/// Checkpoints of a run that is resumed.
pub(super) const TARGET: Target =
    Target { name: "resume", fixtures: &[], read, repair: Some(repair_checksums) };

/// The configuration of the run, and the data of its task.
const CONFIG: &str = include_str!("../../scripts/run/run.toml");
const ROWS: &str = include_str!("../../scripts/run/mood.jsonl");

thread_local! {
    /// The model, which is loaded once.
    static MODEL: OnceCell<Option<Model>> = const { OnceCell::new() };
}

fn load_model() -> Option<Model> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = crates.join("mtpt-cli/tests/fixtures/data_files/answers");
    Model::load(folder, &device("flex").ok()?).ok()
}

/// Resumes the run in a copy of the folder, in which it may write.
fn read(folder: &Path) -> Outcome {
    let copy = folder.with_extension("resumed");
    let prepared = (|| {
        if copy.exists() {
            fs::remove_dir_all(&copy)?;
        }
        Input::read(folder)?.write(&copy.join("run"))?;
        fs::write(copy.join("mood.jsonl"), ROWS)
    })();
    if let Err(error) = prepared {
        return Outcome::rejected(&error);
    }
    let run = match RunFile::parse(CONFIG, &copy.join("run.toml")) {
        Ok(run) => run,
        Err(error) => return Outcome::rejected(&error),
    };
    MODEL.with(|model| {
        let Some(model) = model.get_or_init(load_model) else { return Outcome::not_readable() };
        match run.training(model).output(copy.join("run")).resume(true).run() {
            Ok(_) => Outcome::accepted("resumed"),
            Err(error) => {
                let is_damage = error.to_string().contains("none is intact");
                Outcome::failed(!is_damage, &error)
            }
        }
    })
}

/// Makes the checksums of each checkpoint match its files, as in a forged checkpoint.
fn repair_checksums(input: &mut Input) {
    const LIST: &str = "checksums.json";
    let lists = input.files.keys().filter(|name| name.ends_with(LIST));
    let folders: Vec<String> = lists.map(|name| name.trim_end_matches(LIST).to_owned()).collect();
    for folder in folders {
        let files = input.files.iter().filter_map(|(name, bytes)| {
            let name = name.strip_prefix(&folder).filter(|name| *name != LIST)?;
            let checksum = json!({ "bytes": bytes.len(), "crc32": crc32fast::hash(bytes) });
            Some((name.to_owned(), checksum))
        });
        let list = Value::Object(files.collect::<Map<_, _>>());
        input.files.insert(format!("{folder}{LIST}"), list.to_string().into_bytes());
    }
}
