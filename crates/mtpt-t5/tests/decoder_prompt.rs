//! Prompts of the decoder: vectors before the start token that every token attends to.
//!
//! A prompt that consists of the embeddings of tokens must act like these tokens.

use burn::tensor::{Bool, Device, Int, Tensor};
use mtpt_core::{Backbone, Encoded, Inputs, decode_paths};
use mtpt_t5::{Beam, GenerationConfig, Sampling, Strategy, T5};

use crate::fixtures::{TOLERANCE, VARIANTS, assert_close, load, padded, reference};
use crate::trees::{assert_same_nodes, assert_states_close};

/// Tokens whose embeddings are the prompt of each row.
const PROMPTS: [[u32; 3]; 3] = [[7, 41, 5], [9, 9, 30], [12, 3, 8]];

fn ids(rows: &[Vec<u32>]) -> (Tensor<2, Int>, Tensor<2, Bool>) {
    padded(rows, &Device::flex())
}

fn inputs(model: &T5, variant: &str) -> Inputs {
    let (ids, mask) = ids(&reference(variant).inputs[..PROMPTS.len()]);
    Inputs::new(model.embed(ids), mask)
}

fn with_prompt(model: &T5, inputs: Inputs) -> Inputs {
    let (ids, _) = ids(&PROMPTS.map(Vec::from));
    Inputs { decoder_prompt: Some(model.embed(ids)), ..inputs }
}

#[test]
fn a_prompt_of_embeddings_acts_like_their_tokens() {
    for variant in VARIANTS {
        let model = load(variant);
        let plain = inputs(&model, variant);
        let encoded = model.encode_inputs(with_prompt(&model, plain.clone()));
        // One target for each row, then two.
        for targets in [1, 2] {
            let target = |row: usize| vec![0, 20 + row as u32, 4, 33, 6];
            let rows: Vec<Vec<u32>> = (0..PROMPTS.len() * targets).map(target).collect();
            let prompted = rows
                .iter()
                .enumerate()
                .map(|(index, target)| [&PROMPTS[index / targets][..], target.as_slice()].concat());
            let prompted: Vec<Vec<u32>> = prompted.collect();
            let found = model.decode(ids(&rows).0, encoded.clone());
            let expected = model.decode(ids(&prompted).0, model.encode_inputs(plain.clone()));
            assert_states_close(found, expected.narrow(1, 3, 5));
        }
    }
}

#[test]
fn tree_nodes_attend_to_the_prompt() {
    for variant in VARIANTS {
        let model = load(variant);
        let encoded = model.encode_inputs(with_prompt(&model, inputs(&model, variant)));
        assert_same_nodes(|trees| {
            let expected = decode_paths(&model, trees, encoded.clone());
            [model.decode_trees(trees, encoded.clone()), expected]
        });
    }
}

#[test]
fn steps_continue_after_the_prompt() {
    for variant in VARIANTS {
        let model = load(variant);
        let encoded = model.encode_inputs(with_prompt(&model, inputs(&model, variant)));
        let (targets, _) = ids(&[vec![0, 20, 4], vec![0, 21, 5], vec![0, 22, 6]]);
        let whole = model.decode(targets.clone(), encoded.clone());
        let mut cache = model.start_decoding(encoded);
        assert_eq!(cache.len(), 3);
        for place in 0..3 {
            let next = model.decode_step(targets.clone().narrow(1, place, 1), &mut cache);
            assert_states_close(next, whole.clone().narrow(1, place, 1));
        }
    }
}

#[test]
fn every_strategy_generates_after_the_prompt() {
    let sampling = Sampling { top_k: Some(1), ..Default::default() };
    for variant in VARIANTS {
        let model = load(variant);
        let plain = inputs(&model, variant);
        let prompted = with_prompt(&model, plain.clone());
        let generate = |inputs: &Inputs, strategy| {
            let config = GenerationConfig { max_new_tokens: 8, strategy, ..Default::default() };
            model.generate_from_inputs(inputs.clone(), &config).unwrap()
        };
        let greedy = generate(&prompted, Strategy::Greedy);
        assert_ne!(greedy, generate(&plain, Strategy::Greedy), "{variant}: the prompt is used");
        assert_eq!(greedy, generate(&prompted, Strategy::Sample(sampling)), "{variant}");
        let one_beam = Beam { num_beams: 1, ..Beam::default() };
        assert_eq!(greedy, generate(&prompted, Strategy::Beam(one_beam)), "{variant}");
        // Each token is the most probable one, by the log-probabilities of the text alone.
        for (row, text) in greedy.iter().enumerate() {
            let inputs = prompted.narrow(row, 1);
            let score = |text: &[u32]| -> f32 {
                model.score(inputs.clone(), &[text.to_vec()]).unwrap()[0].iter().sum()
            };
            let vocabulary = Backbone::vocab_size(&model) as u32;
            let best = (0..vocabulary)
                .map(|token| [&text[..text.len() - 1], &[token]].concat())
                .max_by(|a, b| score(a).total_cmp(&score(b)));
            assert_eq!(best.unwrap(), *text, "{variant}, row {row}");
        }
        // A text of a search is more probable than the greedy one, or the same.
        let beam = Beam { num_beams: 4, length_penalty: 0.0, ..Beam::default() };
        let found = generate(&prompted, Strategy::Beam(beam));
        let sums = |texts: &[Vec<u32>]| -> Vec<f32> {
            let scores = model.score(prompted.clone(), texts).unwrap();
            scores.iter().map(|row| row.iter().sum()).collect()
        };
        for (found, greedy) in sums(&found).iter().zip(sums(&greedy)) {
            assert!(*found >= greedy - 1e-3, "{variant}: {found}, {greedy}");
        }
        for (row, text) in found.iter().enumerate() {
            let alone = generate(&prompted.narrow(row, 1), Strategy::Beam(beam));
            assert_eq!(alone, std::slice::from_ref(text), "{variant}, row {row}");
        }
    }
}

#[test]
fn scores_follow_the_prompt_of_each_row() {
    for variant in VARIANTS {
        let model = load(variant);
        let prompted = with_prompt(&model, inputs(&model, variant));
        let targets = [vec![17, 1], vec![20, 21, 1], vec![33]];
        let together = model.score(prompted.clone(), &targets).unwrap();
        for (row, found) in together.iter().enumerate() {
            let alone = model.score(prompted.narrow(row, 1), &targets[row..=row]).unwrap();
            assert_close(found, &alone[0], TOLERANCE, variant);
        }
        let Inputs { embeddings, mask, .. } = prompted;
        let plain = model.score(Inputs::new(embeddings, mask), &targets).unwrap();
        assert_ne!(plain, together, "{variant}: the prompt is used");
    }
}

#[test]
#[should_panic(expected = "shape")]
fn a_prompt_of_another_width_is_rejected() {
    let model = load(VARIANTS[0]);
    let encoded = model.encode_inputs(inputs(&model, VARIANTS[0]));
    let decoder_prompt = Some(Tensor::zeros([3, 2, 5], &Device::flex()));
    model.start_decoding(Encoded { decoder_prompt, ..encoded });
}
