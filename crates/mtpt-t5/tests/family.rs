use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use burn::tensor::activation::log_softmax;
use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use mtpt_core::{Encoded, Inputs, StateGradients, Vjp, vjp_by_autodiff};
use mtpt_t5::{Backbone, Family, HuggingFaceConfig, T5, read_config};
use safetensors::SafeTensors;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::fixtures::{
    PromptedReference, TOLERANCE, assert_close, family, folder, load, message, padded, reference,
};

/// Returns rows behind a prompt, and its length.
fn with_prompt(model: &T5, prompt: &[f32], inputs: &[Vec<u32>]) -> (Inputs, usize) {
    let device = Device::flex();
    let d_model = model.config().d_model;
    let length = prompt.len() / d_model;
    let prompt = TensorData::new(prompt.to_vec(), [1, length, d_model]);
    let prompt = Tensor::<3>::from_data(prompt, &device).expand([inputs.len(), length, d_model]);
    let (ids, mask) = padded(inputs, &device);
    let of_prompt = Tensor::<2, Bool>::full([inputs.len(), length], true, &device);
    let embeddings = Tensor::cat(vec![prompt, model.embed(ids)], 1);
    (Inputs::new(embeddings, Tensor::cat(vec![of_prompt, mask], 1)), length)
}

/// Returns the mean negative log-probability of the target tokens, and the gradient of the decoder
/// states.
fn loss(model: &T5, states: Tensor<3>, targets: &[Vec<u32>]) -> (f32, Tensor<3>) {
    let states = states.autodiff().require_grad();
    let (labels, counted) = padded(targets, &Device::flex().autodiff());
    let [rows, length] = labels.dims();
    let logits = model.logits(states.clone().reshape([rows * length, model.config().d_model]));
    let chosen = log_softmax(logits, 1).gather(1, labels.reshape([rows * length, 1]));
    let counted = counted.float();
    let loss = -(chosen.reshape([rows, length]) * counted.clone()).sum() / counted.sum();
    let gradient = states.grad(&loss.backward()).unwrap();
    (loss.into_scalar(), gradient)
}

fn check_prompted(
    name: &str,
    reference: &PromptedReference,
    inputs: &[Vec<u32>],
    targets: &[Vec<u32>],
) {
    let model = load(name);
    let (inputs, length) = with_prompt(&model, &reference.prompt, inputs);
    let found = model.score(inputs.clone(), targets).unwrap();
    for (row, (found, expected)) in found.iter().zip(&reference.token_log_probabilities).enumerate()
    {
        assert_close(found, expected, TOLERANCE, &format!("{name}, row {row}"));
    }
    let encoded = model.encode(inputs.embeddings.clone(), inputs.mask.clone());
    let encoded = Encoded::new(encoded, inputs.mask.clone());
    let greedy = Backbone::generate_greedy(&model, encoded, 10);
    assert_eq!(greedy, reference.greedy, "{name}");

    let start = model.decoder_start_token_id();
    let shifted = targets.iter().map(|target| {
        std::iter::once(start).chain(target[..target.len() - 1].iter().copied()).collect()
    });
    let (ids, _) = padded(&shifted.collect::<Vec<_>>(), &Device::flex());
    type Pass = fn(&T5, Inputs, Tensor<2, Int>, usize) -> Vjp;
    let passes: [(&str, Pass); 2] =
        [("hand-written", <T5 as Backbone>::vjp), ("autodiff", vjp_by_autodiff)];
    for (pass, vjp) in passes {
        let vjp = vjp(&model, inputs.clone(), ids.clone(), length);
        let (loss, decoder) = loss(&model, vjp.decoder_states.clone(), targets);
        assert_close(&[loss], &[reference.loss], TOLERANCE, name);
        let gradient = vjp.pullback(StateGradients { encoder: None, decoder }).encoder.sum_dim(0);
        let gradient: Vec<f32> = gradient.try_into_vec_as().unwrap();
        let largest = reference.gradient.iter().fold(0.0_f32, |a, b| a.max(b.abs()));
        // As of the gradients of all weights: rounding, summed over some hundred terms.
        assert_close(&gradient, &reference.gradient, 1e-4 * largest, &format!("{name}, {pass}"));
    }
}

#[test]
fn prompts_and_their_gradients_match_transformers() {
    for name in family() {
        let reference = reference(name);
        let prompted = reference.prompted.unwrap();
        check_prompted(name, &prompted, &reference.inputs, &reference.targets);
        let (prompted, long) = (reference.long_prompted.unwrap(), reference.long.unwrap());
        check_prompted(name, &prompted, &long.inputs, &long.targets);
    }
}

#[test]
fn rows_do_not_depend_on_their_padding() {
    let device = Device::flex();
    for name in family() {
        let (model, reference) = (load(name), reference(name));
        for (row, input) in reference.inputs.iter().enumerate().take(3) {
            let (ids, mask) = padded(std::slice::from_ref(input), &device);
            let target = &reference.targets[row..=row];
            let expected = &reference.token_log_probabilities[row];
            for padding in [0, 1, 60] {
                let zeros = Tensor::<2, Int>::zeros([1, padding], &device);
                let padding = Tensor::<2, Bool>::full([1, padding], false, &device);
                let after = [ids.clone(), zeros.clone()].to_vec();
                let before = [zeros, ids.clone()].to_vec();
                let after = (after, [mask.clone(), padding.clone()].to_vec());
                let before = (before, [padding, mask.clone()].to_vec());
                for (ids, mask) in [after, before] {
                    let (ids, mask) = (Tensor::cat(ids, 1), Tensor::cat(mask, 1));
                    let found = model.score(Inputs::new(model.embed(ids), mask), target).unwrap();
                    assert_close(&found[0], expected, TOLERANCE, &format!("{name}, row {row}"));
                }
            }
        }
    }
}

/// A folder with the weights of a fixture and another configuration.
fn with_config(name: &str, change: impl FnOnce(&mut Map<String, Value>)) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let weights = "model.safetensors";
    fs::copy(folder(name).join(weights), copy.path().join(weights)).unwrap();
    let text = fs::read(folder(name).join("config.json")).unwrap();
    let mut config = serde_json::from_slice(&text).unwrap();
    change(&mut config);
    write_config(copy.path(), &Value::Object(config));
    copy
}

fn write_config(folder: &Path, config: &Value) {
    fs::write(folder.join("config.json"), config.to_string()).unwrap();
}

#[test]
fn every_way_to_scale_matches_transformers() {
    #[derive(Deserialize)]
    struct Reference {
        inputs: Vec<Vec<u32>>,
        targets: Vec<Vec<u32>>,
        cases: Vec<Case>,
    }
    #[derive(Deserialize)]
    struct Case {
        folder: String,
        fields: Map<String, Value>,
        token_log_probabilities: Vec<f32>,
    }
    let text = fs::read(folder("family/scaling.json")).unwrap();
    let reference: Reference = serde_json::from_slice(&text).unwrap();
    assert_eq!(reference.cases.len(), 144);
    for Case { folder, fields, token_log_probabilities } in reference.cases {
        let what = format!("{folder} {}", Value::Object(fields.clone()));
        let copy = with_config(&format!("family/{folder}"), |config| {
            for name in ["tie_word_embeddings", "scale_decoder_outputs", "architectures"] {
                config.remove(name);
            }
            config.extend(fields);
        });
        let model = T5::load(copy.path(), &Device::flex()).unwrap();
        let (ids, mask) = padded(&reference.inputs, &Device::flex());
        let found = model.score(Inputs::new(model.embed(ids), mask), &reference.targets).unwrap();
        assert_close(&found[0], &token_log_probabilities, TOLERANCE, &what);
    }
}

#[test]
fn sparse_configurations_match_transformers() {
    #[derive(Deserialize)]
    struct Case {
        fields: Value,
        expected: Map<String, Value>,
    }
    let text = fs::read(folder("family/configs.json")).unwrap();
    let cases: Vec<Case> = serde_json::from_slice(&text).unwrap();
    assert_eq!(cases.len(), 18);
    let place = tempfile::tempdir().unwrap();
    for Case { fields, expected } in cases {
        write_config(place.path(), &fields);
        let config = read_config(place.path()).unwrap();
        let found = serde_json::to_value(HuggingFaceConfig::from(&config)).unwrap();
        for (name, expected) in expected {
            // Local attention has no blocks.
            if name != "global_block_size" || found["encoder_attention_type"] != "local" {
                // 0 and 0.0 are equal.
                let [found, expected] = [&found[&name], &expected]
                    .map(|value| value.as_f64().map_or(value.clone(), Value::from));
                assert_eq!(found, expected, "`{name}` of {fields}");
            }
        }
    }
}

#[test]
fn saved_files_have_the_names_and_types_of_transformers() {
    for name in family() {
        let place = tempfile::tempdir().unwrap();
        load(name).save(place.path()).unwrap();
        let tensors = |folder: &Path| -> BTreeSet<(String, Vec<usize>)> {
            let bytes = fs::read(folder.join("model.safetensors")).unwrap();
            let tensors = SafeTensors::deserialize(&bytes).unwrap();
            let shape = |name: &str| tensors.tensor(name).unwrap().shape().to_vec();
            tensors.names().into_iter().map(|name| (name.to_owned(), shape(name))).collect()
        };
        let mut found = tensors(place.path());
        let expected = tensors(&folder(name));
        // Written for transformers 4, which doesn't tie a head that is not scaled.
        let head = |(name, _): &(String, Vec<usize>)| name == "lm_head.weight";
        if !expected.iter().any(head) {
            found.retain(|tensor| !head(tensor));
        }
        assert_eq!(found, expected, "{name}");
        let config = |folder: &Path| -> Value {
            serde_json::from_slice(&fs::read(folder.join("config.json")).unwrap()).unwrap()
        };
        let (found, expected) = (config(place.path()), config(&folder(name)));
        for field in
            ["model_type", "architectures", "encoder_attention_type", "local_radius", "d_kv"]
        {
            assert_eq!(found[field], expected[field], "{name}, `{field}`");
        }
    }
}

#[test]
fn other_fields_of_the_configuration_are_preserved() {
    let origin = with_config("family/byt5", |config| {
        config.insert("n_positions".to_owned(), json!(1024));
        config.insert("hidden_size".to_owned(), config["d_model"].clone());
    });
    let model = T5::load(origin.path(), &Device::flex()).unwrap();
    let place = tempfile::tempdir().unwrap();
    model.save_with_tokenizer(place.path(), origin.path()).unwrap();
    let text = fs::read(place.path().join("config.json")).unwrap();
    let config: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(config["tokenizer_class"], "ByT5Tokenizer");
    assert_eq!(config["n_positions"], 1024);
    // Names that would take precedence, and the old name of a field, are removed.
    assert_eq!((&config["hidden_size"], &config["torch_dtype"]), (&Value::Null, &Value::Null));
    assert_eq!(config["dtype"], "float32");
    assert_eq!(read_config(place.path()).unwrap(), *model.config());
}

#[test]
fn members_of_the_family_are_recognized() {
    for (name, expected) in [
        ("mt5", "Mt5"),
        ("mt5_v4", "Mt5"),
        ("umt5", "Umt5"),
        ("byt5", "T5"),
        ("flan_ul2", "T5"),
        ("longt5_local", "LongT5(LongAttention { local_radius: 3, global_block_size: None })"),
        ("longt5_global", "LongT5(LongAttention { local_radius: 4, global_block_size: Some(3) })"),
    ] {
        let config = read_config(&folder("family").join(name)).unwrap();
        assert_eq!(format!("{:?}", config.family), expected, "{name}");
        assert_eq!(config.family == Family::Mt5, name.starts_with("mt5"));
    }
}

/// Asserts that a folder with only this configuration is rejected for a reason.
#[track_caller]
fn check_rejected(config: Value, parts: &[&str]) {
    let place = tempfile::tempdir().unwrap();
    write_config(place.path(), &config);
    // There are no weights: the configuration is rejected before they are opened.
    let error = T5::load(place.path(), &Device::flex()).expect_err("loading must fail");
    let message = message(&error);
    for part in parts.iter().chain(&["config.json`"]) {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

#[test]
fn other_model_types_are_rejected_by_name() {
    for model_type in [
        "bart",
        "switch_transformers",
        "t5gemma",
        "t5gemma2",
        "pop2piano",
        "udop",
        "llama",
        "bert",
        "T5",
        "byt5",
        "pegasus",
        "encoder-decoder",
    ] {
        check_rejected(
            json!({ "model_type": model_type, "d_model": "wide" }),
            &[
                "`model_type` must be `t5`, `mt5`, `umt5` or `longt5`",
                &format!("is `{model_type}`"),
            ],
        );
    }
    check_rejected(json!({ "model_type": 5 }), &["`model_type` must be `t5`", "is `5`"]);
}

#[test]
fn without_a_model_type_the_class_determines_it() {
    for (class, family) in [
        ("T5ForConditionalGeneration", "t5"),
        ("T5WithLMHeadModel", "t5"),
        ("FlaxMT5ForConditionalGeneration", "mt5"),
        ("TFT5ForConditionalGeneration", "t5"),
        ("UMT5Model", "umt5"),
        ("LongT5ForConditionalGeneration", "longt5"),
    ] {
        let place = tempfile::tempdir().unwrap();
        write_config(place.path(), &json!({ "architectures": [class] }));
        let found = HuggingFaceConfig::from(&read_config(place.path()).unwrap());
        assert_eq!(found.model_type.unwrap(), family, "{class}");
    }
    for class in [
        "BartForConditionalGeneration",
        "SwitchTransformersForConditionalGeneration",
        "T5GemmaForConditionalGeneration",
        "BertForMaskedLM",
    ] {
        let parts = ["`architectures` must be `T5ForConditionalGeneration`", &format!("`{class}`")];
        check_rejected(json!({ "architectures": [class] }), &parts);
    }
    check_rejected(json!({ "architectures": ["T5EncoderModel"] }), &["has no decoder"]);
}

#[test]
fn models_without_decoder_or_language_modelling_head_are_rejected() {
    for (model_type, class, part) in [
        ("t5", "T5EncoderModel", "decoder"),
        ("umt5", "UMT5EncoderModel", "decoder"),
        ("longt5", "LongT5EncoderModel", "decoder"),
        ("t5", "T5ForTokenClassification", "language modelling head"),
        ("mt5", "MT5ForSequenceClassification", "language modelling head"),
        ("umt5", "UMT5ForQuestionAnswering", "language modelling head"),
    ] {
        check_rejected(
            json!({ "model_type": model_type, "architectures": [class] }),
            &[&format!("`{class}` has no {part}: choose a checkpoint of `"), "ForConditional"],
        );
    }
    check_rejected(
        json!({ "model_type": "mt5", "is_encoder_decoder": false }),
        &["`is_encoder_decoder: false` has no decoder", "`MT5ForConditionalGeneration`"],
    );
    // Names of classes with a head, and of the model without its head, which is then the table.
    for class in ["T5WithLMHeadModel", "FlaxT5ForConditionalGeneration", "T5Model"] {
        let copy = with_config("v1_0", |config| {
            config.insert("architectures".to_owned(), json!([class]));
        });
        T5::load(copy.path(), &Device::flex()).unwrap();
    }
}

#[test]
fn quantized_models_are_rejected_by_method() {
    let settings = json!({ "quant_method": "bitsandbytes", "load_in_8bit": true });
    check_rejected(json!({ "quantization_config": settings }), &["quantized by `bitsandbytes`"]);
    check_rejected(
        json!({ "model_type": "mt5", "quantization_config": { "bits": 4 } }),
        &["quantized by `an unknown method`", "choose the checkpoint that was quantized"],
    );
    let copy = with_config("v1_0", |config| {
        config.insert("quantization_config".to_owned(), Value::Null);
    });
    T5::load(copy.path(), &Device::flex()).unwrap();
}

#[test]
fn fields_of_wrong_types_are_named() {
    for (config, part) in [
        (
            json!({ "d_model": "16" }),
            "`d_model` must be a whole number, 0 or more, but is `\"16\"`",
        ),
        (json!({ "num_heads": null }), "`num_heads` must be a whole number, 0 or more"),
        (json!({ "vocab_size": -1 }), "but is `-1`"),
        (
            json!({ "hidden_size": 1.5 }),
            "`d_model` must be a whole number, 0 or more, but is `1.5`",
        ),
        (json!({ "dropout_rate": "none" }), "`dropout_rate` must be a number"),
        (json!({ "is_gated_act": 1 }), "`is_gated_act` must be `true` or `false`, but is `1`"),
        (json!({ "feed_forward_proj": ["relu"] }), "`feed_forward_proj` must be a string"),
        (
            json!({ "model_type": "longt5", "local_radius": "wide" }),
            "`local_radius` must be a whole",
        ),
        (
            json!({ "model_type": "longt5", "encoder_attention_type": "global" }),
            "`encoder_attention_type` must be `local` or `transient-global`, but is `global`",
        ),
    ] {
        check_rejected(config, &[part]);
    }
    check_rejected(json!(["t5"]), &["must contain a JSON object"]);
}
