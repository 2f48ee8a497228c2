use std::path::Path;

use mtpt_tasks::benchmarks::glue;
use mtpt_tasks::{Format, MajorityBaseline, Split, Task, TaskConfig};

use crate::shared;

/// Numbers of rows, of rows with the second label word, and of characters in all inputs and
/// targets, counted independently of this crate.
struct Count {
    rows: usize,
    second: usize,
    characters: usize,
}

fn check(config: TaskConfig, split: Split, expected: &Count) {
    let task = Task::new(&config).unwrap();
    let rows = task.read(split).unwrap();
    let second = rows.iter().filter(|row| row.label == 1).count();
    let characters = rows
        .iter()
        .map(|row| row.input.chars().count() + row.target.chars().count())
        .sum::<usize>();
    assert_eq!(
        (rows.len(), second, characters),
        (expected.rows, expected.second, expected.characters),
        "{} {split}",
        task.id()
    );
}

#[test]
fn reads_all_rows_of_five_glue_tasks() {
    let Some(folder) = shared("data/glue") else { return };
    for (config, name, counts) in COUNTS {
        for (split, count) in [Split::Train, Split::Dev].into_iter().zip(counts) {
            check(config(&folder.join(name)), split, &count);
        }
    }
}

#[test]
fn reads_the_first_rows() {
    let Some(folder) = shared("data/glue") else { return };
    let first = |config: &TaskConfig| {
        let row = Task::new(config).unwrap().read(Split::Dev).unwrap().swap_remove(0);
        (row.input, row.target)
    };
    let (input, target) = first(&glue::mrpc(&folder.join("MRPC")));
    assert_eq!(
        input,
        "mrpc sentence1: He said the foodservice pie business doesn 't fit the company 's long-term growth strategy . \
         sentence2: \" The foodservice pie business does not fit our long-term growth strategy ."
    );
    assert_eq!(target, "equivalent");
    let (input, target) = first(&glue::cola(&folder.join("CoLA")));
    assert_eq!(input, "cola sentence: The sailors rode the breeze clear of the rocks.");
    assert_eq!(target, "acceptable");
    let (input, target) = first(&glue::stsb(&folder.join("STS-B")));
    assert_eq!(
        input,
        "stsb sentence1: A man with a hard hat is dancing. sentence2: A man wearing a hard hat is dancing."
    );
    assert_eq!(target, "5.0");
    let (input, target) = first(&glue::sst2(&folder.join("SST-2")));
    assert_eq!(input, "sst2 sentence: it 's a charming and often affecting journey . ");
    assert_eq!(target, "positive");
    let (input, target) = first(&glue::rte(&folder.join("RTE")));
    assert!(input.starts_with("rte sentence1: Dana Reeve, the widow of"), "{input}");
    assert!(input.ends_with(" sentence2: Christopher Reeve had an accident."), "{input}");
    assert_eq!(target, "not_entailment");
}

#[test]
fn baselines_match_the_label_counts() {
    let Some(folder) = shared("data/glue") else { return };
    for (config, name, expected) in [
        (glue::sst2(&folder.join("SST-2")), "accuracy", 444.0 / 872.0),
        (glue::cola(&folder.join("CoLA")), "matthews", 0.0),
        (glue::stsb(&folder.join("STS-B")), "pearson", 0.0),
    ] {
        let task = Task::new(&config).unwrap();
        let gold =
            |split| -> Vec<_> { task.read(split).unwrap().iter().map(|row| row.gold).collect() };
        let baseline = MajorityBaseline::new(task.labels(), &gold(Split::Train));
        let evaluation = baseline.evaluate(task.metrics(), task.labels(), &gold(Split::Dev));
        assert_eq!(evaluation.get(name), Some(expected), "{}", task.id());
    }
}

#[test]
fn collects_labels_of_json_lines() {
    let Some(folder) = shared("data/text") else { return };
    for (name, rows, words) in TEXT {
        let mut config = TaskConfig::new(name.parse().unwrap(), Format::JsonLines);
        config.train = Some("train.jsonl".into());
        config.dev = Some("dev.jsonl".into());
        config.test = Some("test.jsonl".into());
        config.template = Some(format!("{name}: {{text}}"));
        config.labels = Some(mtpt_tasks::LabelsConfig::Verbatim);
        let task = Task::new(&config.in_folder(&folder.join(name))).unwrap();
        assert_eq!(task.labels().words(), *words);
        for (split, &rows) in Split::ALL.into_iter().zip(*rows) {
            assert_eq!(task.read(split).unwrap().len(), rows, "{name} {split}");
        }
    }
}

const TEXT: &[(&str, &[usize], &[&str])] = &[
    ("mpqa", &[8_482, 1_060, 1_061], &["negative", "positive"]),
    ("subj", &[8_000, 1_000, 1_000], &["objective", "subjective"]),
    (
        "trec",
        &[4_900, 552, 500],
        &["abbreviation", "description", "entity", "human", "location", "number"],
    ),
];

/// Defines a task from its folder.
type Preset = fn(&Path) -> TaskConfig;

const COUNTS: [(Preset, &str, [Count; 2]); 5] = [
    (
        glue::cola,
        "CoLA",
        [
            Count { rows: 8_551, second: 6_023, characters: 566_863 },
            Count { rows: 1_043, second: 721, characters: 70_349 },
        ],
    ),
    (
        glue::mrpc,
        "MRPC",
        [
            Count { rows: 3_667, second: 2_473, characters: 1_014_184 },
            Count { rows: 408, second: 279, characters: 113_700 },
        ],
    ),
    (
        glue::rte,
        "RTE",
        [
            Count { rows: 2_490, second: 1_241, characters: 894_338 },
            Count { rows: 277, second: 131, characters: 95_945 },
        ],
    ),
    (
        glue::sst2,
        "SST-2",
        [
            Count { rows: 67_349, second: 37_569, characters: 5_152_575 },
            Count { rows: 872, second: 444, characters: 112_350 },
        ],
    ),
    (
        glue::stsb,
        "STS-B",
        [
            Count { rows: 5_749, second: 86, characters: 840_740 },
            Count { rows: 1_500, second: 41, characters: 238_455 },
        ],
    ),
];
