use mtpt_compose::CompositionConfig;
use mtpt_core::TaskIndex;
use mtpt_infer::{Answer, Error, Input, Predictor, PromptTask, Prompted};
use mtpt_tasks::{Example, LabelsConfig, SourceLocation, Split, Task};

use crate::small_world::{self, SmallWorld};
use crate::text_tasks::{WordList, text_task};
use crate::untrained;

fn row(fields: &[(&str, &str)]) -> Example {
    Example::new(fields.iter().copied(), SourceLocation::new(std::path::Path::new("rows"), 1))
}

#[test]
fn predictions_are_the_best_ranked_label_words() {
    let world = SmallWorld::new();
    let prompts = untrained::prompts(&CompositionConfig::default(), &world.tasks);
    let tokenizer = small_world::tokenizer();
    let predictor = Predictor::new(world.t5.get(), &prompts, &tokenizer).unwrap();
    let prompted = Prompted::new(world.t5.get(), prompts.composition()).unwrap();
    for (data, task) in world.data.iter().zip(["mood", "wet"]) {
        let rows = data.rows(Split::Dev);
        let texts = (0..rows.len())
            .map(|row| format!("day {row} brought {}", ["sun and light", "rain"][row % 2]));
        let answers = predictor.predict(task, texts).unwrap();
        let expected = prompted.rank(rows, data.candidates(), 64);
        assert_eq!(answers.len(), rows.len());
        let words = data.task().labels().words();
        for (answer, expected) in answers.iter().zip(expected) {
            let best = usize::from(expected[1] > expected[0]);
            assert_eq!(answer.as_str(), ["0", "1"][best]);
            let probability = 1.0 / (1.0 + (expected[1 - best] - expected[best]).exp());
            assert!((answer.probability().unwrap() - probability).abs() < 1e-4);
            let Answer::Label { word, scores, .. } = answer else { panic!("a label") };
            assert_eq!(*word, words[best]);
            for ((name, score), (label, expected)) in
                scores.iter().zip(["0", "1"].iter().zip(&expected))
            {
                assert_eq!(name, label);
                assert!((score - expected).abs() < 1e-4);
            }
        }
    }
}

#[test]
fn queries_may_mix_tasks_and_inputs() {
    let world = SmallWorld::new();
    let prompts = untrained::prompts(&CompositionConfig::default(), &world.tasks);
    let tokenizer = small_world::tokenizer();
    let predictor = Predictor::new(world.t5.get(), &prompts, &tokenizer).unwrap();
    let (mood, wet) = (prompts.find("mood").unwrap(), prompts.find("wet").unwrap());
    let example = row(&[("text", "day 1 brought rain")]);
    let rendered = "mood day 1 brought rain";
    let ids = mtpt_tasks::Tokenize::tokenize(&tokenizer, rendered).unwrap();
    let queries = [
        predictor.query(mood, &example, Input::Fields).unwrap(),
        predictor.query(wet, &example, Input::Fields).unwrap(),
        predictor.query(mood, &row(&[]), Input::Text(rendered)).unwrap(),
        predictor.query(mood, &row(&[]), Input::Ids(&ids)).unwrap(),
    ];
    assert!(queries[0] == queries[2] && queries[2] == queries[3]);
    let answers = predictor.answer(&queries, 3).unwrap();
    let word = |answer: &Answer| match answer {
        Answer::Label { word, .. } => word.clone(),
        other => panic!("expected a label, found {other:?}"),
    };
    assert!(["happy", "sad today"].contains(&word(&answers[0]).as_str()));
    assert!(["dry", "soaked"].contains(&word(&answers[1]).as_str()));
    assert_eq!(answers[0].as_str(), answers[3].as_str());
    let json = serde_json::to_value(&answers[1]).unwrap();
    let scores = json["scores"].as_object().unwrap();
    assert!(scores.keys().eq(["0", "1"]), "{json}");
}

#[test]
fn missing_fields_are_named() {
    let world = SmallWorld::new();
    let prompts = untrained::prompts(&CompositionConfig::default(), &world.tasks);
    let tokenizer = small_world::tokenizer();
    let predictor = Predictor::new(world.t5.get(), &prompts, &tokenizer).unwrap();
    let task = TaskIndex::new(0);
    let error = predictor.query(task, &row(&[("txt", "a")]), Input::Fields).unwrap_err();
    let expected = "expected `input`, or the fields of the task's template `mood {text}`; found no \
                    `text`";
    assert_eq!(error.to_string(), expected);
    let error = predictor.predict("mod", ["a"]).unwrap_err().to_string();
    assert_eq!(error, "unknown task `mod`; available tasks: `mood`, `wet`; did you mean `mood`?");
}

#[test]
fn inputs_are_truncated_to_the_length_used_in_training() {
    let world = SmallWorld::new();
    let mut prompts = untrained::prompts(&CompositionConfig::default(), &world.tasks);
    let mut header = prompts.header().clone();
    header.max_input_length = 3;
    prompts = mtpt_infer::Prompts::new(prompts.composition().clone(), header);
    let tokenizer = small_world::tokenizer();
    let predictor = Predictor::new(world.t5.get(), &prompts, &tokenizer).unwrap();
    let query = |text| predictor.query(TaskIndex::new(0), &row(&[]), Input::Text(text)).unwrap();
    assert!(!query("one two").is_truncated());
    assert!(query("one two three").is_truncated());
}

#[test]
fn tasks_without_labels_generate_text() {
    let world = SmallWorld::new();
    let rows = r#"{"text": "say", "label": 0, "a": "sun", "b": "rain today"}"#;
    let labels = LabelsConfig::choices(["a", "b"]);
    let task = Task::new(&text_task(&world.folder, "next", rows, labels)).unwrap();
    let prompts = untrained::prompts(&CompositionConfig::default(), &[task.clone(), task]);
    let unnamed = PromptTask::named("text".parse().unwrap());
    let tasks = vec![prompts.tasks()[0].clone(), unnamed];
    let prompts = prompts.with_tasks(tasks).unwrap();
    let predictor = Predictor::new(world.t5.get(), &prompts, &WordList).unwrap();
    let answers = predictor.predict("text", ["say what comes"]).unwrap();
    assert!(matches!(answers[..], [Answer::Text { .. }]), "{answers:?}");
    assert_eq!(answers[0].probability(), None);

    let choices = row(&[("text", "say"), ("a", "sun"), ("b", "rain today")]);
    let query = predictor.query(TaskIndex::new(0), &choices, Input::Fields).unwrap();
    let answers = predictor.answer(&[query], 1).unwrap();
    assert!(["sun", "rain today"].contains(&answers[0].text().unwrap()), "{answers:?}");
    assert!(["0", "1"].contains(&answers[0].as_str()), "{answers:?}");
    let error =
        predictor.query(TaskIndex::new(0), &row(&[("text", "say"), ("a", "sun")]), Input::Fields);
    assert!(matches!(error.unwrap_err(), Error::MissingCandidate { field } if field == "b"));
}
