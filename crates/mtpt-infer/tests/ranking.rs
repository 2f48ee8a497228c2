use burn::tensor::{Device, Int, Tensor, TensorData};
use mtpt_compose::{CompositionConfig, InitContext, Tree};
use mtpt_core::{Backbone, Compose, Inputs, TaskIndex, prepend};
use mtpt_infer::{Error, Prompted};
use mtpt_tasks::Split;

use crate::small_world::SmallWorld;
use crate::untrained;

#[test]
fn ranking_in_one_pass_matches_scoring_each_word_alone() {
    let world = SmallWorld::new();
    let composition = untrained::composition(&CompositionConfig::default(), 2);
    let prompted = Prompted::new(world.t5.get(), &composition).unwrap();
    for (position, data) in world.data.iter().enumerate() {
        let rows = data.rows(Split::Dev);
        let candidates = data.candidates();
        let together = prompted.rank(rows, candidates, 5);
        for (row, scores) in rows.iter().zip(&together) {
            let ids: Vec<i64> = row.input_ids.iter().map(|&id| i64::from(id)).collect();
            let length = ids.len();
            let ids =
                Tensor::<2, Int>::from_data(TensorData::new(ids, [1, length]), &Device::flex());
            let mask = ids.clone().greater_equal_elem(0);
            let prompt = composition.compose_rows(&[TaskIndex::new(position)]).inner();
            let (embeddings, mask) = prepend(prompt, world.t5.embed(ids), mask);
            let inputs = Inputs::new(embeddings, mask);
            for (candidate, score) in candidates.ids().iter().zip(scores) {
                let alone =
                    world.t5.score(inputs.clone(), std::slice::from_ref(candidate)).unwrap();
                let alone: f64 = alone[0].iter().copied().map(f64::from).sum();
                // Padding and batching only change the order of additions.
                assert!((score - alone).abs() < 1e-4, "{score} {alone}");
            }
        }
    }
}

#[test]
fn output_order_does_not_depend_on_the_batch_size() {
    let world = SmallWorld::new();
    let data = &world.data[1];
    let rows = data.rows(Split::Dev);
    let rank =
        |batch_size| Prompted::plain(world.t5.get()).rank(rows, data.candidates(), batch_size);
    let one_by_one = rank(1);
    for batch_size in [3, 64] {
        for (batched, alone) in rank(batch_size).iter().flatten().zip(one_by_one.iter().flatten()) {
            assert!((batched - alone).abs() < 1e-4, "{batched} {alone}");
        }
    }
}

#[test]
fn prompts_of_another_width_are_rejected() {
    let world = SmallWorld::new();
    let context = InitContext {
        shared: Tensor::zeros([3, 8], &Device::flex()),
        tree: Tree::flat(2),
        part: &|_, length| Ok(Tensor::zeros([length, 8], &Device::flex())),
        seed: 0,
        device: Device::flex(),
    };
    let narrow = CompositionConfig::default().init(&context).unwrap();
    let error = Prompted::new(world.t5.get(), &narrow).unwrap_err();
    assert!(matches!(error, Error::Width { expected: 16, found: 8 }));
    let expected = "the prompts have width 8, the model has `d_model` 16; use prompts trained for \
                    this model";
    assert_eq!(error.to_string(), expected);
}
