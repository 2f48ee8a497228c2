use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::stages;
use crate::world::World;

/// A command that writes `out/`, and can be repeated after a failure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job {
    pub(super) command: &'static str,
    /// Options of the repetition.
    pub(super) repeat: &'static str,
}

/// Settings for a checkpoint after every step, and an evaluation after some.
macro_rules! training {
    ($command:literal) => {
        concat!(
            $command,
            " --output out --resume --set training.steps=4 --set training.checkpoint_every=1 ",
            "--set evaluation.every=2"
        )
    };
}

pub(super) const TRAIN: Job = Job { command: training!("train run.toml"), repeat: "" };
pub(super) const STAGES: Job = Job { command: training!("train mpt.toml"), repeat: "" };
pub(super) const PRETRAIN: Job = Job { command: training!("pretrain pretrain.toml"), repeat: "" };
pub(super) const PREDICT: Job = Job {
    command: "predict --model model --prompts given --task mood --input rows.jsonl \
              --on-error skip --output out/answers.csv --resume",
    repeat: "",
};
/// All jobs. Those without `--resume` start over.
pub(super) const JOBS: [Job; 11] = [
    TRAIN,
    STAGES,
    PRETRAIN,
    PREDICT,
    Job {
        command: "train run.toml --output out --resume --set training.steps=1 --set seed=1,2",
        repeat: "",
    },
    Job { command: "report given --output out/report.html", repeat: "--force" },
    Job {
        command: "export --prompts given --format peft --task mood --output out",
        repeat: "--force",
    },
    Job { command: "import adapter --output out/prompts.safetensors", repeat: "--force" },
    Job { command: "init mood.jsonl --model model --output out/new.toml", repeat: "--force" },
    Job { command: "eval --tasks run.toml --prompts given --errors out/errors.jsonl", repeat: "" },
    Job { command: "inspect run.toml --export out/rows.jsonl", repeat: "" },
];

/// Returns a world with the inputs of all jobs.
pub(super) fn world() -> World {
    let world = World::with_text();
    world.write("mpt.toml", &stages::config());
    world.rows("train run.toml --output given", "");
    world.rows("export --prompts given --format peft --task mood --output adapter", "");
    let rows = |row: usize| {
        let word = ["sun", "rain"][row % 2];
        let name = if row % 7 == 3 { "txt" } else { "text" };
        format!("{{\"{name}\": \"day brought {word}\"}}\n")
    };
    world.write("rows.jsonl", &(0..40).map(rows).collect::<String>());
    world
}

impl Job {
    /// Removes the results.
    pub(super) fn clear(&self, world: &World) {
        let _ = fs::remove_dir_all(world.path("out"));
        if !self.command.contains("--resume") && !self.command.starts_with("export") {
            fs::create_dir(world.path("out")).unwrap();
        }
    }

    /// Repeats the command after a failure, and returns its results.
    #[track_caller]
    pub(super) fn repeated(&self, world: &World, context: &str) -> Results {
        let (code, _, messages) = world.output(&format!("{} {}", self.command, self.repeat));
        assert_eq!(code, 0, "{context}: repeated: {messages}");
        assert!(!messages.contains("note: `out"), "{context}: skipped a checkpoint: {messages}");
        results(&world.path("out"))
    }
}

/// Names and contents of files, without times and random numbers.
pub(super) type Results = BTreeMap<String, Vec<u8>>;

/// Returns the results in a folder.
pub(super) fn results(folder: &Path) -> Results {
    let mut found = Results::new();
    collect(folder, "", &mut found);
    found
}

fn collect(folder: &Path, prefix: &str, found: &mut Results) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        // A resumed run adds an event file, whose name is a time.
        let name = if name.starts_with("events.") { "events" } else { name };
        let inside = format!("{prefix}{name}");
        if path.is_dir() {
            collect(&path, &format!("{inside}/"), found);
            found.insert(inside + "/", Vec::new());
        } else {
            let contents = match name {
                // Commands and times of sessions, and random identifiers of parameters.
                "run.json" | "events" | "optimizer.bpk" | "checksums.json" | "report.html" => {
                    Vec::new()
                }
                "metrics.jsonl" => without_seconds(&path),
                _ => fs::read(&path).unwrap(),
            };
            found.insert(inside, contents);
        }
    }
}

fn without_seconds(log: &Path) -> Vec<u8> {
    let lines = fs::read_to_string(log).unwrap();
    let lines = lines.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        line.as_object_mut().unwrap().remove("seconds");
        format!("{line}\n")
    });
    lines.collect::<String>().into_bytes()
}

/// Checks that each file in a folder is complete. Hidden ones are left by a killed process, and
/// journals end with any part of a line.
#[track_caller]
pub(super) fn check_complete(folder: &Path, may_end_in_line: bool, context: &str) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            check_complete(&path, may_end_in_line, context);
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let is_json = |text: &[u8]| serde_json::from_slice::<Value>(text).is_ok();
        let is_complete = match path.extension().and_then(|extension| extension.to_str()) {
            Some("json") => is_json(&bytes),
            Some("jsonl") => {
                let lines = bytes.split_inclusive(|&byte| byte == b'\n');
                let mut lines = lines.filter(|line| line.ends_with(b"\n") || !may_end_in_line);
                lines.all(|line| line.ends_with(b"\n") && is_json(line))
            }
            Some("safetensors") => {
                let (length, rest) = bytes.split_at(8);
                let length = u64::from_le_bytes(length.try_into().unwrap()) as usize;
                let header: Value = serde_json::from_slice(&rest[..length]).unwrap();
                let tensors = header.as_object().unwrap().values();
                let ends = tensors.filter_map(|tensor| tensor["data_offsets"][1].as_u64());
                ends.max().unwrap_or(0) as usize == rest.len() - length
            }
            Some("toml" | "csv" | "html") => bytes.ends_with(b"\n"),
            _ => true,
        };
        assert!(is_complete, "{context}: `{}` is incomplete", path.display());
    }
}
