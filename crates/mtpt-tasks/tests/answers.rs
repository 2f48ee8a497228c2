//! Labels and targets: free text, candidates of each row, scores of any scale, and groups.

use std::fs;

use mtpt_tasks::labels::Scale;
use mtpt_tasks::{
    Gold, Instance, Labels, LabelsConfig, MaxLengths, Metric, Split, Task, TaskFile, TokenizeError,
    TokenizeFn, TokenizedExample,
};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::{message, problem};

/// A task whose rows are written to a folder.
fn task(folder: &TempDir, rows: &str, keys: &str) -> mtpt_tasks::Result<Task> {
    let path = folder.path().join("rows.jsonl");
    fs::write(&path, rows).unwrap();
    let text = format!(
        "[[tasks]]\nname = \"task\"\nformat = \"json_lines\"\ndev = \"rows.jsonl\"\n{keys}"
    );
    TaskFile::parse(&text, &folder.path().join("tasks.toml"))
        .map(|file| file.into_tasks().remove(0))
}

fn read(rows: &str, keys: &str) -> mtpt_tasks::Result<Vec<Instance>> {
    let folder = tempfile::tempdir().unwrap();
    task(&folder, rows, keys)?.read(Split::Dev)
}

const QUESTIONS: &str = r#"{"question": "who", "context": "c", "answers": ["Ada", "Ada Lovelace"], "short": "A. L."}
{"question": "when", "context": "d", "answers": {"text": ["1843"], "answer_start": [3]}, "short": "then"}
{"question": "what", "context": "e", "answers": "notes", "short": "them"}
"#;
const QUESTION: &str = "template = \"question: {question} context: {context}\"\n";

#[test]
fn reads_one_or_several_references() {
    let rows = read(QUESTIONS, &format!("{QUESTION}label_field = \"answers\"\nlabels = \"text\""))
        .unwrap();
    let found: Vec<_> =
        rows.iter().map(|row| (row.target.as_str(), row.references.len(), row.gold)).collect();
    assert_eq!(found, [("Ada", 2, Gold::Text), ("1843", 1, Gold::Text), ("notes", 1, Gold::Text)]);
    assert_eq!(rows[0].input, "question: who context: c");
    let named = format!(
        "{QUESTION}label_field = \"short\"\nlabels = {{ text = {{ references = \"answers\" }} }}"
    );
    let rows = read(QUESTIONS, &named).unwrap();
    assert_eq!((rows[0].target.as_str(), rows[0].references.len()), ("A. L.", 2));
}

#[test]
fn evaluates_free_text_by_squad_metrics_by_default() {
    let folder = tempfile::tempdir().unwrap();
    let keys = format!("{QUESTION}label_field = \"answers\"\nlabels = \"text\"");
    let task = task(&folder, QUESTIONS, &keys).unwrap();
    assert_eq!(task.metrics(), [Metric::SquadF1, Metric::ExactMatch]);
    let rows = task.read(Split::Dev).unwrap();
    let references: Vec<_> = rows.into_iter().map(|row| row.references).collect();
    let predictions = ["lovelace", "in 1843", "Notes."].map(str::to_owned);
    let evaluation = task.evaluate_texts(&references, &predictions).unwrap();
    assert!((evaluation.primary() - (2.0 / 3.0 + 2.0 / 3.0 + 1.0) / 3.0).abs() < 1e-12);
    assert_eq!(evaluation.get("exact_match"), Some(1.0 / 3.0));
}

#[test]
fn reports_fields_without_text() {
    let keys = format!("{QUESTION}label_field = \"answers\"\nlabels = \"text\"");
    for (value, expected) in [
        ("[]", "expected at least one text in the field `answers`, found an empty array"),
        ("[1, \"a\"]", "in the field `answers`, found an array"),
        ("null", "in the field `answers`, found null"),
        ("{\"text\": 3}", "in the field `answers`, found an object"),
    ] {
        let row = format!("{{\"question\": \"q\", \"context\": \"c\", \"answers\": {value}}}\n");
        let found = message(read(&row, &keys));
        assert!(found.contains(":1: ") && found.contains(expected), "{found}");
    }
    for value in ["\"\"", "\" \"", "[\"\", \"a\"]"] {
        let rows = format!(
            "{QUESTIONS}{{\"question\": \"q\", \"context\": \"c\", \"answers\": {value}, \"short\": \"s\"}}\n"
        );
        let found = message(read(&rows, &keys));
        assert!(found.contains(":4: the field `answers` has no label; fill it in"), "{found}");
    }
    let named = format!(
        "{QUESTION}label_field = \"short\"\nlabels = {{ text = {{ references = \"answers\" }} }}"
    );
    let found = message(read(&QUESTIONS.replace("\"then\"", "\"\""), &named));
    assert!(found.contains(":2: the field `short` has no label"), "{found}");
    let found =
        message(read("{\"question\": [\"q\"], \"context\": \"\", \"answers\": \"\"}", &keys));
    assert!(found.ends_with("in the field `question`, found an array"), "{found}");
}

#[test]
fn tokenizes_the_target_of_each_row() {
    let rows = read(QUESTIONS, &format!("{QUESTION}label_field = \"answers\"\nlabels = \"text\""))
        .unwrap();
    let tokenizer = TokenizeFn(|text: &str| -> Result<Vec<u32>, TokenizeError> {
        Ok(text.bytes().map(u32::from).chain([1]).collect())
    });
    let lengths = MaxLengths { input: 64, target: 64 };
    let examples = TokenizedExample::tokenize_all(0, &rows, &tokenizer, lengths).unwrap();
    assert_eq!(examples[0].target_ids, [65, 100, 97, 1]);
    assert_eq!(examples[1].target_ids, [49, 56, 52, 51, 1]);
}

const COPA: &str = r#"{"premise": "It rained.", "choice1": "The street got wet.", "choice2": "The sun rose.", "label": 0, "q": 1}
{"premise": "He fell.", "choice1": "He laughed.", "choice2": "He slipped.", "label": 1, "q": 1}
"#;

#[test]
fn reads_the_candidates_of_each_row() {
    let keys =
        "template = \"copa premise: {premise}\"\nlabels = { choices = [\"choice1\", \"choice2\"] }";
    let rows = read(COPA, keys).unwrap();
    assert_eq!(rows[0].choices, ["The street got wet.", "The sun rose."]);
    assert_eq!((rows[0].label, rows[0].target.as_str()), (0, "The street got wet."));
    assert_eq!((rows[1].gold, rows[1].target.as_str()), (Gold::Label(1), "He slipped."));
    let table =
        keys.replace("[\"choice1\", \"choice2\"]", "{ \"1\" = \"choice1\", \"0\" = \"choice2\" }");
    let rows = read(COPA, &table).unwrap();
    assert_eq!((rows[0].label, rows[0].target.as_str()), (1, "The sun rose."));
    // T5's form: the input contains the candidates, and the label words are their names.
    let shown = "template = \"copa choice1: {choice1} choice2: {choice2} premise: {premise}\"\n\
        labels = { \"0\" = \"choice1\", \"1\" = \"choice2\" }";
    let rows = read(COPA, shown).unwrap();
    assert_eq!((rows[0].target.as_str(), rows[0].choices.len()), ("choice1", 0));
    for (keys, expected) in [
        (keys.replace("choice2", "choice3"), "expected the field `choice3`"),
        (keys.replace(", \"choice2\"", ""), "found one choice alone"),
        (keys.replace("choice2", "choice1"), "`0` and `1` share `choice1`"),
    ] {
        let found = message(read(COPA, &keys));
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn renders_groups_by_a_template() {
    let keys = "template = \"{premise}\"\nlabels = { \"0\" = \"no\", \"1\" = \"yes\" }\n\
        metrics = [{ f1a = { positive = \"yes\" } }, { group_exact_match = { group = \"question {q}\" } }]";
    let rows = read(COPA, keys).unwrap();
    assert_eq!(rows[1].group.as_deref(), Some("question 1"));
    let found = message(read(COPA, &keys.replace("{q}", "")));
    assert!(found.contains("expected at least one field"), "{found}");
    let found = message(read(COPA, &keys.replace("{q}", "{number}")));
    assert!(found.contains("expected the field `number`"), "{found}");
    let found = message(read(COPA, &keys.replace("positive = \"yes\"", "positive = \"true\"")));
    assert!(found.contains("the positive word of `f1a` to be one of `no`, `yes`"), "{found}");
}

#[test]
fn supports_other_scales() {
    let rows = "{\"text\": \"a\", \"label\": 2.6}\n{\"text\": \"b\", \"label\": 3.1}\n";
    let keys =
        "template = \"{text}\"\nlabels = { regression = { lowest = 1, highest = 3, step = 0.5 } }";
    let error = read(rows, keys).unwrap_err();
    assert_eq!(
        problem(error).to_string().rsplit_once(": ").unwrap().1,
        "expected a score from 1 to 3, found `3.1`"
    );
    let rows = read(&rows.replace("3.1", "3"), keys).unwrap();
    assert_eq!((rows[0].target.as_str(), rows[0].gold), ("2.5", Gold::Score(2.6)));
    assert_eq!(rows[1].target, "3.0");
    let found = message(read("", &keys.replace("step = 0.5", "step = 0.3")));
    assert!(found.contains("expected `step` to divide the range"), "{found}");
    let found = message(read("", &keys.replace("lowest", "least")));
    assert!(found.contains("unknown field `least`"), "{found}");
}

#[test]
fn rejects_metrics_of_other_labels() {
    let text = Labels::free_text(None);
    assert!(text.is_text() && text.words().is_empty());
    for (labels, metric, expected) in [
        (
            "\"text\"",
            "accuracy",
            "is for label words, but the task has free text (`labels = \"text\"`)",
        ),
        ("[\"a\"]", "bleu", "is for free text (`labels = \"text\"`), but the task has label words"),
        ("\"regression\"", "squad_f1", "but the task has scores (`labels = \"regression\"`)"),
    ] {
        let keys = format!("template = \"{{text}}\"\nlabels = {labels}\nmetrics = [\"{metric}\"]");
        let found = message(read("", &keys));
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn serializes_labels_as_they_are_read() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Document {
        labels: LabelsConfig,
        metrics: Vec<Metric>,
    }
    let scale = Scale { lowest: -1.0, highest: 1.0, step: 0.25 };
    for labels in [
        LabelsConfig::words([("choices", "a"), ("text", "b"), ("regression", "c")]),
        LabelsConfig::Verbatim,
        LabelsConfig::Regression(Scale::default()),
        LabelsConfig::Regression(scale),
        LabelsConfig::text(),
        LabelsConfig::Text { references: Some("answers".into()), no_answer: None },
        LabelsConfig::choices(["first", "second"]),
        LabelsConfig::Choices(vec![("b".into(), "second".into()), ("a".into(), "first".into())]),
    ] {
        let metrics = vec![
            Metric::Rouge1,
            Metric::RougeLsum,
            Metric::GroupExactMatch { group: "{q}".into() },
        ];
        let document = Document { labels, metrics };
        let text = toml::to_string(&document).unwrap();
        assert_eq!(toml::from_str::<Document>(&text).unwrap(), document, "{text}");
        let json = serde_json::to_string(&document).unwrap();
        assert_eq!(serde_json::from_str::<Document>(&json).unwrap(), document, "{json}");
        assert!(json.contains("rouge_1") && json.contains("rouge_lsum"), "{json}");
    }
    for (text, expected) in [
        ("labels = { text = {} }", None),
        ("labels = { text = {}, a = \"b\" }", Some("expected `text` alone in `labels`")),
        ("labels = { a = \"b\", choices = [\"c\"] }", Some("expected `choices` alone in `labels`")),
        ("labels = { choices = 3 }", Some("a word, or a table of options")),
        ("labels = { text = { answers = \"a\" } }", Some("unknown field `answers`")),
        ("labels = { 1 = { a = \"b\" } }", Some("expected a string")),
    ] {
        let found = toml::from_str::<Document>(&format!("metrics = []\n{text}"));
        match expected {
            None => assert_eq!(found.unwrap().labels, LabelsConfig::text()),
            Some(expected) => {
                let found = found.unwrap_err().to_string();
                assert!(found.contains(expected), "{found}");
            }
        }
    }
}
