//! Training on free text and on candidates of rows.

use burn::tensor::Device;
use mtpt_compose::{Composition, CompositionConfig};
use mtpt_core::Frozen;
use mtpt_infer::{Prompted, TaskData};
use mtpt_t5::T5;
use mtpt_tasks::{LabelsConfig, Metric, Split, Task};
use mtpt_train::{
    CheckpointError, EvaluationConfig, PromptTuningRun, RunConfig, TrainingConfig,
    initial_composition,
};

use crate::small_world::{self, config};
use crate::text_tasks::{END, WordList, text_task};

fn t5() -> Frozen<T5> {
    Frozen::new(small_world::t5(&Device::flex()))
}

fn start(config: &RunConfig, tasks: &[Task], t5: &T5) -> Composition {
    let device = Device::flex().autodiff();
    initial_composition(config, tasks, t5, &WordList, &device).unwrap()
}

#[test]
fn training_on_free_text_selects_the_best_prompts() {
    let folder = tempfile::tempdir().unwrap();
    // The second reference counts in evaluation only.
    let rows = |reference: &str| {
        let row = |text: &str| {
            format!("{{\"text\": \"{text}\", \"label\": [\"{reference}\", \"what what\"]}}\n")
        };
        ["what comes", "say what comes", "comes", "say"].map(row).concat()
    };
    let tasks: Vec<Task> = [("day", "rain today"), ("night", "snow tonight")]
        .map(|(name, reference)| {
            let mut config = text_task(&folder, name, &rows(reference), LabelsConfig::text());
            config.metrics = vec![Metric::ExactMatch, Metric::Bleu];
            Task::new(&config).unwrap()
        })
        .into();
    let config = RunConfig {
        training: TrainingConfig {
            steps: 150,
            batch_size: 8,
            learning_rate: 0.3,
            max_target_length: 5,
            ..TrainingConfig::default()
        },
        evaluation: EvaluationConfig { every: 75, batch_size: 3, ..EvaluationConfig::default() },
        ..config(CompositionConfig::default())
    };
    let t5 = t5();
    let lengths = config.max_lengths();
    let data = TaskData::read(tasks.clone(), &WordList, t5.get(), lengths).unwrap();
    assert_eq!(data[0].majority(Split::Dev).unwrap().get("exact_match"), Some(1.0));
    let untrained = start(&config, &tasks, &t5);
    for data in &data {
        let prompted = Prompted::new(t5.get(), &untrained).unwrap();
        let evaluation = prompted.evaluate(data, Split::Dev, 64).unwrap();
        assert_eq!(evaluation.get("exact_match"), Some(0.0));
    }
    let trained = PromptTuningRun::new(&config, &data, &t5).train(untrained).unwrap();
    assert_eq!(trained.prompts.header().max_lengths().target, 5);
    for data in &data {
        let prompted = Prompted::new(t5.get(), trained.prompts.composition()).unwrap();
        let evaluation = prompted.evaluate(data, Split::Dev, 64).unwrap();
        assert_eq!(evaluation.get("exact_match"), Some(1.0), "{}", data.task().id());
        let ids = prompted.generate(data.rows(Split::Dev), 2, 1).unwrap();
        // The maximum length ends each output before its end of sentence.
        assert!(ids.iter().all(|ids| ids.len() == 2 && !ids.contains(&END)));
    }
    // The mean of the metrics; BLEU of two words is 0.
    assert!((trained.score.unwrap() - 0.5).abs() < 1e-12, "{:?}", trained.score);
}

#[test]
fn a_run_with_other_references_or_candidates_cannot_be_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let config = RunConfig {
        training: TrainingConfig {
            steps: 2,
            batch_size: 2,
            checkpoint_every: 1,
            ..TrainingConfig::default()
        },
        ..config(CompositionConfig::default())
    };
    let t5 = t5();
    let said = r#"{"text": "say", "label": ["sun", "rain"]}"#;
    let chosen = r#"{"text": "say", "label": 0, "a": "sun", "b": "rain"}"#;
    for (name, labels, rows) in [
        ("said", LabelsConfig::text(), said),
        ("chosen", LabelsConfig::choices(["a", "b"]), chosen),
    ] {
        let run = |rows: &str, resume: bool| {
            let task = Task::new(&text_task(&folder, name, rows, labels.clone())).unwrap();
            let composition = start(&config, std::slice::from_ref(&task), t5.get());
            let lengths = config.max_lengths();
            let data = TaskData::read(vec![task], &WordList, &t5, lengths).unwrap();
            PromptTuningRun::new(&config, &data, &t5)
                .output(folder.path().join("run"))
                .resume(resume)
                .train(composition)
        };
        run(rows, false).unwrap();
        run(rows, true).unwrap();
        // The target is the same.
        let error = run(&rows.replace("rain", "snow"), true).unwrap_err();
        assert!(
            matches!(error, mtpt_train::Error::Checkpoint(CheckpointError::OtherRun { .. })),
            "{error}"
        );
    }
}
