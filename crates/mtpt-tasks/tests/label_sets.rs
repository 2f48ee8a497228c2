//! Any number of labels per row, and questions without an answer, compared with their reference
//! programs by `scripts/generate_label_sets_reference.py`.

use std::fs;

use mtpt_tasks::{Instance, LabelsConfig, Metric, Split, Task, TaskFile};
use serde::Deserialize;

use crate::message;

const REFERENCE: &str = include_str!("fixtures/label_sets.json");
/// The formulas are the same; only the order of operations differs.
const TOLERANCE: f64 = 1e-12;

#[derive(Deserialize)]
struct Reference {
    label_sets: Vec<LabelSets>,
    squad_v2: Squad,
}

#[derive(Deserialize)]
struct LabelSets {
    name: String,
    labels: usize,
    gold: Vec<Vec<usize>>,
    predicted: Vec<Vec<usize>>,
    sample_f1: f64,
    micro_f1: f64,
    macro_f1: f64,
    subset_accuracy: f64,
    hamming_score: f64,
}

#[derive(Deserialize)]
struct Squad {
    predictions: Vec<String>,
    references: Vec<Vec<String>>,
    squad_v2_f1: f64,
    squad_v2_exact_match: f64,
    squad_v2_has_answer_f1: f64,
    squad_v2_has_answer_exact_match: f64,
    squad_v2_no_answer_accuracy: f64,
}

fn reference() -> Reference {
    serde_json::from_str(REFERENCE).unwrap()
}

/// A task whose rows are written to a file.
fn task(name: &str, rows: &str, keys: &str) -> mtpt_tasks::Result<(tempfile::TempDir, Task)> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), rows).unwrap();
    let format = if name.ends_with("csv") { "csv" } else { "json_lines" };
    let text = format!(
        "[[tasks]]\nname = \"task\"\nformat = \"{format}\"\ndev = \"{name}\"\ntemplate = \"{{text}}\"\n{keys}"
    );
    let task = TaskFile::parse(&text, &folder.path().join("tasks.toml"))?.into_tasks().remove(0);
    Ok((folder, task))
}

fn read(name: &str, rows: &str, keys: &str) -> mtpt_tasks::Result<Vec<Instance>> {
    let (_folder, task) = task(name, rows, keys)?;
    task.read(Split::Dev)
}

fn targets(rows: Vec<Instance>) -> Vec<String> {
    rows.into_iter().map(|row| row.target).collect()
}

#[test]
fn metrics_of_label_sets_equal_scikit_learn() {
    for case in reference().label_sets {
        let words: Vec<String> = (0..case.labels).map(|label| format!("\"w{label}\"")).collect();
        let keys = format!(
            "labels = {{ multi_label = [{}] }}\n\
             metrics = [\"sample_f1\", \"micro_f1\", \"macro_f1\", \"subset_accuracy\", \"hamming_score\"]",
            words.join(", ")
        );
        let (_folder, task) = task("rows.jsonl", "{}", &keys).unwrap();
        let text = |labels: &Vec<usize>| {
            let words: Vec<String> = labels.iter().map(|label| format!("w{label}")).collect();
            if words.is_empty() { "none".to_owned() } else { words.join(", ") }
        };
        let references: Vec<_> = case.gold.iter().map(|labels| vec![text(labels)]).collect();
        let predictions: Vec<_> = case.predicted.iter().map(text).collect();
        let found = task.evaluate_texts(&references, &predictions).unwrap();
        let expected = [
            case.sample_f1,
            case.micro_f1,
            case.macro_f1,
            case.subset_accuracy,
            case.hamming_score,
        ];
        for ((metric, found), expected) in found.values().iter().zip(expected) {
            let name = metric.name();
            assert!((found - expected).abs() < TOLERANCE, "{}, {name}: {found}", case.name);
        }
    }
}

#[test]
fn reads_lists_and_joined_labels() {
    let rows = "{\"text\": \"a\", \"label\": [\"blue\", \"red\", \"blue\"]}\n\
                {\"text\": \"b\", \"label\": []}\n{\"text\": \"c\", \"label\": \"red\"}\n\
                {\"text\": \"d\", \"label\": \"\"}\n";
    let found = read("rows.jsonl", rows, "labels = { multi_label = [\"red\", \"blue\"] }").unwrap();
    assert_eq!(targets(found), ["red, blue", "none", "red", "none"]);

    let keys = "labels = { multi_label = { labels = { \"r\" = \"red\", \"b\" = \"light blue\" }, \
                separator = \"|\", none = \"no color\" } }";
    let found = read("rows.csv", "text,label\na,b|r\nb,\nc, r \nd,r | b\n", keys).unwrap();
    assert_eq!(targets(found), ["red, light blue", "no color", "red", "red, light blue"]);

    // Numbers of classes, as datasets with `ClassLabel` have them.
    let rows = "{\"text\": \"a\", \"label\": [2, 0]}\n{\"text\": \"b\", \"label\": 1}\n";
    let keys = "labels = { multi_label = { labels = { 0 = \"x\", 1 = \"y\", 2 = \"z\" } } }";
    assert_eq!(targets(read("rows.jsonl", rows, keys).unwrap()), ["x, z", "y"]);
}

#[test]
fn generated_words_are_labels_in_any_order() {
    let keys =
        "labels = { multi_label = { labels = { \"r\" = \"red\", \"b\" = \"light blue\" } } }";
    let (_folder, task) = task("rows.jsonl", "{}", keys).unwrap();
    for (text, expected) in [
        ("light blue,red", vec![0, 1]),
        (" red ,  red, green", vec![0]),
        ("light  blue", vec![1]),
        ("none", vec![]),
        ("", vec![]),
    ] {
        assert_eq!(task.labels().labels_in(text), Some(expected), "{text}");
    }
    assert_eq!(task.labels().multi_labels().unwrap().0, ["r", "b"]);
    assert_eq!(task.metrics(), [Metric::MicroF1 { labels: vec![] }, Metric::MacroF1]);
    // The configuration in a prompt file.
    let config = task.config().labels.clone().unwrap();
    let json = serde_json::to_string(&config).unwrap();
    assert_eq!(json, "{\"multi_label\":{\"labels\":{\"r\":\"red\",\"b\":\"light blue\"}}}");
    assert_eq!(serde_json::from_str::<LabelsConfig>(&json).unwrap(), config);
}

#[test]
fn unknown_and_joined_labels_are_located() {
    let red = "labels = { multi_label = [\"red\", \"blue\"] }";
    for (name, rows, keys, expected) in [
        (
            "rows.jsonl",
            "{\"text\": \"a\", \"label\": [\"red\"]}\n{\"text\": \"a\", \"label\": [\"red\", \"rde\"]}\n",
            red,
            ":2: expected one of the labels `red`, `blue`, found `rde`; did you mean `red`?",
        ),
        (
            "rows.csv",
            "text,label\na,red\nb,red|blue\n",
            red,
            ":3: expected one label, found several",
        ),
        (
            "rows.csv",
            "text,label\na,red;blue\n",
            "labels = [\"red\", \"blue\"]",
            "set `labels = { multi_label = { labels = [...], separator = \";\" } }`",
        ),
        (
            "rows.jsonl",
            "{\"text\": \"a\", \"label\": [\"red\"]}\n",
            "labels = [\"red\", \"blue\"]",
            ":1: expected one label in the field `label`, found an array; if rows have any number",
        ),
        ("rows.jsonl", "{\"text\": \"a\", \"label\": null}\n", red, ":1: expected text, a number"),
    ] {
        let found = message(read(name, rows, keys));
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn invalid_label_sets_are_rejected() {
    for (labels, expected) in [
        ("[]", "found an empty table"),
        ("[\"a, b\"]", "expected a word without a comma for the label `a, b`"),
        ("[\"a\", \"none\"]", "the label `none` has the word `none`, which is the target of a row"),
        ("{ labels = [\"a\"], separator = \"\" }", "expected `separator` to be the text between"),
        ("{ labels = [\"a\"], none = \" \" }", "expected `none` to be a word without a comma"),
        ("{ labels = [\"a\"], seperator = \"|\" }", "unknown field `seperator`"),
        ("3", "expected a word, or a table of options"),
    ] {
        let keys = format!("labels = {{ multi_label = {labels} }}");
        let found = message(read("rows.jsonl", "{}", &keys));
        assert!(found.contains(expected), "{found}");
    }
    let keys = "labels = { multi_label = [\"a\", \"b\"] }\nmetrics = ";
    for (metrics, expected) in [
        ("[\"accuracy\"]", "use `micro_f1`, `macro_f1`, `sample_f1` or `subset_accuracy`"),
        ("[{ micro_f1 = { labels = [\"c\"] } }]", "to be some of `a`, `b`, found `c`"),
    ] {
        let found = message(read("rows.jsonl", "{}", &format!("{keys}{metrics}")));
        assert!(found.contains(expected), "{found}");
    }
}

const QUESTIONS: &str = r#"{"text": "q1", "answers": {"text": ["red green"], "answer_start": [0]}}
{"text": "q2", "answers": {"text": [], "answer_start": []}}
{"text": "q3", "answers": []}
"#;

#[test]
fn metrics_of_unanswerable_questions_equal_the_script() {
    let names = [
        "squad_v2_f1",
        "squad_v2_exact_match",
        "squad_v2_has_answer_f1",
        "squad_v2_has_answer_exact_match",
        "squad_v2_no_answer_accuracy",
    ];
    let keys = format!(
        "label_field = \"answers\"\nlabels = {{ text = {{ no_answer = \"Unanswerable\" }} }}\n\
         metrics = {names:?}"
    );
    let (_folder, task) = task("rows.jsonl", QUESTIONS, &keys).unwrap();
    let squad = reference().squad_v2;
    let expected = [
        squad.squad_v2_f1,
        squad.squad_v2_exact_match,
        squad.squad_v2_has_answer_f1,
        squad.squad_v2_has_answer_exact_match,
        squad.squad_v2_no_answer_accuracy,
    ];
    // Empty texts, and the text for no answer, are both no answer.
    for none in ["", "unanswerable."] {
        let predictions: Vec<String> = squad
            .predictions
            .iter()
            .map(|text| if text.is_empty() { none.to_owned() } else { text.clone() })
            .collect();
        let found = task.evaluate_texts(&squad.references, &predictions).unwrap();
        for ((metric, found), expected) in found.values().iter().zip(expected) {
            assert!((found - expected).abs() < TOLERANCE, "{}: {found}", metric.name());
        }
    }
}

#[test]
fn rows_without_an_answer_have_a_target() {
    let keys = "label_field = \"answers\"\nlabels = { text = { no_answer = \"unanswerable\" } }";
    let rows = read("rows.jsonl", QUESTIONS, keys).unwrap();
    assert_eq!(rows[1].references, [""]);
    assert_eq!(targets(rows), ["red green", "unanswerable", "unanswerable"]);
    let (_folder, task) = task("rows.jsonl", QUESTIONS, keys).unwrap();
    assert_eq!(task.metrics(), [Metric::SquadV2F1, Metric::SquadV2ExactMatch]);
    let json = serde_json::to_string(&task.config().labels).unwrap();
    assert_eq!(json, "{\"text\":{\"no_answer\":\"unanswerable\"}}");
}

#[test]
fn version_1_has_no_rows_without_an_answer() {
    let plain = "label_field = \"answers\"\nlabels = \"text\"";
    let found = message(read("rows.jsonl", QUESTIONS, plain));
    assert!(found.contains(":2: expected at least one text in the field `answers`"), "{found}");
    assert!(found.contains("`labels = { text = { no_answer = \"unanswerable\" } }`"), "{found}");
    let keys = "label_field = \"answers\"\nlabels = { text = { no_answer = \"none\" } }\n";
    for (metric, instead) in [("squad_f1", "squad_v2_f1"), ("exact_match", "squad_v2_exact_match")]
    {
        let found =
            message(read("rows.jsonl", QUESTIONS, &format!("{keys}metrics = [\"{metric}\"]")));
        assert!(found.contains(&format!("`{metric}` follows SQuAD 1.1")), "{found}");
        assert!(found.contains(&format!("use `{instead}`")), "{found}");
    }
}

#[test]
fn columns_with_yes_or_no_are_labels() {
    let keys =
        "labels = { multi_label = { columns = { \"is_red\" = \"red\", \"is_blue\" = \"blue\" } } }";
    let table = "text,is_red,is_blue\na,1,0\nb,yes,True\nc,0.0,n\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    let read = |table: &str, keys: &str| {
        std::fs::write(&path, table).unwrap();
        let text = format!(
            "[[tasks]]\nname = \"t\"\nformat = \"csv\"\ntrain = \"rows.csv\"\ntemplate = \"{{text}}\"\n{keys}\n"
        );
        let tasks = TaskFile::parse(&text, &folder.path().join("tasks.toml"))?.into_tasks();
        let rows = tasks[0].read(Split::Train)?;
        // A definition with all defaults filled in is equivalent.
        let again = mtpt_tasks::Task::new(tasks[0].config()).unwrap();
        assert_eq!(again.read(Split::Train).unwrap(), rows);
        Ok(rows.into_iter().map(|row| row.target).collect::<Vec<_>>())
    };
    assert_eq!(read(table, keys).unwrap(), ["red", "red, blue", "none"]);
    let list = "labels = { multi_label = { columns = [\"is_red\"], none = \"other\" } }";
    assert_eq!(read(table, list).unwrap(), ["is_red", "is_red", "other"]);
    for (table, keys, expected) in [
        (
            "text,is_red,is_blue\na,1,maybe\n",
            keys,
            "rows.csv:2: expected `1` or `0`, `true` or `false`, or `yes` or `no` in the field `is_blue`, found `maybe`",
        ),
        ("text,is_red,is_blue\na,1,\n", keys, "in the field `is_blue`, found ``"),
        ("text,is_red\na,1\n", keys, "rows.csv:2: expected the field `is_blue`"),
        (
            table,
            "labels = { multi_label = { columns = [\"is_red\"], separator = \"|\" } }",
            "expected `columns` or `separator` in `multi_label`, found both",
        ),
        (
            table,
            "labels = { multi_label = { columns = [\"is_red\"], labels = [\"a\"] } }",
            "expected `labels` or `columns` in `multi_label`",
        ),
        (
            table,
            "labels = { multi_label = { none = \"a\" } }",
            "expected `labels` or `columns` in `multi_label`",
        ),
    ] {
        let found = message(read(table, keys));
        assert!(found.contains(expected), "{found}");
    }
    // A row without any value is not labeled.
    let skip = format!("{keys}\nunlabeled = \"skip\"");
    assert_eq!(read("text,is_red,is_blue\na,1,0\nb,,\n", &skip).unwrap(), ["red"]);
}
