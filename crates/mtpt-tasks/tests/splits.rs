use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use mtpt_tasks::benchmarks::{glue, superglue};
use mtpt_tasks::task::TaskError;
use mtpt_tasks::{Error, FewShot, Format, Split, Splits, Task, TaskConfig};

use crate::{message, problem, shared};

/// Defines a task from its folder.
type Define = fn(&Path) -> TaskConfig;

fn sizes(mut config: TaskConfig) -> [usize; 3] {
    config.splits = Some(Splits::Mpt);
    let task = Task::new(&config).unwrap();
    Split::ALL.map(|split| task.read(split).unwrap().len())
}

/// The sizes of Compacter, ATTEMPT and MPT, as listed in ULPT (arXiv 2502.04501, table 4).
#[test]
fn mpt_splits_of_real_files_have_the_published_sizes() {
    let Some(folder) = shared("data/glue") else { return };
    for (define, name, expected) in [
        (glue::cola as Define, "CoLA", [8_551, 521, 522]),
        // This copy of the file lacks one row.
        (glue::mrpc, "MRPC", [3_667, 204, 204]),
        (glue::rte, "RTE", [2_490, 138, 139]),
        (glue::sst2, "SST-2", [66_349, 1_000, 872]),
        (glue::stsb, "STS-B", [5_749, 750, 750]),
    ] {
        assert_eq!(sizes(define(&folder.join(name))), expected, "{name}");
    }
}

/// Writes a file with a header and rows made from their numbers.
fn write(path: &Path, header: &str, rows: usize, row: impl Fn(usize) -> String) {
    let mut text = header.to_owned();
    (0..rows).for_each(|number| writeln!(text, "{}", row(number)).unwrap());
    fs::write(path, text).unwrap();
}

#[test]
fn mpt_splits_of_files_of_the_same_length_have_the_published_sizes() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let qnli = |row: usize| format!("{row}\tq\ts\tentailment");
    write(&at("train.tsv"), "index\tquestion\tsentence\tlabel\n", 104_743, qnli);
    write(&at("dev.tsv"), "index\tquestion\tsentence\tlabel\n", 5_463, qnli);
    assert_eq!(sizes(glue::qnli(folder.path())), [103_743, 1_000, 5_463]);

    let mnli = |_| "p\th\tneutral".to_owned();
    for (name, rows) in [("train", 20), ("dev_mismatched", 9_832), ("dev_matched", 9_815)] {
        write(&at(&format!("{name}.tsv")), "sentence1\tsentence2\tgold_label\n", rows, mnli);
    }
    let mut config = glue::mnli(folder.path());
    (config.dev, config.test) = (Some(at("dev_mismatched.tsv")), config.dev);
    assert_eq!(sizes(config), [20, 9_832, 9_815]);

    for (define, rows, row, expected) in [
        (
            superglue::boolq as Define,
            [9_427, 3_270],
            r#"{"question": "q", "passage": "p", "label": true}"#,
            [9_427, 1_635, 1_635],
        ),
        (
            superglue::cb,
            [250, 56],
            r#"{"premise": "p", "hypothesis": "h", "label": "neutral"}"#,
            [250, 28, 28],
        ),
        (
            superglue::wic,
            [5_428, 638],
            r#"{"word": "w", "sentence1": "a", "sentence2": "b", "label": false}"#,
            [5_428, 319, 319],
        ),
        (
            superglue::wsc,
            [554, 104],
            r#"{"idx": 0, "text": "a b", "label": true, "target": {"span1_index": 0, "span1_text": "a", "span2_index": 1, "span2_text": "b"}}"#,
            [554, 52, 52],
        ),
        // Each line has three answers, each of which is a row.
        (
            superglue::multirc,
            [9_081, 1_616],
            r#"{"idx": 0, "passage": {"text": "p", "questions": [{"idx": 0, "question": "q", "answers": [{"idx": 0, "text": "a", "label": 1}, {"idx": 1, "text": "b", "label": 0}, {"idx": 2, "text": "c", "label": 0}]}]}}"#,
            [27_243, 2_424, 2_424],
        ),
    ] {
        for (name, rows) in ["train.jsonl", "val.jsonl"].into_iter().zip(rows) {
            write(&at(name), "", rows, |_| row.to_owned());
        }
        assert_eq!(sizes(define(folder.path())), expected);
    }
}

#[test]
fn skips_truncated_rows_of_qqp() {
    let folder = tempfile::tempdir().unwrap();
    let header = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n";
    let row =
        |row| if row == 7 { "7\t1\t2\tq".to_owned() } else { format!("{row}\t1\t2\tq\tr\t0") };
    write(&folder.path().join("train.tsv"), header, 1_010, row);
    write(&folder.path().join("dev.tsv"), header, 5, row);
    assert_eq!(sizes(glue::qqp(folder.path())), [9, 1_000, 5]);
}

/// A task with the format of CoLA whose sentences are row numbers.
fn numbered(folder: &Path, rows: usize) -> TaskConfig {
    for name in ["train.tsv", "dev.tsv"] {
        write(&folder.join(name), "", rows, |row| format!("x\t{}\t\t{row}", row % 2));
    }
    TaskConfig { template: Some("{sentence}".into()), ..glue::cola(folder) }
}

fn numbers(config: &TaskConfig, split: Split) -> Vec<usize> {
    let rows = Task::new(config).unwrap().read(split).unwrap();
    rows.iter().map(|row| row.input.parse().unwrap()).collect()
}

/// `torch.randperm(10)` with the seed 42 starts with 2, 6, 1, 8, 4.
#[test]
fn halves_match_pytorch() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = numbered(folder.path(), 10);
    config.splits = Some(Splits::Mpt);
    assert_eq!(numbers(&config, Split::Dev), [1, 2, 4, 6, 8]);
    assert_eq!(numbers(&config, Split::Test), [0, 3, 5, 7, 9]);
    assert_eq!(numbers(&config, Split::Train).len(), 10);
    config.limit.dev = Some(2);
    assert_eq!(numbers(&config, Split::Dev), [1, 2]);
}

#[test]
fn rejects_splits_of_other_files() {
    let error = |change: &dyn Fn(&mut TaskConfig)| {
        let mut config = glue::cola(Path::new("CoLA"));
        config.splits = Some(Splits::Mpt);
        change(&mut config);
        problem(Task::new(&config).unwrap_err()).to_string()
    };
    assert_eq!(
        error(&|config| config.dev = None),
        "`splits = \"mpt\"` needs the official validation file as `dev`, and no `test`"
    );
    assert_eq!(
        error(&|config| {
            config.format = Format::GlueSst2;
            config.train = None;
        }),
        "`splits = \"mpt\"` needs the official training file as `train`, the validation file as `dev`, and no `test`"
    );
    assert_eq!(
        error(&|config| config.format = Format::GlueMnli),
        "`splits = \"mpt\"` needs the mismatched validation file as `dev` and the matched one as `test`"
    );
    assert_eq!(
        error(&|config| config.format = Format::Csv),
        "`splits = \"mpt\"` is for original files of GLUE and SuperGLUE other than ReCoRD, not for `format = \"csv\"`"
    );
    assert_eq!(
        error(&|config| (config.hold_out, config.dev) = (Some(0.1), None)),
        "`splits = \"mpt\"` needs `hold_out` to be omitted"
    );
    // The answers to one question would be in both splits.
    let folder = Path::new("folder");
    for mut config in [superglue::record(folder), superglue::multirc(folder)] {
        Task::new(&config).unwrap();
        (config.hold_out, config.dev) = (Some(0.1), None);
        assert!(matches!(
            problem(Task::new(&config).unwrap_err()),
            Error::Task(TaskError::HoldOutOfAnswers { .. })
        ));
    }
}

#[test]
fn samples_few_shots_per_label() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = numbered(folder.path(), 40);
    let sample = |config: &mut TaskConfig, per_label, seed| {
        config.few_shot = Some(FewShot { per_label, seed });
        numbers(config, Split::Train)
    };
    let sampled = sample(&mut config, 3, 1);
    assert_eq!(sampled.iter().filter(|&row| row % 2 == 0).count(), 3);
    assert!(sampled.len() == 6 && sampled.is_sorted());
    assert_eq!(numbers(&config, Split::Dev).len(), 40);
    let different: BTreeSet<Vec<usize>> =
        (0..20).map(|seed| sample(&mut config, 3, seed)).collect();
    assert_eq!(different.len(), 20);
    // The limit applies to the sampled rows. Held-out rows are not sampled.
    config.limit.train = Some(4);
    assert_eq!(sample(&mut config, 3, 1), sampled[..4]);
    config.limit.train = None;
    (config.hold_out, config.dev) = (Some(0.25), None);
    let (train, dev) = (sample(&mut config, 15, 1), numbers(&config, Split::Dev));
    assert_eq!((train.len(), dev.len()), (30, 10));
    assert!(train.iter().all(|row| !dev.contains(row)));

    config.few_shot = Some(FewShot { per_label: 16, seed: 0 });
    let found = message(Task::new(&config).unwrap().read(Split::Train));
    let file = folder.path().join("train.tsv");
    assert_eq!(
        found,
        format!(
            "task `cola`: {}: `few_shot` samples 16 rows of each label, but of `unacceptable`, found 15",
            file.display()
        )
    );
    config.few_shot = Some(FewShot { per_label: 0, seed: 0 });
    let found = message(Task::new(&config));
    assert_eq!(found, "task `cola`: expected `few_shot.per_label` to be at least 1, found 0");
}

#[test]
fn serializes_splits_and_few_shots() {
    let text = "name = \"rte\"\nformat = \"glue_rte\"\ntrain = \"t\"\ndev = \"d\"\nsplits = \"mpt\"\n\
                few_shot = { per_label = 16, seed = 3 }\n";
    let config: TaskConfig = toml::from_str(text).unwrap();
    assert_eq!(config.splits, Some(Splits::Mpt));
    assert_eq!(config.few_shot, Some(FewShot { per_label: 16, seed: 3 }));
    let again: TaskConfig = toml::from_str(&toml::to_string(&config).unwrap()).unwrap();
    assert_eq!(again, config);
}
