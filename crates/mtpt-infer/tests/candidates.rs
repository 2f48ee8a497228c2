use std::sync::atomic::{AtomicUsize, Ordering};

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use mtpt_compose::CompositionConfig;
use mtpt_core::{Backbone, Encoded, Frozen, Inputs};
use mtpt_infer::{Candidates, Prompted, TaskData};
use mtpt_t5::T5;
use mtpt_tasks::{LabelsConfig, Split, Task, TokenizedExample};

use crate::small_world::{self, MAX_LENGTHS};
use crate::text_tasks::{END, WordList, text_task};
use crate::untrained;

fn t5() -> Frozen<T5> {
    Frozen::new(small_world::t5(&Device::flex()))
}

const CHOICES: &str = r#"{"text": "what comes", "label": 0, "a": "sun", "b": "rain today", "c": "snow"}
{"text": "say what comes today", "label": 2, "a": "rain", "b": "rain tonight", "c": "rain today say"}
{"text": "comes", "label": 1, "a": "sun today", "b": "sun", "c": "sun"}
"#;

#[test]
fn candidates_of_rows_are_scored_as_each_alone() {
    let folder = tempfile::tempdir().unwrap();
    let labels = LabelsConfig::choices(["a", "b", "c"]);
    let task = Task::new(&text_task(&folder, "next", CHOICES, labels)).unwrap();
    let t5 = t5();
    let composition = untrained::composition(&CompositionConfig::default(), 1);
    let prompted = Prompted::new(t5.get(), &composition).unwrap();
    let data = TaskData::read(vec![task], &WordList, t5.get(), MAX_LENGTHS).unwrap().remove(0);
    let (rows, choices) = (data.rows(Split::Dev), data.choices(Split::Dev));
    assert!(data.candidates().ids().is_empty());
    let alone = |row: usize| {
        let one = &choices[row..=row];
        prompted.rank_choices(&rows[row..=row], one, 1).remove(0)
    };
    for batch_size in [1, 2, 64] {
        let together = prompted.rank_choices(rows, choices, batch_size);
        for (row, scores) in together.iter().enumerate() {
            for (score, alone) in scores.iter().zip(alone(row)) {
                // Padding and batching only change the order of additions.
                assert!((score - alone).abs() < 1e-4, "{score} {alone}");
            }
        }
    }
    // Equal candidates are equally likely.
    let equal = alone(2);
    assert!((equal[1] - equal[2]).abs() < 1e-6 && (equal[0] - equal[1]).abs() > 1e-3);
    let evaluation = prompted.evaluate(&data, Split::Dev, 2).unwrap();
    let correct = [0, 2, 1].iter().enumerate().filter(|&(row, &gold)| {
        let scores = alone(row);
        let wins = |(index, &score): (usize, &f64)| {
            score < scores[gold] || index >= gold && score <= scores[gold]
        };
        scores.iter().enumerate().all(wins)
    });
    assert_eq!(evaluation.primary(), correct.count() as f64 / 3.0);
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
        Candidates::from_ids(vec![vec![20, END], vec![20, 21, END], vec![30, END]]),
        Candidates::from_ids(vec![vec![22, 23, 24, END]]),
        Candidates::from_ids(vec![vec![20, END], vec![25, 26, END]]),
    ];
    let scores = Prompted::plain(t5.get()).rank_choices(&rows, &candidates, 3);
    for ((row, candidates), scores) in rows.iter().zip(&candidates).zip(scores) {
        assert_eq!(candidates.ids().len(), scores.len());
        let ids: Vec<i64> = row.input_ids.iter().map(|&id| i64::from(id)).collect();
        let length = ids.len();
        let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [1, length]), &Device::flex());
        let mask = ids.clone().greater_equal_elem(0);
        for (candidate, score) in candidates.ids().iter().zip(scores) {
            let inputs = Inputs::new(t5.embed(ids.clone()), mask.clone());
            let alone = t5.score(inputs, std::slice::from_ref(candidate)).unwrap();
            let alone: f64 = alone[0].iter().copied().map(f64::from).sum();
            // Padding and batching only change the order of additions.
            assert!((score - alone).abs() < 1e-4, "{score} {alone}");
        }
    }
}

/// A model that records the maximum number of positions per call of `logits`.
struct Recorder<'a> {
    t5: &'a T5,
    max_positions: AtomicUsize,
}

impl Backbone for Recorder<'_> {
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

    fn decode(&self, ids: Tensor<2, Int>, encoded: Encoded) -> Tensor<3> {
        Backbone::decode(self.t5, ids, encoded)
    }

    fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        self.max_positions.fetch_max(hidden.dims()[0], Ordering::Relaxed);
        Backbone::logits(self.t5, hidden)
    }
}

#[test]
fn many_positions_are_scored_in_slices() {
    let t5 = t5();
    let backbone = Recorder { t5: t5.get(), max_positions: AtomicUsize::new(0) };
    let row = |index: u32| TokenizedExample {
        task: 0,
        input_ids: vec![10 + index, 11, END],
        target_ids: Vec::new(),
        label: None,
        gold: None,
    };
    // Seven distributions per row, the first shared by all candidates, so slices end within rows.
    let candidates = |index: u32| {
        let first = vec![20 + index, 21, END];
        Candidates::from_ids(vec![first, vec![60, 22, 23, END], vec![20 + index, 30, END]])
    };
    let rows: Vec<TokenizedExample> = (0..40).cycle().take(160).map(row).collect();
    let choices: Vec<Candidates> = (0..40).cycle().take(160).map(candidates).collect();
    let rank =
        |batch_size: usize| Prompted::plain(&backbone).rank_choices(&rows, &choices, batch_size);
    let together = rank(160);
    let in_slices = backbone.max_positions.swap(0, Ordering::Relaxed);
    let alone = rank(1);
    let in_one = backbone.max_positions.load(Ordering::Relaxed);
    assert!(in_slices == 512 && in_one < 10, "{in_slices} and {in_one} positions per call");
    for (together, alone) in together.iter().flatten().zip(alone.iter().flatten()) {
        assert!((together - alone).abs() < 1e-4, "{together} {alone}");
    }
}
