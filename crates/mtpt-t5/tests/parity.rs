use std::path::Path;

use burn::tensor::Device;
use mtpt_t5::{
    Backbone, Beam, Direction, EarlyStopping, GenerationConfig, Inputs, Strategy, T5, T5Tokenizer,
    relative_position_bucket,
};
use serde::Deserialize;

use crate::fixtures::{self, TOLERANCE, VARIANTS, assert_close, load, padded, reference};

#[test]
fn token_log_probabilities_match_transformers() {
    for name in VARIANTS.iter().chain(&["bf16", "f16"]) {
        let (model, reference) = (load(name), reference(name));
        let (ids, mask) = padded(&reference.inputs, &Device::flex());
        let found = model.score(Inputs::new(model.embed(ids), mask), &reference.targets).unwrap();
        for (row, (found, expected)) in
            found.iter().zip(&reference.token_log_probabilities).enumerate()
        {
            assert_close(found, expected, TOLERANCE, &format!("{name}, row {row}"));
        }
    }
}

#[test]
fn inputs_of_300_tokens_match_transformers() {
    for name in VARIANTS {
        let model = load(name);
        let long = reference(name).long.unwrap();
        let (ids, mask) = padded(&long.inputs, &Device::flex());
        let found = model
            .score(Inputs::new(model.embed(ids.clone()), mask.clone()), &long.targets)
            .unwrap();
        for (row, (found, expected)) in found.iter().zip(&long.token_log_probabilities).enumerate()
        {
            assert_close(found, expected, TOLERANCE, &format!("{name}, row {row}"));
        }
        let greedy = GenerationConfig { max_new_tokens: 40, ..Default::default() };
        assert_eq!(model.generate(ids.clone(), mask.clone(), &greedy).unwrap(), long.greedy);
        let beam = GenerationConfig {
            max_new_tokens: 20,
            strategy: Strategy::Beam(Beam::default()),
            ..Default::default()
        };
        assert_eq!(model.generate(ids, mask, &beam).unwrap(), long.beam_4, "{name}");
    }
}

#[test]
fn greedy_texts_match_transformers() {
    for name in VARIANTS {
        let (model, reference) = (load(name), reference(name));
        let (ids, mask) = padded(&reference.inputs, &Device::flex());
        let config = GenerationConfig {
            max_new_tokens: 16,
            strategy: Strategy::Greedy,
            ..Default::default()
        };
        assert_eq!(model.generate(ids, mask, &config).unwrap(), reference.greedy, "{name}");
    }
}

#[test]
fn beam_search_texts_match_transformers() {
    for name in VARIANTS {
        let (model, reference) = (load(name), reference(name));
        assert!(reference.searches.len() >= 7);
        for search in &reference.searches {
            let early_stopping = match &search.early_stopping {
                serde_json::Value::Bool(true) => EarlyStopping::WhenFull,
                serde_json::Value::Bool(false) => EarlyStopping::Heuristic,
                _ => EarlyStopping::Never,
            };
            let beam = Beam {
                num_beams: search.num_beams,
                length_penalty: search.length_penalty,
                early_stopping,
            };
            let config = GenerationConfig {
                max_new_tokens: search.max_new_tokens,
                strategy: Strategy::Beam(beam),
                ..Default::default()
            };
            let (ids, mask) = padded(&reference.inputs, &Device::flex());
            let found = model.generate(ids, mask, &config).unwrap();
            assert_eq!(found, search.texts, "{name}, {beam:?}");
        }
    }
}

#[test]
fn bundled_model_matches_transformers() {
    let reference = reference("mtpt_nano");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/models/mtpt-nano");
    let model = T5::load(&folder, &Device::flex()).unwrap();
    let tokenizer = T5Tokenizer::load(&folder, model.config()).unwrap();
    let ids: Vec<Vec<u32>> =
        reference.texts.iter().map(|text| tokenizer.encode(text).unwrap()).collect();
    assert_eq!(ids, reference.inputs);
    let (ids, mask) = padded(&ids, &Device::flex());
    let found = model
        .score(Inputs::new(model.embed(ids.clone()), mask.clone()), &reference.targets)
        .unwrap();
    for (row, (found, expected)) in found.iter().zip(&reference.token_log_probabilities).enumerate()
    {
        assert_close(found, expected, TOLERANCE, &format!("row {row}"));
    }
    let greedy =
        GenerationConfig { max_new_tokens: 12, strategy: Strategy::Greedy, ..Default::default() };
    assert_eq!(model.generate(ids.clone(), mask.clone(), &greedy).unwrap(), reference.greedy);
    let beam = GenerationConfig {
        max_new_tokens: 12,
        strategy: Strategy::Beam(Beam::default()),
        ..Default::default()
    };
    assert_eq!(model.generate(ids, mask, &beam).unwrap(), reference.searches[0].texts);
}

#[test]
fn buckets_match_transformers() {
    #[derive(Deserialize)]
    struct Table {
        bidirectional: bool,
        num_buckets: usize,
        max_distance: usize,
        first: i64,
        buckets: Vec<usize>,
    }

    let tables: Vec<Table> =
        serde_json::from_slice(&std::fs::read(fixtures::folder("buckets.json")).unwrap()).unwrap();
    assert_eq!(tables.len(), 8);
    for table in tables {
        let direction = if table.bidirectional { Direction::Both } else { Direction::Back };
        for (position, expected) in (table.first..).zip(table.buckets) {
            let found = relative_position_bucket(
                position,
                direction,
                table.num_buckets,
                table.max_distance,
            );
            assert_eq!(
                found, expected,
                "position {position}, {direction:?}, {} buckets, distance {}",
                table.num_buckets, table.max_distance
            );
        }
    }
}
