use burn::tensor::{Bool, Device, Int, Tensor, Tolerance};
use mtpt_core::{Backbone, Encoded, Inputs};
use mtpt_t5::{Beam, GenerationConfig, Sampling, Strategy, T5};

use crate::fixtures::{TOLERANCE, VARIANTS, assert_close, load, padded, reference};
use crate::trees::assert_same_nodes;

/// A model with the required methods of a backbone only.
struct Plain<'a>(&'a T5);

impl Backbone for Plain<'_> {
    fn d_model(&self) -> usize {
        Backbone::d_model(self.0)
    }

    fn vocab_size(&self) -> usize {
        Backbone::vocab_size(self.0)
    }

    fn decoder_start_token_id(&self) -> u32 {
        self.0.decoder_start_token_id()
    }

    fn pad_token_id(&self) -> u32 {
        self.0.pad_token_id()
    }

    fn eos_token_id(&self) -> u32 {
        self.0.eos_token_id()
    }

    fn device(&self) -> Device {
        Backbone::device(self.0)
    }

    fn embed(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        Backbone::embed(self.0, ids)
    }

    fn encode(&self, embeddings: Tensor<3>, mask: Tensor<2, Bool>) -> Tensor<3> {
        Backbone::encode(self.0, embeddings, mask)
    }

    fn decode(&self, decoder_input_ids: Tensor<2, Int>, encoded: Encoded) -> Tensor<3> {
        Backbone::decode(self.0, decoder_input_ids, encoded)
    }

    fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        Backbone::logits(self.0, hidden)
    }
}

#[test]
fn greedy_generation_with_and_without_cache_is_equal() {
    for name in VARIANTS {
        let (model, reference) = (load(name), reference(name));
        let (ids, mask) = padded(&reference.inputs, &Device::flex());
        let encoded = model.encode_inputs(Inputs::new(model.embed(ids.clone()), mask.clone()));
        let whole = GenerationConfig { max_new_tokens: 12, ..GenerationConfig::default() };
        let expected = model.generate(ids, mask, &whole).unwrap();
        assert!(expected.iter().any(|row| row.len() > 1));
        for longest in [1, 5, 12] {
            let plain = Plain(&model).generate_greedy(encoded.clone(), longest);
            let cached = Backbone::generate_greedy(&model, encoded.clone(), longest);
            let cut: Vec<Vec<u32>> =
                expected.iter().map(|row| row[..row.len().min(longest)].to_vec()).collect();
            assert_eq!(plain, cut, "{name}");
            assert_eq!(cached, cut, "{name}");
        }
    }
}

#[test]
fn tree_nodes_decode_like_their_paths() {
    for variant in VARIANTS {
        let t5 = load(variant);
        let inputs = reference(variant).inputs;
        let (ids, mask) = padded(&inputs[..3], &Device::flex());
        let encoded = t5.encode_inputs(Inputs::new(t5.embed(ids), mask));
        assert_same_nodes(|trees| {
            let expected = Plain(&t5).decode_trees(trees, encoded.clone());
            [t5.decode_trees(trees, encoded.clone()), expected]
        });
    }
}

#[test]
fn decoding_step_by_step_matches_decoding_at_once() {
    for name in VARIANTS {
        let (model, reference) = (load(name), reference(name));
        let device = Device::flex();
        let (ids, mask) = padded(&reference.inputs, &device);
        let (decoder_ids, _) = padded(&reference.targets, &device);
        let [_, length] = decoder_ids.dims();
        let encoded = model.encode_inputs(Inputs::new(model.embed(ids), mask));
        let whole = model.decode(decoder_ids.clone(), encoded.clone());

        let mut cache = model.start_decoding(encoded);
        assert!(cache.is_empty());
        // Two tokens at once, then one at a time.
        let first = model.decode_step(decoder_ids.clone().narrow(1, 0, 2), &mut cache);
        let check = |found: burn::tensor::Tensor<3>, start: usize, count: usize| {
            found.into_data().assert_approx_eq::<f32>(
                &whole.clone().narrow(1, start, count).into_data(),
                // Hidden states of these fixtures reach 100.
                Tolerance::absolute(1e-3),
            );
        };
        check(first, 0, 2);
        for place in 2..length {
            let next = model.decode_step(decoder_ids.clone().narrow(1, place, 1), &mut cache);
            check(next, place, 1);
        }
        assert_eq!(cache.len(), length);
    }
}

#[test]
fn targets_score_the_same_in_a_batch_and_alone() {
    let (model, reference) = (load("v1_1"), reference("v1_1"));
    let device = Device::flex();
    // Targets of different lengths, one of them empty.
    let mut targets = reference.targets.clone();
    targets.rotate_left(1);
    targets[2].clear();
    let (ids, mask) = padded(&reference.inputs, &device);
    let found = model.score(Inputs::new(model.embed(ids), mask), &targets).unwrap();
    for (row, (found, target)) in found.iter().zip(&targets).enumerate() {
        let (ids, mask) = padded(&reference.inputs[row..=row], &device);
        let alone =
            model.score(Inputs::new(model.embed(ids), mask), std::slice::from_ref(target)).unwrap();
        assert_eq!(found.len(), target.len());
        // The lengths determine whether the projections of cross-attention are absorbed.
        assert_close(found, &alone[0], TOLERANCE, &format!("row {row}"));
    }
}

#[test]
fn several_targets_of_a_row_decode_like_one() {
    for name in VARIANTS {
        let (model, reference) = (load(name), reference(name));
        let device = Device::flex();
        let (ids, mask) = padded(&reference.inputs[..2], &device);
        let encoded = model.encode_inputs(Inputs::new(model.embed(ids), mask));
        // Two rows with one, two and three targets each.
        for count in 1..=3 {
            let (targets, _) = padded(&reference.targets[..2 * count], &device);
            let together = model.decode(targets.clone(), encoded.clone());
            for target in 0..2 * count {
                let row = target / count;
                let alone = model.decode(
                    targets.clone().narrow(0, target, 1),
                    Encoded::new(
                        encoded.states.clone().narrow(0, row, 1),
                        encoded.mask.clone().narrow(0, row, 1),
                    ),
                );
                // Hidden states of these fixtures reach 100.
                let tolerance = Tolerance::<f32>::absolute(1e-3);
                let found = together.clone().narrow(0, target, 1).into_data();
                found.assert_approx_eq(&alone.into_data(), tolerance);
            }
        }
    }
}

#[test]
fn texts_do_not_depend_on_the_batch() {
    let sampling = Sampling {
        temperature: 0.8,
        top_k: Some(20),
        top_p: Some(0.9),
        seed: 7,
        ..Default::default()
    };
    for name in VARIANTS {
        let (model, reference) = (load(name), reference(name));
        let device = Device::flex();
        for strategy in [Strategy::Greedy, Strategy::Beam(Beam::default())] {
            let config = GenerationConfig { max_new_tokens: 12, strategy, ..Default::default() };
            let (ids, mask) = padded(&reference.inputs, &device);
            let together = model.generate(ids, mask, &config).unwrap();
            for (row, together) in reference.inputs.chunks(1).zip(together) {
                let (ids, mask) = padded(row, &device);
                assert_eq!(model.generate(ids, mask, &config).unwrap(), [together], "{name}");
            }
        }
        let config = GenerationConfig {
            max_new_tokens: 12,
            strategy: Strategy::Sample(sampling),
            ..Default::default()
        };
        let (ids, mask) = padded(&reference.inputs, &device);
        let together = model.generate(ids, mask, &config).unwrap();
        let (ids, mask) = padded(&reference.inputs[..2], &device);
        assert_eq!(model.generate(ids, mask, &config).unwrap(), together[..2], "{name}");
    }
}

#[test]
fn sampling_is_determined_by_its_seed() {
    let (model, reference) = (load("v1_0"), reference("v1_0"));
    let sample = |seed| {
        let sampling = Sampling { temperature: 2.0, seed, ..Default::default() };
        let config = GenerationConfig {
            max_new_tokens: 12,
            strategy: Strategy::Sample(sampling),
            ..Default::default()
        };
        let (ids, mask) = padded(&reference.inputs, &Device::flex());
        model.generate(ids, mask, &config).unwrap()
    };
    assert_eq!(sample(1), sample(1));
    assert_ne!(sample(1), sample(2));
}

#[test]
fn sampling_from_one_token_is_greedy() {
    let (model, reference) = (load("v1_1"), reference("v1_1"));
    let sampling = Sampling { top_k: Some(1), ..Default::default() };
    let config = GenerationConfig {
        max_new_tokens: 16,
        strategy: Strategy::Sample(sampling),
        ..Default::default()
    };
    let (ids, mask) = padded(&reference.inputs, &Device::flex());
    assert_eq!(model.generate(ids, mask, &config).unwrap(), reference.greedy);
}

#[test]
fn a_row_without_tokens_has_finite_scores() {
    for name in VARIANTS {
        let model = load(name);
        let device = Device::flex();
        // A short and a long row next to it.
        for length in [2, 30] {
            let (ids, mask) = padded(&[vec![5; length], vec![]], &device);
            let inputs = Inputs::new(model.embed(ids), mask);
            let scores = model.score(inputs, &[vec![3, 4], vec![3, 4]]).unwrap();
            assert!(scores.iter().flatten().all(|score| score.is_finite()), "{name}: {scores:?}");
        }
    }
}
