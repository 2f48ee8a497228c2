use burn::tensor::{Device, Int, Tensor, TensorData};
use mtpt_compose::{Composition, CompositionConfig, InitContext, Tree};
use mtpt_core::{Compose, TaskIndex, prepend};
use mtpt_infer::Error;
use mtpt_infer::{evaluate, rank_rows};
use mtpt_tasks::Split;

use crate::small_world::{SmallWorld, config};

#[test]
fn ranking_in_one_pass_is_scoring_each_word_by_itself() {
    let world = SmallWorld::new();
    let composition = world.composition(&config(CompositionConfig::default()));
    for (position, data) in world.data.iter().enumerate() {
        let rows = data.rows(Split::Dev);
        let candidates = data.candidates();
        let together = rank_rows(&world.t5, Some(&composition), rows, candidates, 5).unwrap();
        for (row, scores) in rows.iter().zip(&together) {
            let ids: Vec<i64> = row.input_ids.iter().map(|&id| i64::from(id)).collect();
            let length = ids.len();
            let ids =
                Tensor::<2, Int>::from_data(TensorData::new(ids, [1, length]), &Device::flex());
            let mask = ids.clone().greater_equal_elem(0);
            let prompt = composition.compose_rows(&[TaskIndex::new(position)]).inner();
            let (embeddings, mask) = prepend(prompt, world.t5.embed(ids), mask);
            for (candidate, score) in candidates.ids().iter().zip(scores) {
                let alone = world
                    .t5
                    .score(embeddings.clone(), mask.clone(), std::slice::from_ref(candidate))
                    .unwrap();
                let alone: f64 = alone[0].iter().copied().map(f64::from).sum();
                // Padding and batching change the order of additions alone.
                assert!((score - alone).abs() < 1e-4, "{score} {alone}");
            }
        }
    }
}

#[test]
fn the_order_of_the_work_is_not_that_of_the_output() {
    let world = SmallWorld::new();
    let data = &world.data[1];
    let rows = data.rows(Split::Dev);
    let rank = |batch_size| {
        let composition = None::<&Composition>;
        rank_rows(&world.t5, composition, rows, data.candidates(), batch_size).unwrap()
    };
    let one_by_one = rank(1);
    for batch_size in [3, 64] {
        for (batched, alone) in rank(batch_size).iter().flatten().zip(one_by_one.iter().flatten()) {
            assert!((batched - alone).abs() < 1e-4, "{batched} {alone}");
        }
    }
}

#[test]
fn prompts_of_another_width_are_refused() {
    let world = SmallWorld::new();
    let start = InitContext {
        shared: Tensor::zeros([3, 8], &Device::flex()),
        tree: Tree::flat(2),
        part: &|_, length| Ok(Tensor::zeros([length, 8], &Device::flex())),
        seed: 0,
        device: Device::flex(),
    };
    let narrow = CompositionConfig::default().init(&start).unwrap();
    let failure = evaluate(&world.t5, Some(&narrow), &world.data[0], Split::Dev, 4).unwrap_err();
    assert!(matches!(failure, Error::Width { expected: 16, found: 8 }));
    assert_eq!(failure.to_string(), "the prompts have width 8, the model has `d_model` 16");
}
