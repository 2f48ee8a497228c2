//! Compares event files with `metrics.jsonl`, using a strict reader here and TensorBoard's if it is
//! installed.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use mtpt_compose::CompositionConfig;
use mtpt_train::{ConfigError, Error, Observer, PromptTuningRun, RunDir, StepEvent, TensorBoard};
use serde_json::Value;

use crate::small_world::{SmallWorld, config};

/// Steps and values of every tag.
type Scalars = BTreeMap<String, Vec<(u64, f64)>>;

/// Ends the run after a step like a crash.
struct StopAt(usize);

impl Observer for StopAt {
    fn step(&mut self, event: &StepEvent<'_>) -> mtpt_train::Result<()> {
        if event.step < self.0 {
            return Ok(());
        }
        Err(Error::Config(ConfigError::OutOfRange { option: "test", expected: "over", found: 0.0 }))
    }
}

/// Runs eight steps with checkpoints after the third and the sixth, stopped and resumed.
fn run(world: &SmallWorld, name: &str, stops: &[usize]) -> RunDir {
    let mut config = config(CompositionConfig::default());
    config.training.task_learning_rate = Some(0.03);
    let folder = RunDir::create(&world.folder.path().join(name)).unwrap();
    let run = |resume, observer: &mut StopAt| {
        let start = world.composition(&config);
        PromptTuningRun::new(&config, &world.data, &world.t5)
            .output(&folder)
            .resume(resume)
            .observer(observer)
            .train(start)
    };
    for (number, &stop) in stops.iter().enumerate() {
        run(number > 0, &mut StopAt(stop)).unwrap_err();
    }
    run(!stops.is_empty(), &mut StopAt(usize::MAX)).unwrap();
    folder
}

/// Returns the values of `metrics.jsonl` under TensorBoard's tags, except those that depend on
/// time.
fn logged(folder: &RunDir) -> Scalars {
    let mut scalars = Scalars::new();
    let mut evaluations: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for line in fs::read_to_string(folder.metrics()).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let step = line["step"].as_u64().unwrap();
        let mut tell = |tag: String, value: &Value| {
            scalars.entry(tag).or_default().push((step, value.as_f64().unwrap()));
        };
        if let Some(metric) = line["metric"].as_str() {
            tell(format!("dev/{}/{metric}", line["task"].as_str().unwrap()), &line["value"]);
            // The evaluation before training is not a candidate, so it has no mean.
            if step > 0 {
                evaluations.entry(step).or_default().push(line["value"].as_f64().unwrap());
            }
            continue;
        }
        for (tag, key) in [
            ("loss", "loss"),
            ("learning_rate", "lr"),
            ("task_learning_rate", "task_lr"),
            ("gradient_norm", "gradient_norm"),
        ] {
            tell(tag.into(), &line[key]);
        }
        for (task, loss) in line["tasks"].as_object().unwrap() {
            tell(format!("loss/{task}"), loss);
        }
    }
    // Each task has one metric.
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    let means = evaluations.into_iter().map(|(step, values)| (step, mean(values)));
    scalars.insert("dev/mean".into(), means.collect());
    scalars
}

/// Returns the bytes of a directory's event files, sorted by name.
fn files(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Splits the first `TFRecord` off.
fn record<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
    let mut take = |count: usize| {
        let (taken, rest) = bytes.split_at(count);
        *bytes = rest;
        taken
    };
    let check = |bytes: &[u8], expected: &[u8]| {
        let check = crc32c::crc32c(bytes);
        let masked = check.rotate_right(15).wrapping_add(0xa282_ead8);
        assert_eq!(masked.to_le_bytes(), expected);
    };
    let length = take(8);
    check(length, take(4));
    let data = take(u64::from_le_bytes(length.try_into().unwrap()) as usize);
    check(data, take(4));
    data
}

/// A field of a protobuf message.
enum Field<'a> {
    Number(u64),
    Fixed(&'a [u8]),
    Bytes(&'a [u8]),
}

/// Returns the fields of a message with their numbers.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
    fn number(bytes: &mut &[u8]) -> u64 {
        let mut number = 0;
        for shift in (0..).step_by(7) {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        number
    }
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = number(&mut bytes);
        let mut take = |count: usize| {
            let (taken, rest) = bytes.split_at(count);
            bytes = rest;
            taken
        };
        let field = match key & 7 {
            0 => Field::Number(number(&mut bytes)),
            1 => Field::Fixed(take(8)),
            5 => Field::Fixed(take(4)),
            2 => {
                let length = number(&mut bytes);
                let (taken, rest) = bytes.split_at(length as usize);
                bytes = rest;
                Field::Bytes(taken)
            }
            other => panic!("wire type {other}"),
        };
        fields.push((key >> 3, field));
    }
    fields
}

/// Reads the files as TensorBoard does: the start of a session invalidates its step and later ones.
fn read(folder: &Path) -> Scalars {
    let mut scalars = Scalars::new();
    for file in files(folder) {
        let mut rest = file.as_slice();
        let mut is_first = true;
        while !rest.is_empty() {
            let (mut step, mut wall_time) = (0, 0.0);
            let mut what = None;
            for (number, field) in fields(record(&mut rest)) {
                match (number, field) {
                    (1, Field::Fixed(bytes)) => {
                        wall_time = f64::from_le_bytes(bytes.try_into().unwrap());
                    }
                    (2, Field::Number(number)) => step = number,
                    (3 | 5 | 7, Field::Bytes(bytes)) => what = Some((number, bytes)),
                    (number, _) => panic!("field {number}"),
                }
            }
            assert!(wall_time > 1.7e9, "{wall_time}");
            let (kind, bytes) = what.unwrap();
            assert_eq!(is_first, kind == 3, "a file begins with its version");
            is_first = false;
            match kind {
                3 => assert_eq!(bytes, b"brain.Event:2"),
                7 => {
                    assert!(matches!(fields(bytes)[..], [(1, Field::Number(1))]));
                    scalars.values_mut().for_each(|of| of.retain(|(other, _)| *other < step));
                }
                _ => {
                    for (_, value) in fields(bytes) {
                        let Field::Bytes(value) = value else { panic!("a number") };
                        let [(1, Field::Bytes(tag)), (2, Field::Fixed(value))] = fields(value)[..]
                        else {
                            panic!("no tag and value")
                        };
                        let value = f32::from_le_bytes(value.try_into().unwrap());
                        let tag = String::from_utf8(tag.to_vec()).unwrap();
                        scalars.entry(tag).or_default().push((step, f64::from(value)));
                    }
                }
            }
        }
    }
    scalars
}

#[track_caller]
fn check(mut found: Scalars, expected: &Scalars) {
    let rates = found.remove("rows_per_second").unwrap();
    assert!(rates.iter().all(|(_, rate)| *rate > 0.0));
    assert_eq!(rates.len(), expected["loss"].len());
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (tag, expected) in expected {
        // Event files have single precision.
        let expected: Vec<_> =
            expected.iter().map(|&(step, value)| (step, f64::from(value as f32))).collect();
        assert_eq!(found[tag], expected, "{tag}");
    }
}

/// Returns the values that TensorBoard reads, or none if no Python with it is configured.
fn read_by_tensorboard(folder: &Path) -> Option<Scalars> {
    let Some(python) = env::var_os("MTPT_TENSORBOARD_PYTHON") else {
        println!("skipped: `MTPT_TENSORBOARD_PYTHON` names no Python with TensorBoard");
        return None;
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/tensorboard_events.py");
    let output = Command::new(python).args([script, "read"]).arg(folder).output().unwrap();
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{messages}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn event_files_match_the_log() {
    let world = SmallWorld::new();
    let folder = run(&world, "whole", &[]);
    let expected = logged(&folder);
    assert_eq!(expected["loss"].len(), 8);
    // Before training and after every second step.
    assert_eq!(expected["dev/mood/accuracy"].len(), 5);
    assert_eq!(expected["dev/mean"].len(), 4);
    assert_eq!(files(&folder.tensorboard()).len(), 1);
    check(read(&folder.tensorboard()), &expected);
    if let Some(found) = read_by_tensorboard(&folder.tensorboard()) {
        check(found, &expected);
    }
}

#[test]
fn an_interrupted_run_reports_every_step_once() {
    let world = SmallWorld::new();
    // Steps 4 and 5 are done three times: the second process ends before its first checkpoint.
    let folder = run(&world, "parts", &[5, 5, 8]);
    let expected = logged(&folder);
    assert_eq!(expected, logged(&run(&world, "whole", &[])));
    let board = folder.tensorboard();
    assert_eq!(files(&board).len(), 4);
    check(read(&board), &expected);
    if let Some(found) = read_by_tensorboard(&board) {
        check(found, &expected);
    }
}

#[test]
fn a_truncated_file_does_not_hide_later_ones() {
    let world = SmallWorld::new();
    let folder = run(&world, "cut", &[5]);
    let board = folder.tensorboard();
    let mut paths: Vec<_> = board.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    // Steps 4 and 5 are in the second file, too.
    let bytes = fs::read(&paths[0]).unwrap();
    fs::write(&paths[0], &bytes[..bytes.len() - 7]).unwrap();
    if let Some(found) = read_by_tensorboard(&board) {
        check(found, &logged(&folder));
    }
}

#[test]
fn a_new_run_replaces_an_earlier_one() {
    let world = SmallWorld::new();
    run(&world, "run", &[4]);
    let folder = run(&world, "run", &[]);
    assert_eq!(files(&folder.tensorboard()).len(), 1);
    check(read(&folder.tensorboard()), &logged(&folder));
    // After the last step nothing is left to report.
    TensorBoard::open(&folder.tensorboard(), 8).unwrap();
    assert_eq!(files(&folder.tensorboard()).len(), 1);
}

#[test]
fn write_errors_name_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("tensorboard");
    fs::write(&place, "a file").unwrap();
    let error = TensorBoard::open(&place, 0).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot create `{}`", place.display()));
    fs::remove_file(&place).unwrap();
    let mut board = TensorBoard::open(&place, 0).unwrap();
    fs::remove_dir(&place).unwrap();
    let event = StepEvent {
        step: 1,
        steps: 2,
        loss: 1.0,
        auxiliary_losses: &[],
        task_losses: &[],
        learning_rate: 0.1,
        task_learning_rate: None,
        gradient_norm: 1.0,
        rows: 1,
        seconds: 1.0,
    };
    let error = board.step(&event).unwrap_err();
    let Error::Io(mtpt_io::IoError { action: "write", path, .. }) = &error else {
        panic!("{error}")
    };
    assert!(path.starts_with(&place), "{error}");
}
