use std::collections::BTreeSet;
use std::fs;

use burn::tensor::{Device, Int, Tensor};
use mtpt_t5::{
    Backbone, GenerationDefaults, GenerationInputs, GenerationSettings, InputRow, Inputs, Sequence,
    T5,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixtures::{TOLERANCE, assert_close, folder, load, message, padded};

/// Texts of transformers, see `scripts/generate_decoding_reference.py`.
#[derive(Deserialize)]
struct Searches {
    inputs: Vec<Vec<u32>>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    settings: Value,
    /// One or more for each row.
    sequences: Vec<Vec<Vec<u32>>>,
    #[serde(default)]
    scores: Vec<Vec<f32>>,
}

#[derive(Deserialize)]
struct Distributions {
    logits: Vec<Vec<f32>>,
    filters: Vec<Filter>,
}

#[derive(Deserialize)]
struct Filter {
    settings: GenerationSettings,
    probabilities: Vec<Vec<f64>>,
}

fn read<T: for<'a> Deserialize<'a>>(name: &str) -> T {
    serde_json::from_slice(&fs::read(folder("decoding").join(name)).unwrap()).unwrap()
}

/// Returns a folder with a small model and a `generation_config.json`.
fn model_with(generation_config: &str) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in ["config.json", "model.safetensors"] {
        fs::copy(folder("v1_1").join(name), copy.path().join(name)).unwrap();
    }
    fs::write(copy.path().join("generation_config.json"), generation_config).unwrap();
    copy
}

fn load_with(generation_config: &Value) -> T5 {
    T5::load(model_with(&generation_config.to_string()).path(), &Device::flex()).unwrap()
}

/// Returns the message of loading a model with a `generation_config.json`, without its path.
fn error_of(generation_config: &str) -> String {
    let folder = model_with(generation_config);
    let error = T5::load(folder.path(), &Device::flex()).unwrap_err();
    let path = folder.path().join("generation_config.json");
    let message = message(&error);
    assert!(message.contains(&path.display().to_string()), "{message}");
    message.replace(&path.display().to_string(), "FILE")
}

/// Generates texts by the model's own settings.
fn sequences(model: &T5, inputs: &[Vec<u32>], first: usize) -> Vec<Vec<Sequence>> {
    let (ids, mask) = padded(inputs, &Device::flex());
    let rows = (first..).zip(inputs).map(|(position, ids)| InputRow { position, ids });
    let inputs =
        GenerationInputs::new(Inputs::new(model.embed(ids), mask)).with_rows(rows.collect());
    model.generate_sequences(inputs, &model.generation_config().unwrap()).unwrap()
}

fn ids(sequences: &[Vec<Sequence>]) -> Vec<Vec<Vec<u32>>> {
    let of_row = |row: &Vec<Sequence>| row.iter().map(|sequence| sequence.ids.clone()).collect();
    sequences.iter().map(of_row).collect()
}

#[test]
fn texts_with_every_setting_match_transformers() {
    let reference: Searches = read("searches.json");
    assert!(reference.cases.len() > 60);
    for case in &reference.cases {
        let model = load_with(&case.settings);
        let found = sequences(&model, &reference.inputs, 0);
        assert_eq!(ids(&found), case.sequences, "{}", case.settings);
        for (row, scores) in found.iter().zip(&case.scores) {
            let found: Vec<f32> = row.iter().filter_map(|sequence| sequence.score).collect();
            assert_close(&found, scores, TOLERANCE, &case.settings.to_string());
        }
    }
    let key = |case: &Case| case.settings.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let tested: BTreeSet<String> = reference.cases.iter().flat_map(key).collect();
    for name in GenerationSettings::NAMES {
        // Sampling is compared by its distribution, and stop strings by the command.
        let sampling = ["temperature", "do_sample", "stop_strings"].contains(name)
            || name.starts_with("top_")
            || name.ends_with("_p")
            || name.ends_with("_cutoff");
        assert!(sampling || tested.contains(*name), "`{name}` is not compared");
    }
}

#[test]
fn filtered_distributions_match_transformers() {
    let reference: Distributions = read("distributions.json");
    for filter in &reference.filters {
        let mut settings = filter.settings.clone();
        // The default of transformers.
        settings.top_k = settings.top_k.or(Some(50));
        let sampling = settings.to_config().unwrap().strategy.sampling().unwrap();
        for (logits, expected) in reference.logits.iter().zip(&filter.probabilities) {
            let found = sampling.probabilities(logits);
            for (found, expected) in found.iter().zip(expected) {
                // transformers computes in f32 and the file has seven digits.
                assert!((found - expected).abs() < 1e-6, "{found}, {expected}, {settings:?}");
            }
        }
    }
}

#[test]
fn sampling_settings_of_a_file_are_those_of_transformers() {
    let model = load_with(&json!({ "do_sample": true, "temperature": 0.7 }));
    let sampling = model.generation_config().unwrap().strategy.sampling().unwrap();
    assert_eq!((sampling.temperature, sampling.top_k), (0.7, Some(50)));
    let model = load_with(&json!({ "do_sample": true, "top_k": 0, "epsilon_cutoff": 0.0 }));
    let sampling = model.generation_config().unwrap().strategy.sampling().unwrap();
    assert_eq!((sampling.top_k, sampling.epsilon_cutoff), (None, None));
    // Without `do_sample` the other settings have no effect.
    let model = load_with(&json!({ "temperature": 0.7, "top_k": 3, "eos_token_id": 94 }));
    assert_eq!(model.generation_config().unwrap().strategy, Default::default());
}

#[test]
fn sampled_texts_depend_on_the_position_of_the_row_only() {
    let rows = vec![vec![5, 9, 30, 94]; 12];
    for settings in [
        json!({ "do_sample": true, "temperature": 3.0, "top_k": 0, "max_new_tokens": 12 }),
        json!({
            "do_sample": true, "temperature": 3.0, "top_k": 0, "max_new_tokens": 12,
            "num_return_sequences": 2,
        }),
        json!({
            "do_sample": true, "temperature": 3.0, "top_k": 0, "max_new_tokens": 12, "num_beams": 3,
        }),
    ] {
        let model = load_with(&settings);
        let together = ids(&sequences(&model, &rows, 0));
        let different: BTreeSet<_> = together.iter().flatten().collect();
        assert_eq!(different.len(), together.iter().flatten().count(), "{settings}");
        for size in [1, 5] {
            let parts = rows.chunks(size).enumerate();
            let parts = parts.flat_map(|(part, rows)| ids(&sequences(&model, rows, part * size)));
            assert_eq!(parts.collect::<Vec<_>>(), together, "{settings}, batches of {size}");
        }
        // Other rows, also longer ones, don't matter.
        let mut others = rows.clone();
        others.iter_mut().enumerate().filter(|(row, _)| *row != 6).for_each(|(row, ids)| {
            ids.splice(0..0, vec![7; row + 1]);
        });
        assert_eq!(ids(&sequences(&model, &others, 0))[6], together[6], "{settings}");
    }
}

#[test]
fn the_first_of_several_sampled_sequences_is_that_of_one() {
    let rows = vec![vec![5, 9, 30, 94]; 3];
    let sample = |number: usize| {
        let settings = json!({
            "do_sample": true, "temperature": 3.0, "top_k": 0, "max_new_tokens": 12,
            "num_return_sequences": number,
        });
        ids(&sequences(&load_with(&settings), &rows, 0))
    };
    for (one, three) in sample(1).iter().zip(sample(3)) {
        assert_eq!(three.len(), 3);
        assert_eq!(one[0], three[0]);
    }
}

#[test]
fn greedy_and_beam_texts_do_not_depend_on_the_batch() {
    let reference: Searches = read("searches.json");
    for case in reference.cases.iter().step_by(5) {
        let model = load_with(&case.settings);
        for (row, expected) in reference.inputs.iter().zip(&case.sequences) {
            let alone = ids(&sequences(&model, std::slice::from_ref(row), 3));
            assert_eq!(alone, std::slice::from_ref(expected), "{}", case.settings);
        }
    }
}

#[test]
fn a_list_of_end_tokens_in_either_file_means_the_same() {
    let reference: Searches = read("searches.json");
    let is_list = |case: &&Case| case.settings["eos_token_id"].is_array();
    let case = reference.cases.iter().find(is_list).unwrap();
    let folder = model_with("{}");
    fs::remove_file(folder.path().join("generation_config.json")).unwrap();
    let path = folder.path().join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    config["eos_token_id"] = case.settings["eos_token_id"].clone();
    // Older versions of transformers had the other settings there too.
    config["max_new_tokens"] = case.settings["max_new_tokens"].clone();
    fs::write(&path, config.to_string()).unwrap();
    let model = T5::load(folder.path(), &Device::flex()).unwrap();
    assert_eq!(ids(&sequences(&model, &reference.inputs, 0)), case.sequences);
    // The first one ends inputs and targets, all of them end texts.
    let ends = model.end_token_ids();
    assert_eq!(ends[0], model.eos_token_id());
    assert!(ends.len() > 1 && ends.iter().all(|end| model.is_end_token(*end)));
    // Saving keeps them.
    let saved = folder.path().join("saved");
    model.save(&saved).unwrap();
    assert_eq!(T5::load(&saved, &Device::flex()).unwrap().end_token_ids(), ends);
}

#[test]
fn evaluation_decodes_by_the_settings_of_the_model() {
    let reference: Searches = read("searches.json");
    let is_beam = |case: &&Case| case.settings["num_beams"] == 4 && case.scores.len() > 1;
    let case = reference.cases.iter().find(is_beam).unwrap();
    let model = load_with(&case.settings);
    let (ids, mask) = padded(&reference.inputs, &Device::flex());
    let encoded = model.encode_inputs(Inputs::new(model.embed(ids), mask));
    let rows = (0..).zip(&reference.inputs).map(|(position, ids)| InputRow { position, ids });
    let limit = model.generation_config().unwrap().max_new_tokens;
    let rows: Vec<_> = rows.collect();
    let found = model.generate_by_settings(encoded.clone(), &rows, limit).unwrap();
    let best: Vec<_> = case.sequences.iter().map(|row| row[0].clone()).collect();
    assert_eq!(found, best);
    // The maximum length of the task takes precedence.
    let short = model.generate_by_settings(encoded, &rows, 2).unwrap();
    assert!(short.iter().all(|text| text.len() <= 2));
}

#[test]
fn models_without_settings_decode_greedily() {
    let model = load("v1_1");
    assert_eq!(model.generation_defaults(), &GenerationDefaults::default());
    assert_eq!(model.generation_config().unwrap(), Default::default());
    // A file that only repeats `config.json` doesn't change anything either.
    let file = json!({
        "_from_model_config": true, "decoder_start_token_id": 0, "eos_token_id": 94,
        "pad_token_id": 0, "transformers_version": "5.24.0", "use_cache": true,
        "output_attentions": false, "max_length": 65,
    });
    let config = load_with(&file).generation_config().unwrap();
    assert_eq!((config.strategy, config.max_new_tokens), (Default::default(), 64));
}

#[test]
fn settings_that_are_not_supported_are_named() {
    for (key, value) in [
        ("penalty_alpha", json!(0.6)),
        ("num_beam_groups", json!(2)),
        ("guidance_scale", json!(1.5)),
        ("watermarking_config", json!({ "bias": 2.0 })),
        ("token_healing", json!(true)),
        ("force_words_ids", json!([[5]])),
        ("constraints", json!([{}])),
        ("dola_layers", json!("high")),
        ("max_time", json!(2.5)),
        ("forced_decoder_ids", json!([[1, 5]])),
        ("remove_invalid_values", json!(true)),
    ] {
        let model = load_with(&json!({ "eos_token_id": 94, key: value }));
        let error = message(&model.generation_config().unwrap_err());
        assert!(error.contains(&format!("`{key}` to {value}, which is not supported")), "{error}");
        // Ranking needs no generation, so only generation fails.
        let error = model.check_generation().unwrap_err().to_string();
        assert!(error.contains(key) && error.contains("generation_config.json"), "{error}");
    }
    let neutral = json!({
        "penalty_alpha": 0.0, "num_beam_groups": 1, "guidance_scale": 1.0, "token_healing": false,
        "constraints": null, "force_words_ids": [], "diversity_penalty": 0.5, "max_time": null,
    });
    let model = load_with(&neutral);
    assert!(model.generation_config().is_ok());
    // Evaluation has no tokenizer to find stop strings with.
    let model = load_with(&json!({ "stop_strings": ["end", "stop"] }));
    assert!(model.generation_config().is_ok());
    let error = model.check_generation().unwrap_err().to_string();
    assert!(error.contains("`stop_strings` to [\"end\", \"stop\"]"), "{error}");
}

#[test]
fn unknown_keys_are_reported() {
    let model = load_with(&json!({ "num_beam": 4, "eos_token_id": 94, "chat_format": "x" }));
    assert_eq!(model.generation_defaults().unknown_keys(), ["num_beam", "chat_format"]);
    // The keys of a model's configuration are not those of generation.
    let model = load_with(&json!({ "_from_model_config": true, "d_model": 16 }));
    assert!(model.generation_defaults().unknown_keys().is_empty());
}

#[test]
fn malformed_settings_are_named_with_their_file() {
    for (file, expected) in [
        ("{\"num_beams\": 4,}", "cannot parse `FILE`: invalid JSON in line 1, column 17"),
        (
            "version https://git-lfs.github.com/spec/v1",
            "cannot parse `FILE`: expected a JSON object",
        ),
        ("[]", "`FILE` must contain a JSON object"),
        ("{\"num_beams\": \"four\"}", "`num_beams` must be an integer, but is `\"four\"`"),
        ("{\"num_beams\": 0}", "`num_beams` must be positive, but is `0`"),
        ("{\"num_beams\": -1}", "`num_beams` must be an integer, but is `-1`"),
        ("{\"eos_token_id\": [1, \"x\"]}", "`eos_token_id` must be a token id or a list of them"),
        (
            "{\"eos_token_id\": [1, 96]}",
            "`eos_token_id` must be less than `vocab_size`, but is `96`",
        ),
        ("{\"decoder_start_token_id\": [0, 1]}", "`decoder_start_token_id` must be one token id"),
        (
            "{\"early_stopping\": \"always\"}",
            "`early_stopping` must be `true`, `false` or `\"never\"`",
        ),
        ("{\"max_length\": 1}", "`max_length` must be at least 2, because it counts the first"),
        ("{\"max_new_tokens\": 0}", "`max_new_tokens` must be positive, but is `0`"),
        ("{\"repetition_penalty\": 0}", "`repetition_penalty` must be positive, but is `0`"),
        ("{\"do_sample\": true, \"temperature\": 0.0}", "`temperature` must be positive"),
        ("{\"do_sample\": true, \"top_p\": 1.5}", "`top_p` must be in (0, 1], but is `1.5`"),
        ("{\"bad_words_ids\": [[]]}", "`bad_words_ids` must be sequences of at least one token"),
        ("{\"bad_words_ids\": [5]}", "`bad_words_ids` must be a list of lists of token ids"),
        ("{\"num_return_sequences\": 2}", "`num_return_sequences` must be 1 for greedy decoding"),
        (
            "{\"num_return_sequences\": 5, \"num_beams\": 4}",
            "`num_return_sequences` must be at most `num_beams`, but is `5`",
        ),
        (
            "{\"forced_bos_token_id\": 5, \"suppress_tokens\": [4, 5]}",
            "every token of `forced_bos_token_id`, [5], is also in `suppress_tokens`",
        ),
    ] {
        let error = error_of(file);
        assert!(error.contains(expected), "{file}: {error}");
    }
}

#[test]
fn rows_without_a_token_left_are_named() {
    let all: Vec<u32> = (0..96).collect();
    for beams in [1, 3] {
        let model = load_with(&json!({ "suppress_tokens": all, "num_beams": beams }));
        let (ids, mask) = padded(&[vec![5, 94]], &Device::flex());
        let config = model.generation_config().unwrap();
        let error = message(&model.generate(ids, mask, &config).unwrap_err());
        assert!(error.contains("row 1") && error.contains("`suppress_tokens`"), "{error}");
    }
}

#[test]
fn rows_whose_logits_are_not_finite_are_named() {
    for settings in [json!({}), json!({ "num_beams": 2 }), json!({ "do_sample": true })] {
        let model = load_with(&settings);
        let (ids, mask) = padded(&[vec![5, 94], vec![6, 94], vec![7, 94]], &Device::flex());
        let embeddings = model.embed(ids);
        let [rows, length, d_model] = embeddings.dims();
        // The second row is NaN.
        let is_nan = Tensor::<1, Int>::from_data([0, 1, 0], &Device::flex()).bool();
        let is_nan = is_nan.reshape([rows, 1, 1]).expand([rows, length, d_model]);
        let inputs = Inputs::new(embeddings.mask_fill(is_nan, f32::NAN), mask);
        let config = model.generation_config().unwrap();
        let error = message(&model.generate_from_inputs(inputs, &config).unwrap_err());
        assert!(error.contains("the logits of row 2 are not finite, found NaN"), "{error}");
    }
}

#[test]
fn options_on_the_input_require_its_tokens() {
    let model = load_with(&json!({ "encoder_no_repeat_ngram_size": 2 }));
    let config = model.generation_config().unwrap();
    let (ids, mask) = padded(&[vec![5, 94]], &Device::flex());
    let inputs = Inputs::new(model.embed(ids.clone()), mask.clone());
    let error = model.generate_from_inputs(inputs, &config).unwrap_err();
    assert!(message(&error).contains("`encoder_no_repeat_ngram_size`"));
    assert!(model.generate(ids, mask, &config).is_ok());
}

#[test]
fn settings_are_completed_by_others() {
    let parse = |text: &str| serde_json::from_str::<GenerationSettings>(text).unwrap();
    let options = parse("{\"max_new_tokens\": 5, \"early_stopping\": \"never\"}");
    let file = parse("{\"max_length\": 30, \"num_beams\": 3, \"early_stopping\": true}");
    let settings = options.or(file);
    assert_eq!(
        serde_json::to_value(&settings).unwrap(),
        json!({ "max_length": 30, "max_new_tokens": 5, "num_beams": 3, "early_stopping": "never" })
    );
    assert_eq!(settings.to_config().unwrap().max_new_tokens, 5);
}
