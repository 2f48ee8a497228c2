use std::collections::BTreeMap;
use std::fs;

use burn::tensor::TensorData;
use mtpt_io::layout::{f32_values, transpose};
use mtpt_t5::{Family, LongAttention};

use crate::fixtures::{family, folder, load, message, reference};
use crate::t5x::{arrays, rewritten, rewritten_with, scores};

/// Returns the name in T5X of a parameter of transformers, as its conversion scripts of T5, UMT5
/// and LongT5 have it.
fn t5x_name(name: &str, one_bias_per_layer: bool) -> String {
    let parts: Vec<&str> = name.split('.').collect();
    let name = match parts[..] {
        ["shared", "weight"] => "token_embedder.embedding".to_owned(),
        ["lm_head", "weight"] => "decoder.logits_dense.kernel".to_owned(),
        [stack, "final_layer_norm", "weight"] => format!("{stack}.{stack}_norm.scale"),
        [stack, "block", block, "layer", layer, "layer_norm", "weight"] => {
            let norm = match (stack, layer) {
                ("encoder", "0") => "pre_attention_layer_norm",
                ("decoder", "0") => "pre_self_attention_layer_norm",
                ("decoder", "1") => "pre_cross_attention_layer_norm",
                _ => "pre_mlp_layer_norm",
            };
            format!("{stack}.layers_{block}.{norm}.scale")
        }
        [stack, "block", block, "layer", _, module, part, "weight"] => {
            let module = match (stack, module) {
                (_, "DenseReluDense") => "mlp",
                (_, "EncDecAttention") => "encoder_decoder_attention",
                ("encoder", _) => "attention",
                _ => "self_attention",
            };
            let part = match part {
                "q" => "query",
                "k" => "key",
                "v" => "value",
                "o" => "out",
                part => part,
            };
            match part {
                "relative_attention_bias" if one_bias_per_layer => {
                    format!("{stack}.layers_{block}.relpos_bias.rel_embedding")
                }
                "relative_attention_bias" => format!("{stack}.relpos_bias.rel_embedding"),
                "global_relative_attention_bias" => "encoder.side_relpos_bias.rel_embedding".into(),
                "global_input_layer_norm" => {
                    format!("{stack}.layers_{block}.{module}.T5LayerNorm_0.scale")
                }
                _ => format!("{stack}.layers_{block}.{module}.{part}.kernel"),
            }
        }
        _ => panic!("{name}"),
    };
    format!("target.{name}")
}

/// Returns the arrays that T5X stores for a checkpoint of transformers.
fn converted(name: &str) -> BTreeMap<String, TensorData> {
    let checkpoint = mtpt_io::open(&folder(name).join("model.safetensors")).unwrap();
    let names: Vec<String> = checkpoint.names().map(str::to_owned).collect();
    let arrays = names.into_iter().map(|original| {
        let array = checkpoint.read(&original).unwrap();
        let name = t5x_name(&original, name.contains("umt5"));
        if !name.ends_with(".kernel") && !name.ends_with(".rel_embedding") {
            return (name, array);
        }
        let [rows, columns] = array.shape()[..] else { panic!("{name}") };
        let values = transpose(f32_values(&array), [rows, columns]);
        (name, TensorData::new(values, [columns, rows]))
    });
    arrays.collect()
}

fn config(name: &str) -> String {
    fs::read_to_string(folder(name).join("config.json")).unwrap()
}

#[test]
fn checkpoints_of_the_whole_family_match_their_source_models() {
    for name in family() {
        let arrays = converted(name);
        let reference = reference(name);
        let model = rewritten_with(&arrays, Some(&config(name))).unwrap();
        assert_eq!(model.config(), load(name).config(), "{name}");
        // The same values in the same order: bitwise equal.
        assert_eq!(scores(&model, &reference), scores(&load(name), &reference), "{name}");
    }
}

#[test]
fn what_arrays_determine_needs_no_configuration() {
    let long = LongAttention { local_radius: 127, global_block_size: Some(16) };
    for (name, expected) in [
        ("family/mt5_v4", Family::T5),
        ("family/umt5", Family::Umt5),
        ("family/umt5_v4", Family::Umt5),
        ("family/byt5", Family::T5),
        ("family/longt5_global", Family::LongT5(long)),
    ] {
        let model = rewritten(&converted(name)).unwrap();
        assert_eq!(model.config().family, expected, "{name}");
        if !matches!(expected, Family::LongT5(_)) {
            // An unscaled mT5 is a T5.
            let reference = reference(name);
            assert_eq!(scores(&model, &reference), scores(&load(name), &reference), "{name}");
        }
    }
}

#[test]
fn scanned_position_biases_of_umt5_are_read_by_layer() {
    let name = "family/umt5";
    let mut arrays = converted(name);
    for stack in ["encoder", "decoder"] {
        let layer = |layer: usize| format!("target.{stack}.layers_{layer}.");
        let names: Vec<String> = arrays.keys().cloned().collect();
        for name in names.iter().filter(|name| name.starts_with(&layer(0))) {
            let rest = name.strip_prefix(&layer(0)).unwrap();
            let [first, second] =
                [0, 1].map(|index| arrays.remove(&format!("{}{rest}", layer(index))).unwrap());
            // The layers are the second axis.
            let rows = first.shape()[0];
            let width = first.num_elements() / rows;
            let chunks = |array: &TensorData| -> Vec<Vec<f32>> {
                f32_values(array).chunks(width).map(<[f32]>::to_vec).collect()
            };
            let rows_of_both = chunks(&first).into_iter().zip(chunks(&second));
            let values: Vec<f32> = rows_of_both.flat_map(|(a, b)| [a, b].concat()).collect();
            let mut shape = first.shape().to_vec();
            shape.insert(1, 2);
            arrays.insert(format!("target.{stack}.{stack}.{rest}"), TensorData::new(values, shape));
        }
    }
    let reference = reference(name);
    let model = rewritten(&arrays).unwrap();
    assert_eq!(model.config().family, Family::Umt5);
    assert_eq!(scores(&model, &reference), scores(&load(name), &reference));
}

#[test]
fn a_configuration_of_another_family_is_reported() {
    let bart = Some(r#"{"model_type": "bart"}"#);
    let error = message(&rewritten_with(&converted("family/umt5"), bart).unwrap_err());
    assert!(error.contains("`model_type` must be `t5`, `mt5`, `umt5` or `longt5`"), "{error}");
    // Local attention has no summaries.
    let local = Some(r#"{"model_type": "longt5", "encoder_attention_type": "local"}"#);
    let error = message(&rewritten_with(&converted("family/longt5_global"), local).unwrap_err());
    assert!(error.contains("`target.encoder.side_relpos_bias.rel_embedding`"), "{error}");
}

#[test]
fn position_biases_of_the_layers_may_differ() {
    let bias = "relpos_bias.rel_embedding";
    let reference = reference("bf16");
    let expected = scores(&load("bf16"), &reference);
    // As Flaxformer can have them, in arrays of their own and scanned.
    for name in ["t5x/v1_0", "t5x/bf16_scanned"] {
        let mut arrays = arrays(name);
        for stack in ["encoder", "decoder"] {
            let shared = arrays.remove(&format!("target.{stack}.{bias}")).unwrap();
            if name == "t5x/v1_0" {
                for layer in 0..2 {
                    arrays.insert(format!("target.{stack}.layers_{layer}.{bias}"), shared.clone());
                }
            } else {
                // Heads, layers, buckets.
                let rows = f32_values(&shared).chunks_exact(32).flat_map(|row| [row, row]);
                let values = rows.flatten().copied().collect();
                let both = TensorData::new(values, [4, 2, 32]);
                arrays.insert(format!("target.{stack}.{stack}.{bias}"), both);
            }
        }
        let found = scores(&rewritten(&arrays).unwrap(), &reference);
        if name == "t5x/bf16_scanned" {
            assert_eq!(found, expected);
        } else {
            assert_eq!(found, scores(&load("v1_0"), &reference));
        }
        let changed = arrays
            .iter_mut()
            .rfind(|(name, _)| name.starts_with("target.decoder") && name.ends_with(bias));
        let changed = changed.unwrap().1.as_mut_slice::<f32>().unwrap();
        // All buckets of one head.
        let start = changed.len() - 32;
        changed[start..].iter_mut().for_each(|value| *value = -*value);
        let model = rewritten(&arrays).unwrap();
        assert_eq!(model.config().family, Family::Umt5);
        assert_ne!(scores(&model, &reference), found);
        // Unless the file next to the checkpoint says that they don't.
        let config = Some(r#"{"model_type": "t5"}"#);
        let error = message(&rewritten_with(&arrays, config).unwrap_err());
        let said = "expected one position bias for all layers of the decoder, found a different one in layer 1";
        assert!(error.contains(said), "{error}");
    }
}
