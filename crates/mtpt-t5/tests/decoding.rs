use burn::tensor::{Device, Tolerance};
use mtpt_t5::{Beam, GenerationConfig, Sampling, Strategy};

use crate::fixtures::{VARIANTS, assert_close, load, padded, reference};

/// What summing in another order changes in single precision, at numbers near 10.
const ROUNDING: f32 = 1e-5;

#[test]
fn reading_token_by_token_gives_what_reading_at_once_gives() {
    for name in VARIANTS {
        let (model, reference) = (load(name), reference(name));
        let device = Device::flex();
        let (ids, mask) = padded(&reference.inputs, &device);
        let (decoder_ids, _) = padded(&reference.targets, &device);
        let [_, length] = decoder_ids.dims();
        let encoded = model.encode(model.embed(ids), mask.clone());
        let whole = model.decode(decoder_ids.clone(), encoded.clone(), mask.clone());

        let mut cache = model.start(encoded, mask);
        assert!(cache.is_empty());
        // Two tokens at once, then one at a time: both ways of going on are needed.
        let first = model.step(decoder_ids.clone().narrow(1, 0, 2), &mut cache);
        let check = |found: burn::tensor::Tensor<3>, start: usize, count: usize| {
            found.into_data().assert_approx_eq::<f32>(
                &whole.clone().narrow(1, start, count).into_data(),
                // Hidden states of these fixtures reach 100.
                Tolerance::absolute(1e-3),
            );
        };
        check(first, 0, 2);
        for place in 2..length {
            let next = model.step(decoder_ids.clone().narrow(1, place, 1), &mut cache);
            check(next, place, 1);
        }
        assert_eq!(cache.len(), length);
    }
}

#[test]
fn candidates_score_as_they_do_alone() {
    let (model, reference) = (load("v1_1"), reference("v1_1"));
    let device = Device::flex();
    let (ids, mask) = padded(&reference.inputs, &device);
    // Each row has a different number of candidates, one of them without a token.
    let empty = vec![Vec::new()];
    let candidates: Vec<&[Vec<u32>]> = vec![
        &reference.targets[0..3],
        &reference.targets[3..4],
        &[],
        &reference.targets[1..6],
        &empty,
        &reference.targets[4..6],
    ];
    let found = model.score_candidates(model.embed(ids), mask, &candidates).unwrap();
    for (row, (found, candidates)) in found.iter().zip(&candidates).enumerate() {
        assert_eq!(found.len(), candidates.len());
        for (found, candidate) in found.iter().zip(*candidates) {
            let (ids, mask) = padded(&reference.inputs[row..=row], &device);
            let alone =
                model.score(model.embed(ids), mask, std::slice::from_ref(candidate)).unwrap();
            assert_close(found, &alone[0], ROUNDING, &format!("row {row}"));
        }
    }
}

#[test]
fn texts_do_not_depend_on_the_batch() {
    let sampling = Sampling { temperature: 0.8, top_k: Some(20), top_p: Some(0.9), seed: 7 };
    for name in VARIANTS {
        let (model, reference) = (load(name), reference(name));
        let device = Device::flex();
        for strategy in [Strategy::Greedy, Strategy::Beam(Beam::default())] {
            let config = GenerationConfig { max_new_tokens: 12, strategy };
            let (ids, mask) = padded(&reference.inputs, &device);
            let together = model.generate(ids, mask, &config).unwrap();
            for (row, together) in reference.inputs.chunks(1).zip(together) {
                let (ids, mask) = padded(row, &device);
                assert_eq!(model.generate(ids, mask, &config).unwrap(), [together], "{name}");
            }
        }
        let config = GenerationConfig { max_new_tokens: 12, strategy: Strategy::Sample(sampling) };
        let (ids, mask) = padded(&reference.inputs, &device);
        let together = model.generate(ids, mask, &config).unwrap();
        let (ids, mask) = padded(&reference.inputs[..2], &device);
        assert_eq!(model.generate(ids, mask, &config).unwrap(), together[..2], "{name}");
    }
}

#[test]
fn sampling_is_decided_by_its_seed() {
    let (model, reference) = (load("v1_0"), reference("v1_0"));
    let sample = |seed| {
        let sampling = Sampling { temperature: 2.0, seed, ..Default::default() };
        let config = GenerationConfig { max_new_tokens: 12, strategy: Strategy::Sample(sampling) };
        let (ids, mask) = padded(&reference.inputs, &Device::flex());
        model.generate(ids, mask, &config).unwrap()
    };
    assert_eq!(sample(1), sample(1));
    assert_ne!(sample(1), sample(2));
}

#[test]
fn drawing_among_one_is_greedy() {
    let (model, reference) = (load("v1_1"), reference("v1_1"));
    let sampling = Sampling { top_k: Some(1), ..Default::default() };
    let config = GenerationConfig { max_new_tokens: 16, strategy: Strategy::Sample(sampling) };
    let (ids, mask) = padded(&reference.inputs, &Device::flex());
    assert_eq!(model.generate(ids, mask, &config).unwrap(), reference.greedy);
}

#[test]
fn a_row_without_any_token_gives_numbers() {
    let model = load("v1_0");
    let device = Device::flex();
    let (ids, mask) = padded(&[vec![5, 6], vec![]], &device);
    let scores = model.score(model.embed(ids), mask, &[vec![3, 4], vec![3, 4]]).unwrap();
    assert!(scores.iter().flatten().all(|score| score.is_finite()), "{scores:?}");
}
