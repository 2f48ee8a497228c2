//! Free text and candidates of rows: learned, judged, and chosen by.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use mtpt_compose::{Composition, CompositionConfig};
use mtpt_core::{Backbone, Frozen};
use mtpt_infer::Error;
use mtpt_infer::{Candidates, TaskData, evaluate, generate_rows, rank_choices};
use mtpt_t5::T5;
use mtpt_tasks::{
    Detokenize, DetokenizeError, Format, LabelsConfig, Metric, Split, Task, TaskConfig, TaskId,
    Tokenize, TokenizeError, TokenizedExample,
};
use mtpt_train::{
    CheckpointError, EvaluationConfig, PromptTuningRun, RunConfig, TrainingConfig,
    initial_composition,
};
use tempfile::TempDir;

use crate::small_world::{self, config, tokenizer};

/// Words by their place in a list, and back.
#[derive(Clone, Copy)]
pub(crate) struct WordNumbers;

const WORDS: [&str; 8] = ["sun", "rain", "snow", "today", "tonight", "what", "comes", "say"];
const END: u32 = 94;

impl Tokenize for WordNumbers {
    fn tokenize(&self, text: &str) -> Result<Vec<u32>, TokenizeError> {
        let number = |word: &str| {
            let place = WORDS.iter().position(|known| *known == word);
            place.map(|place| place as u32 + 10).ok_or_else(|| TokenizeError::new(word))
        };
        text.split_whitespace().map(number).chain([Ok(END)]).collect()
    }

    fn detokenizer(&self) -> Option<Arc<dyn Detokenize + Send + Sync>> {
        Some(Arc::new(*self))
    }
}

impl Detokenize for WordNumbers {
    fn detokenize(&self, ids: &[u32]) -> Result<String, DetokenizeError> {
        let words = ids.iter().filter(|&&id| id != END);
        let word = |&id: &u32| WORDS.get((id as usize).wrapping_sub(10)).copied().unwrap_or("?");
        Ok(words.map(word).collect::<Vec<_>>().join(" "))
    }
}

pub(crate) fn task(folder: &TempDir, name: &str, rows: &str, labels: LabelsConfig) -> TaskConfig {
    let path = folder.path().join(format!("{name}.jsonl"));
    fs::write(&path, rows).unwrap();
    TaskConfig {
        train: Some(path.clone()),
        dev: Some(path),
        template: Some("{text}".into()),
        labels: Some(labels),
        ..TaskConfig::new(TaskId::new(name).unwrap(), Format::JsonLines)
    }
}

fn t5() -> Frozen<T5> {
    Frozen::new(small_world::t5(&Device::flex()))
}

fn start(config: &RunConfig, tasks: &[Task], t5: &T5) -> Composition {
    let device = Device::flex().autodiff();
    initial_composition(config, tasks, t5, &WordNumbers, &device).unwrap()
}

#[test]
fn free_text_is_learned_and_the_best_prompts_are_chosen_by_it() {
    let folder = tempfile::tempdir().unwrap();
    // The second reference is judged by, too, and never learned.
    let rows = |right: &str| {
        let row = |text: &str| {
            format!("{{\"text\": \"{text}\", \"label\": [\"{right}\", \"what what\"]}}\n")
        };
        ["what comes", "say what comes", "comes", "say"].map(row).concat()
    };
    let tasks: Vec<Task> = [("day", "rain today"), ("night", "snow tonight")]
        .map(|(name, right)| {
            let mut config = task(&folder, name, &rows(right), LabelsConfig::text());
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
    let data = TaskData::read(tasks.clone(), &WordNumbers, &t5, lengths).unwrap();
    assert_eq!(data[0].majority(Split::Dev).unwrap().get("exact_match"), Some(1.0));
    let untrained = start(&config, &tasks, &t5);
    for data in &data {
        let judged = evaluate(&t5, Some(&untrained), data, Split::Dev, 64).unwrap();
        assert_eq!(judged.get("exact_match"), Some(0.0));
    }
    let trained = PromptTuningRun::new(&config, &data, &t5).train(untrained).unwrap();
    assert_eq!(trained.prompts.header().longest_target(), 5);
    for data in &data {
        let composition = Some(trained.prompts.composition());
        let judged = evaluate(&t5, composition, data, Split::Dev, 64).unwrap();
        assert_eq!(judged.get("exact_match"), Some(1.0), "{}", data.task().id());
        let ids = generate_rows(&t5, composition, data.rows(Split::Dev), 2, 1).unwrap();
        // Cut short before the end of sentence.
        assert!(ids.iter().all(|ids| ids.len() == 2 && !ids.contains(&END)));
    }
    // The mean of the metrics; BLEU of two words is 0.
    assert!((trained.score.unwrap() - 0.5).abs() < 1e-12, "{:?}", trained.score);
}

#[test]
fn a_run_with_other_references_or_candidates_is_another() {
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
            let task = Task::new(&task(&folder, name, rows, labels.clone())).unwrap();
            let composition = start(&config, std::slice::from_ref(&task), &t5);
            let lengths = config.max_lengths();
            let data = TaskData::read(vec![task], &WordNumbers, &t5, lengths).unwrap();
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

#[test]
fn free_text_needs_a_tokenizer_that_reads() {
    let folder = tempfile::tempdir().unwrap();
    let config =
        task(&folder, "day", "{\"text\": \"a\", \"label\": \"b\"}\n", LabelsConfig::text());
    let task = Task::new(&config).unwrap();
    let lengths = small_world::config(CompositionConfig::default()).max_lengths();
    let error = TaskData::read(vec![task], &tokenizer(), &t5(), lengths).unwrap_err();
    assert!(matches!(error, Error::NoDetokenizer { .. }), "{error}");
}

const CHOICES: &str = r#"{"text": "what comes", "label": 0, "a": "sun", "b": "rain today", "c": "snow"}
{"text": "say what comes today", "label": 2, "a": "rain", "b": "rain tonight", "c": "rain today say"}
{"text": "comes", "label": 1, "a": "sun today", "b": "sun", "c": "sun"}
"#;

#[test]
fn candidates_of_rows_are_scored_as_each_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let labels = LabelsConfig::choices(["a", "b", "c"]);
    let task = Task::new(&task(&folder, "next", CHOICES, labels)).unwrap();
    let config = config(CompositionConfig::default());
    let (t5, lengths) = (t5(), config.max_lengths());
    let composition = start(&config, std::slice::from_ref(&task), &t5);
    let data = TaskData::read(vec![task], &WordNumbers, &t5, lengths).unwrap().remove(0);
    let (rows, choices) = (data.rows(Split::Dev), data.choices(Split::Dev));
    assert!(data.candidates().ids().is_empty());
    let alone = |row: usize| {
        let one = &choices[row..=row];
        rank_choices(&t5, Some(&composition), &rows[row..=row], one, 1).unwrap().remove(0)
    };
    for batch_size in [1, 2, 64] {
        let together = rank_choices(&t5, Some(&composition), rows, choices, batch_size).unwrap();
        for (row, scores) in together.iter().enumerate() {
            for (score, alone) in scores.iter().zip(alone(row)) {
                // Padding and batching change the order of additions alone.
                assert!((score - alone).abs() < 1e-4, "{score} {alone}");
            }
        }
    }
    // Equal candidates are equally likely.
    let equal = alone(2);
    assert!((equal[1] - equal[2]).abs() < 1e-6 && (equal[0] - equal[1]).abs() > 1e-3);
    let judged = evaluate(&t5, Some(&composition), &data, Split::Dev, 2).unwrap();
    let right = [0, 2, 1].iter().enumerate().filter(|&(row, &right)| {
        let scores = alone(row);
        let wins = |(place, &score): (usize, &f64)| {
            score < scores[right] || place >= right && score <= scores[right]
        };
        scores.iter().enumerate().all(wins)
    });
    assert_eq!(judged.primary(), right.count() as f64 / 3.0);
}

#[test]
fn rows_may_have_any_number_of_candidates() {
    let t5 = t5();
    let row = |ids: &[u32]| TokenizedExample {
        task: 0,
        input_ids: ids.to_vec(),
        target_ids: Vec::new(),
        label: None,
        gold: None,
    };
    let rows = [row(&[10, 11, END]), row(&[12, END]), row(&[13, 14, 15, END])];
    let candidates = [
        Candidates::of_tokens(vec![vec![20, END], vec![20, 21, END], vec![30, END]]),
        Candidates::of_tokens(vec![vec![22, 23, 24, END]]),
        Candidates::of_tokens(vec![vec![20, END], vec![25, 26, END]]),
    ];
    let scores = rank_choices(&t5, None::<&Composition>, &rows, &candidates, 3).unwrap();
    for ((row, candidates), scores) in rows.iter().zip(&candidates).zip(scores) {
        assert_eq!(candidates.ids().len(), scores.len());
        let ids: Vec<i64> = row.input_ids.iter().map(|&id| i64::from(id)).collect();
        let length = ids.len();
        let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [1, length]), &Device::flex());
        let mask = ids.clone().greater_equal_elem(0);
        for (candidate, score) in candidates.ids().iter().zip(scores) {
            let (embeddings, one) = (t5.embed(ids.clone()), std::slice::from_ref(candidate));
            let alone = t5.score(embeddings, mask.clone(), one).unwrap();
            let alone: f64 = alone[0].iter().copied().map(f64::from).sum();
            // Padding and batching change the order of additions alone.
            assert!((score - alone).abs() < 1e-4, "{score} {alone}");
        }
    }
}

/// A model that remembers how many positions it was asked about at once.
struct Asked<'a> {
    t5: &'a T5,
    most: AtomicUsize,
}

impl Backbone for Asked<'_> {
    fn d_model(&self) -> usize {
        self.t5.d_model()
    }

    fn vocab_size(&self) -> usize {
        self.t5.vocab_size()
    }

    fn decoder_start_token_id(&self) -> u32 {
        self.t5.decoder_start_token_id()
    }

    fn pad_token_id(&self) -> u32 {
        self.t5.pad_token_id()
    }

    fn eos_token_id(&self) -> u32 {
        self.t5.eos_token_id()
    }

    fn device(&self) -> Device {
        Backbone::device(self.t5)
    }

    fn embed(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        self.t5.embed(ids)
    }

    fn encode(&self, embeddings: Tensor<3>, mask: Tensor<2, Bool>) -> Tensor<3> {
        Backbone::encode(self.t5, embeddings, mask)
    }

    fn decode(&self, ids: Tensor<2, Int>, encoded: Tensor<3>, mask: Tensor<2, Bool>) -> Tensor<3> {
        Backbone::decode(self.t5, ids, encoded, mask)
    }

    fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        self.most.fetch_max(hidden.dims()[0], Ordering::Relaxed);
        Backbone::logits(self.t5, hidden)
    }
}

#[test]
fn many_positions_are_scored_in_slices() {
    let t5 = t5();
    let backbone = Asked { t5: &t5, most: AtomicUsize::new(0) };
    let row = |number: u32| TokenizedExample {
        task: 0,
        input_ids: vec![10 + number, 11, END],
        target_ids: Vec::new(),
        label: None,
        gold: None,
    };
    // Seven distributions a row, the first shared by all candidates: the slices end within rows.
    let candidates = |number: u32| {
        let first = vec![20 + number, 21, END];
        Candidates::of_tokens(vec![first, vec![60, 22, 23, END], vec![20 + number, 30, END]])
    };
    let rows: Vec<TokenizedExample> = (0..40).cycle().take(160).map(row).collect();
    let choices: Vec<Candidates> = (0..40).cycle().take(160).map(candidates).collect();
    let rank = |batch_size: usize| {
        rank_choices(&backbone, None::<&Composition>, &rows, &choices, batch_size).unwrap()
    };
    let together = rank(160);
    let in_slices = backbone.most.swap(0, Ordering::Relaxed);
    let alone = rank(1);
    let in_one = backbone.most.load(Ordering::Relaxed);
    assert!(in_slices == 512 && in_one < 10, "{in_slices} and {in_one} positions at once");
    for (together, alone) in together.iter().flatten().zip(alone.iter().flatten()) {
        assert!((together - alone).abs() < 1e-4, "{together} {alone}");
    }
}
