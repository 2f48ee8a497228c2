use std::path::Path;

use mtpt_tasks::benchmarks::superglue;
use mtpt_tasks::{Example, Format, Reader, Result, Split, Task, TaskConfig};

use crate::message;

/// Rows in the formats of SuperGLUE, with made-up texts.
const BOOLQ: &str =
    r#"{"question": "is rain wet", "passage": "Rain -- Rain is water.", "idx": 0, "label": true}"#;
const CB: &str = r#"{"premise": "B: I think so. A: Do you?", "hypothesis": "it is so", "label": "neutral", "idx": 0}"#;
const COPA: &str = r#"{"premise": "The street was wet.", "choice1": "It rained.", "choice2": "It was noon.", "question": "cause", "label": 0, "idx": 0}"#;
const RTE: &str = r#"{"premise": "It rains in May.", "hypothesis": "It rains.", "label": "entailment", "idx": 0}"#;
const WIC: &str = r#"{"word": "bank", "sentence1": "The bank was closed.", "sentence2": "On the bank of a river.", "idx": 0, "label": false, "start1": 4, "start2": 7, "end1": 8, "end2": 11, "version": 1.1}"#;
const WSC: &str = r#"{"text": "Ann gave Eve a book because she liked it .", "target": {"span2_index": 6, "span1_index": 0, "span1_text": "Ann", "span2_text": "she"}, "idx": 3, "label": false}"#;
const AXB: &str = r#"{"sentence1": "No cat sleeps.", "sentence2": "A cat sleeps.", "idx": 0, "label": "not_entailment", "logic": "Negation"}"#;
const AXG: &str = r#"{"premise": "She came.", "hypothesis": "A woman came.", "label": "entailment", "idx": 0, "pair_id": 7}"#;
const MULTIRC: &str = r#"{"idx": 5, "version": 1.1, "passage": {"text": "<b>Sent 1: </b>It rained.<br><b>Sent 2: </b>Ann left.<br>", "questions": [
{"question": "Who left?", "idx": 8, "answers": [{"text": "Ann", "idx": 30, "label": 1}, {"text": "Eve", "idx": 31, "label": 0}]},
{"question": "What fell?", "idx": 9, "answers": [{"text": "rain", "idx": 32, "label": 1}]}]}}"#;
const RECORD: &str = r#"{"source": "x", "idx": 2, "passage": {"text": "Zoé met Ann Lee.\n@highlight\nAnn smiled\n@highlight\nThey left", "entities": [{"start": 0, "end": 2}, {"start": 8, "end": 14}, {"start": 28, "end": 30}]},
"qas": [{"query": "@placeholder smiled", "idx": 4, "answers": [{"start": 28, "end": 30, "text": "Ann"}, {"start": 8, "end": 14, "text": "Ann Lee"}, {"start": 28, "end": 30, "text": "Ann"}]},
{"query": "@placeholder came", "idx": 5, "answers": []}]}"#;

fn rows(format: Format, line: &str, apart: bool) -> Result<Vec<Example>> {
    let line = line.replace('\n', "");
    let reader = Reader::new(format, line.as_bytes(), Path::new("val.jsonl"));
    reader.answers_apart(apart).collect()
}

#[test]
fn renders_the_texts_of_t5() {
    type Define = fn(&Path) -> TaskConfig;
    let cases: [(Define, &str, &str, &str); 9] = [
        (
            superglue::boolq,
            BOOLQ,
            "boolq passage: Rain -- Rain is water. question: is rain wet",
            "True",
        ),
        (
            superglue::cb,
            CB,
            "cb hypothesis: it is so premise: B: I think so. A: Do you?",
            "neutral",
        ),
        (
            superglue::copa,
            COPA,
            "copa choice1: It rained. choice2: It was noon. premise: The street was wet. question: cause",
            "choice1",
        ),
        (superglue::rte, RTE, "rte hypothesis: It rains. premise: It rains in May.", "entailment"),
        (
            superglue::wic,
            WIC,
            "wic sentence1: The bank was closed. sentence2: On the bank of a river. word: bank",
            "False",
        ),
        (
            superglue::wsc,
            WSC,
            "wsc text: * Ann * gave Eve a book because # she # liked it .",
            "False",
        ),
        (
            superglue::axb,
            AXB,
            "rte sentence1: No cat sleeps. sentence2: A cat sleeps.",
            "not_entailment",
        ),
        (superglue::axg, AXG, "rte hypothesis: A woman came. premise: She came.", "entailment"),
        (
            superglue::multirc,
            MULTIRC,
            "multirc question: Who left? answer: Ann paragraph: Sent 1: It rained. Sent 2: Ann left. ",
            "True",
        ),
    ];
    for (define, line, input, target) in cases {
        let full = define(Path::new("superglue"));
        let task = Task::new(&full).unwrap();
        assert_eq!(task.config(), &full);
        let row = rows(full.format, line, false).unwrap().swap_remove(0);
        let instance = task.instance(&row).unwrap();
        assert_eq!((instance.input.as_str(), instance.target.as_str()), (input, target));
        // The format and the files imply all other options.
        let mut short = TaskConfig::new(full.name.clone(), full.format);
        (short.train, short.dev, short.test) =
            (full.train.clone(), full.dev.clone(), full.test.clone());
        assert_eq!(Task::new(&short).unwrap().config(), &full);
        let name = serde_json::to_value(full.format).unwrap();
        assert!(name == full.format.as_str() && name == format!("superglue_{}", full.name));
    }
}

#[test]
fn reads_one_row_per_answer_of_multirc() {
    let rows = rows(Format::SuperglueMultirc, MULTIRC, false).unwrap();
    let get =
        |field: &str| -> Vec<&str> { rows.iter().map(|row| row.get(field).unwrap()).collect() };
    assert_eq!(get("answer"), ["Ann", "Eve", "rain"]);
    assert_eq!(get("question_id"), ["5-8", "5-8", "5-9"]);
    assert_eq!(get("answer_id"), ["5-8-30", "5-8-31", "5-9-32"]);
    assert_eq!(get("label"), ["1", "0", "1"]);
    assert!(rows.iter().all(|row| row.location().line() == 1));
}

#[test]
fn reads_one_row_per_query_or_answer_of_record() {
    let texts = |rows: &[Example], field: &str| -> Vec<String> {
        rows.iter().map(|row| row.require_texts(field).unwrap_or_default().join("|")).collect()
    };
    let queries = rows(Format::SuperglueRecord, RECORD, false).unwrap();
    assert_eq!(texts(&queries, "answers"), ["Ann|Ann Lee", ""]);
    assert_eq!(texts(&queries, "query_id"), ["2-4", "2-5"]);
    assert_eq!(texts(&queries, "candidates")[0], "Ann|Ann Lee|Zoé");
    let answers = rows(Format::SuperglueRecord, RECORD, true).unwrap();
    assert_eq!(texts(&answers, "answers"), ["Ann", "Ann Lee", ""]);
    assert_eq!(texts(&answers, "query_id"), ["2-4", "2-4", "2-5"]);
}

#[test]
fn trains_on_answers_of_record_and_evaluates_queries() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["train.jsonl", "val.jsonl"] {
        let line = RECORD.replace('\n', "");
        let line = line.replace(r#""answers": []"#, r#""answers": [{"text": "Zoé"}]"#);
        std::fs::write(folder.path().join(name), line).unwrap();
    }
    let full = superglue::record(folder.path());
    let task = Task::new(&full).unwrap();
    assert_eq!(task.config(), &full);
    let targets = |split| -> Vec<(String, Vec<String>)> {
        let rows = task.read(split).unwrap();
        rows.into_iter().map(|row| (row.target, row.references)).collect()
    };
    let pair = |target: &str, references: &[&str]| {
        (target.to_owned(), references.iter().map(|&text| text.to_owned()).collect())
    };
    assert_eq!(
        targets(Split::Train),
        [pair("Ann", &["Ann"]), pair("Ann Lee", &["Ann Lee"]), pair("Zoé", &["Zoé"])]
    );
    assert_eq!(targets(Split::Dev), [pair("Ann", &["Ann", "Ann Lee"]), pair("Zoé", &["Zoé"])]);
    assert_eq!(
        task.read(Split::Dev).unwrap()[0].input,
        "record query: @placeholder smiled entities: Ann, Ann Lee, Zoé passage: Zoé met Ann Lee. Ann smiled. They left"
    );
}

#[test]
fn evaluates_multirc_per_question() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("val.jsonl"), MULTIRC.replace('\n', "")).unwrap();
    let task = Task::new(&superglue::multirc(folder.path())).unwrap();
    let rows = task.read(Split::Dev).unwrap();
    let groups: Vec<String> = rows.iter().filter_map(|row| row.group.clone()).collect();
    assert_eq!(groups, ["5-8", "5-8", "5-9"]);
    let gold: Vec<_> = rows.iter().map(|row| row.gold).collect();
    let predictions = [1, 1, 1].map(mtpt_tasks::Prediction::Label);
    let evaluation = task.evaluate_in_groups(&gold, &predictions, &groups).unwrap();
    assert_eq!(
        (evaluation.get("f1a"), evaluation.get("group_exact_match")),
        (Some(0.8), Some(0.5))
    );
}

#[test]
fn provides_the_fields_of_both_forms_of_wsc() {
    let row = rows(Format::SuperglueWsc, WSC, false).unwrap().swap_remove(0);
    assert_eq!(row.get("pronoun_text"), Some("Ann gave Eve a book because *she* liked it ."));
    let spans = ["span1_text", "span1_index", "span2_text", "span2_index", "label", "idx"];
    let spans = spans.map(|field| row.get(field).unwrap());
    assert_eq!(spans, ["Ann", "0", "she", "6", "false", "3"]);
}

#[test]
fn validates_nested_objects() {
    for (format, line, expected) in [
        (
            Format::SuperglueMultirc,
            r#"{"idx": 1, "passage": {"text": "a"}}"#,
            "val.jsonl:1: expected an object of the format `superglue_multirc`, but missing field `questions`",
        ),
        (
            Format::SuperglueRecord,
            r#"{"idx": 1, "qas": [], "passage": "a"}"#,
            "val.jsonl:1: expected an object of the format `superglue_record`, but invalid type: string \"a\", expected an object in `passage`",
        ),
        (Format::SuperglueWsc, "[1]", "val.jsonl:1: expected a JSON object, found a number"),
    ] {
        assert_eq!(message(rows(format, line, false)), expected);
    }
    // Positions outside of the text have no effect.
    let far = WSC.replace("\"span2_index\": 6", &format!("\"span2_index\": {}", u64::MAX));
    let row = rows(Format::SuperglueWsc, &far, false).unwrap().swap_remove(0);
    let marked = "* Ann * gave Eve a book because she liked it .";
    assert_eq!(row.get("marked_text"), Some(marked));
    let far = RECORD.replace("\"end\": 2}", &format!("\"end\": {}}}", u64::MAX));
    let far = far.replace("\"start\": 8, \"end\": 14}", "\"start\": 14, \"end\": 8}");
    let row = rows(Format::SuperglueRecord, &far, false).unwrap().swap_remove(0);
    assert_eq!(row.require_texts("candidates").unwrap().len(), 3);
    // Lines without a label, as in the test files, and without questions.
    let unlabeled = WSC.replace(", \"label\": false", "");
    assert_eq!(rows(Format::SuperglueWsc, &unlabeled, false).unwrap()[0].get("label"), None);
    let none = r#"{"idx": 1, "passage": {"text": "a", "questions": []}}"#;
    let text = format!("{none}\n{}\n", MULTIRC.replace('\n', ""));
    let reader = Reader::new(Format::SuperglueMultirc, text.as_bytes(), Path::new("val.jsonl"));
    let lines: Vec<usize> = reader.map(|row| row.unwrap().location().line()).collect();
    assert_eq!(lines, [2, 2, 2]);
}
