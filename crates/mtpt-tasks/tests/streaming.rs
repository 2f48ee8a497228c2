use std::fs;
use std::io::Write;
use std::path::Path;

use mtpt_tasks::data::DataError;
use mtpt_tasks::task::TaskError;
use mtpt_tasks::{
    Error, ExamplesOnDisk, FewShot, Format, Instance, LabelsConfig, Limit, MaxLengths, Mixture,
    MixtureConfig, Split, Splits, Task, TaskConfig, TokenizeFn, TokenizedExample,
};

use crate::problem;

const MAX_LENGTHS: MaxLengths = MaxLengths { input: 12, target: 8 };

/// Writes a task of 60 rows in a format; in CSV, the texts contain line breaks.
fn task(folder: &Path, format: Format) -> TaskConfig {
    let row = |row: usize| -> (String, usize) { (format!("row {row}, \"so\""), row % 3) };
    let rows = (0..60).map(row);
    let text: String = match format {
        Format::Csv => std::iter::once("text,label\r\n".to_owned())
            .chain(rows.map(|(text, label)| {
                let text = text.replace(", ", ",\r\n\n").replace('"', "\"\"");
                format!("\"{text}\",{label}\r\n\r\n")
            }))
            .collect(),
        Format::Tsv => std::iter::once("text\tlabel\n".to_owned())
            .chain(rows.map(|(text, label)| format!("{text}\t{label}\n")))
            .collect(),
        Format::JsonLines => rows
            .map(|(text, label)| format!("{{\"text\": {text:?}, \"label\": {label}}}\n"))
            .collect(),
        other => panic!("{other:?}"),
    };
    let path = folder.join(format.as_str());
    fs::write(&path, text).unwrap();
    TaskConfig {
        train: Some(path),
        template: Some("say {text}".into()),
        labels: Some(LabelsConfig::words([("0", "zero"), ("1", "one"), ("2", "two")])),
        ..TaskConfig::new("rows".parse().unwrap(), format)
    }
}

/// A tokenizer whose tokens are characters.
fn tokens() -> impl mtpt_tasks::Tokenize {
    TokenizeFn(|text: &str| Ok(text.chars().map(u32::from).chain([1]).collect()))
}

fn in_memory(config: &TaskConfig, split: Split) -> Vec<TokenizedExample> {
    let rows = Task::new(config).unwrap().read(split).unwrap();
    TokenizedExample::tokenize_all(7, &rows, &tokens(), MAX_LENGTHS).unwrap()
}

fn on_disk(config: &TaskConfig, split: Split) -> ExamplesOnDisk {
    ExamplesOnDisk::write(7, &Task::new(config).unwrap(), split, &tokens(), MAX_LENGTHS).unwrap()
}

#[test]
fn examples_on_disk_equal_those_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    for format in [Format::Csv, Format::Tsv, Format::JsonLines] {
        let plain = task(folder.path(), format);
        let with = |change: &dyn Fn(&mut TaskConfig)| {
            let mut config = plain.clone();
            change(&mut config);
            config
        };
        for (config, rows) in [
            (plain.clone(), 60),
            (with(&|config| config.hold_out = Some(0.2)), 48),
            (with(&|config| config.few_shot = Some(FewShot { per_label: 4, seed: 1 })), 12),
            (with(&|config| config.limit = Limit { train: Some(9), ..Limit::default() }), 9),
            (
                with(&|config| {
                    config.limit = Limit { train: Some(9), seed: Some(1), ..Limit::default() };
                }),
                9,
            ),
        ] {
            let memory = in_memory(&config, Split::Train);
            let disk = on_disk(&config, Split::Train);
            assert_eq!((disk.len(), memory.len()), (rows, rows));
            // Backwards, so that each read has to seek.
            for (row, expected) in memory.iter().enumerate().rev() {
                assert_eq!(&disk.read(row).unwrap(), expected);
            }
            let gold: Vec<_> = memory.iter().filter_map(|row| row.gold).collect();
            assert_eq!(disk.gold(), gold);
            let ids = memory.iter().flat_map(|row| row.input_ids.iter().chain(&row.target_ids));
            assert_eq!(Some(disk.highest_token()), ids.copied().max());
        }
    }
}

#[test]
fn batches_on_disk_equal_those_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let config = task(folder.path(), Format::Csv);
    let (memory, disk) = (in_memory(&config, Split::Train), on_disk(&config, Split::Train));
    let mixture = Mixture::new(&MixtureConfig::default(), &[disk.len()], 3).unwrap();
    for step in [0, 5, 1_000] {
        for pick in mixture.batch(step, 8) {
            assert_eq!(disk.read(pick.row).unwrap(), memory[pick.row]);
        }
    }
}

#[cfg(feature = "parquet")]
#[test]
fn streams_parquet() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/rows.parquet");
    let config = TaskConfig {
        train: Some(file),
        template: Some("{answers.by}".into()),
        labels: Some(LabelsConfig::words([("0", "zero"), ("1", "one"), ("2", "two")])),
        ..TaskConfig::new("rows".parse().unwrap(), Format::Parquet)
    };
    let disk = on_disk(&config, Split::Train);
    let rows: Vec<_> = (0..disk.len()).map(|row| disk.read(row).unwrap()).collect();
    assert_eq!(rows, in_memory(&config, Split::Train));
    assert_eq!(rows.len(), 7);
}

#[test]
fn streams_published_splits() {
    let folder = tempfile::tempdir().unwrap();
    let dev = folder.path().join("dev.tsv");
    let rows: String = (0..9).map(|row| format!("x\t{}\t\tsentence {row}\n", row % 2)).collect();
    fs::write(&dev, rows).unwrap();
    let mut config = mtpt_tasks::benchmarks::glue::cola(folder.path());
    config.splits = Some(Splits::Mpt);
    let task = Task::new(&config).unwrap();
    for (split, count) in [(Split::Dev, 4), (Split::Test, 5)] {
        let streamed: Vec<Instance> =
            task.stream(split).unwrap().collect::<mtpt_tasks::Result<_>>().unwrap();
        assert_eq!((streamed.len(), &streamed), (count, &task.read(split).unwrap()));
    }
    assert!(matches!(task.stream(Split::Train).err(), Some(Error::InTask { .. })));
}

#[test]
fn reports_files_that_change_between_the_passes() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = task(folder.path(), Format::Tsv);
    config.hold_out = Some(0.5);
    let path = config.train.clone().unwrap();
    // More than the reader's buffer, so that the second pass notices the change.
    let rows: String = (0..4_000).map(|row| format!("row {row}\t{}\n", row % 3)).collect();
    let change = |path: &Path, append: bool| {
        let mut file = fs::OpenOptions::new().write(true).append(append).open(path).unwrap();
        if append {
            file.write_all(b"one more\t1\n").unwrap();
        } else {
            file.set_len(20_000).unwrap();
        }
    };
    for append in [true, false] {
        fs::write(&path, format!("text\tlabel\n{rows}")).unwrap();
        let task = Task::new(&config).unwrap();
        let stream = task.stream(Split::Train).unwrap();
        change(&path, append);
        let last = stream.last().unwrap().unwrap_err();
        match problem(last) {
            Error::Data(DataError::FileChanged { expected: 4_000, found, .. }) => {
                assert!(if append { found == 4_001 } else { found < 2_000 }, "{found}");
            }
            // The end may be in the middle of a row.
            Error::Data(DataError::FieldCount { .. }) if !append => {}
            other => panic!("{other}"),
        }
    }
}

#[test]
fn reports_errors_of_the_stream() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = task(folder.path(), Format::Tsv);
    let path = config.train.clone().unwrap();
    fs::write(&path, "text\tlabel\nfine\t1\nodd\t9\n").unwrap();
    let task = Task::new(&config).unwrap();
    let mut rows = task.stream(Split::Train).unwrap();
    assert!(rows.next().unwrap().is_ok());
    assert!(matches!(
        problem(rows.next().unwrap().unwrap_err()),
        Error::Data(DataError::UnknownLabel { .. })
    ));
    let failed = ExamplesOnDisk::write(0, &task, Split::Train, &tokens(), MAX_LENGTHS).unwrap_err();
    assert!(matches!(problem(failed), Error::Data(DataError::UnknownLabel { .. })));
    config.dev = None;
    fs::write(&path, "text\tlabel\n").unwrap();
    let empty = Task::new(&config).unwrap();
    assert!(matches!(
        problem(empty.stream(Split::Train).err().unwrap()),
        Error::Data(DataError::NoRows { .. })
    ));
    assert!(matches!(empty.stream(Split::Dev).err(), Some(Error::Task(TaskError::NoSplit { .. }))));
}
