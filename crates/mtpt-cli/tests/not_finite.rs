use std::fs;

use serde_json::Value;

use crate::world::{Outcome, World, check_contains};

/// Sets a value at the start of a row of a tensor, in the model file.
fn poison(world: &World, tensor: &str, row: usize, value: f32) {
    let path = world.path("model/model.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let tensors: Value = serde_json::from_slice(&bytes[8..8 + header]).unwrap();
    let tensor = &tensors[tensor];
    assert_eq!(tensor["dtype"], "F32");
    let width = tensor["shape"].get(1).map_or(1, |width| width.as_u64().unwrap() as usize);
    let begin = 8 + header + tensor["data_offsets"][0].as_u64().unwrap() as usize;
    let row = begin + 4 * width * row;
    bytes[row..row + 4].copy_from_slice(&value.to_le_bytes());
    fs::write(path, bytes).unwrap();
}

#[track_caller]
fn check(outcome: &Outcome, parts: &[&str]) {
    assert_eq!(outcome.code, 1, "{}", outcome.messages);
    let line = outcome.messages.lines().last().unwrap();
    check_contains(line, parts);
}

#[test]
fn a_model_with_nan_or_infinity_is_refused_by_every_command() {
    for (value, text) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")] {
        let world = World::with_text();
        world.train();
        poison(&world, "shared.weight", 14, value);
        let row = "{\"input\": \"day\", \"target\": \"sun\"}\n";
        let prompts = "--model model --prompts run/prompts.safetensors";
        for (command, input) in [
            ("score --model model".to_owned(), row),
            ("generate --model model --max-new-tokens 3".to_owned(), row),
            ("generate --model model --num-beams 3 --max-new-tokens 3".to_owned(), row),
            ("generate --model model --temperature 1 --max-new-tokens 3".to_owned(), row),
            (format!("predict {prompts} --task mood"), row),
            (format!("eval {prompts} --tasks run.toml"), ""),
            ("train run.toml --output other".to_owned(), ""),
            ("pretrain pretrain.toml --output other".to_owned(), ""),
            ("adapt run.toml --prompts run/prompts.safetensors --output other".to_owned(), ""),
            ("inspect model".to_owned(), ""),
        ] {
            let outcome = world.run(&command, input);
            let found = format!("expected finite values, found {text} at [14, 0]");
            check(&outcome, &["tensor `shared.weight` in `", "model.safetensors`", &found]);
            assert!(outcome.rows.is_empty(), "{command}");
        }
        assert!(!world.path("other").exists(), "nothing is written");
        let found = world.rows("inspect model/model.safetensors --json", "").remove(0);
        let found = &found["not_finite"];
        assert_eq!(found.as_array().unwrap().len(), 1);
        assert_eq!(found[0]["tensor"], "shared.weight");
        assert_eq!(
            (found[0]["place"][0].as_u64(), found[0]["value"].as_str()),
            (Some(14), Some(text))
        );
        let text = world.text("inspect model/model.safetensors");
        assert!(text.contains("NOT FINITE   shared.weight [14, 0] is "), "{text}");
    }
}

/// Returns a `.npy` file of 32-bit floats.
fn npy(values: &[f32], rows: usize) -> Vec<u8> {
    let shape = (rows, values.len() / rows);
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape:?}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

#[test]
fn prompts_with_nan_or_infinity_are_refused() {
    let world = World::new();
    world.train();
    let row = "{\"input\": \"day\", \"target\": \"sun\"}\n";
    let mut values = vec![0.5_f32; 2 * 16];
    values[17] = f32::NAN;
    fs::write(world.path("prompt.npy"), npy(&values, 2)).unwrap();
    for command in [
        "score --model model --prompts prompt.npy",
        "predict --model model --prompts prompt.npy",
        "import --format npy prompt.npy --output imported.safetensors",
        "inspect prompt.npy",
    ] {
        let outcome = world.run(command, row);
        check(&outcome, &["`prompt.npy`: expected finite values, found NaN at [1, 1]"]);
    }
    let path = world.path("run/prompts.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&f32::INFINITY.to_le_bytes());
    fs::write(&path, bytes).unwrap();
    let prompts = "--prompts run/prompts.safetensors";
    for command in [
        format!("generate --model model {prompts} --task mood"),
        format!("predict --model model {prompts} --task mood"),
        format!("eval --model model {prompts} --tasks run.toml"),
        format!("adapt run.toml {prompts} --output other"),
        format!("export --format npy {prompts} --task mood --output exported.npy"),
    ] {
        let outcome = world.run(&command, row);
        check(&outcome, &["prompts.safetensors`: expected finite values, found inf at ["]);
    }
    assert!(!world.path("exported.npy").exists());
    let found = world.rows("inspect run/prompts.safetensors --json", "").remove(0);
    assert_eq!(found["not_finite"][0]["value"], "inf");
}

/// A world whose model is finite, but so large that its logits are not.
fn overflowing() -> World {
    let world = World::new();
    for row in 0..2 {
        poison(&world, "decoder.final_layer_norm.weight", row, [3e38, -3e38][row]);
    }
    for token in 0..96 {
        poison(&world, "lm_head.weight", token, 3e38);
    }
    world
}

#[test]
fn results_that_are_not_finite_name_the_row() {
    let world = World::new();
    world.train();
    let prompts = fs::read(world.path("run/prompts.safetensors")).unwrap();
    let world = overflowing();
    fs::write(world.path("prompts.safetensors"), prompts).unwrap();
    let row = "\n{\"input\": \"day\", \"target\": \"sun\"}\n";
    let outcome = world.run("score --model model", row);
    check(&outcome, &[":2: the log-probability of a token is ", "too large for its precision"]);
    for options in ["", " --num-beams 3", " --temperature 1", " --repetition-penalty 1.5"] {
        let command = format!("generate --model model --max-new-tokens 2{options}");
        check(&world.run(&command, row), &[":2: the logits of row 1 are not finite, found "]);
    }
    let command = "predict --model model --prompts prompts.safetensors --task mood";
    let outcome = world.run(command, row);
    check(&outcome, &[":2: the log-probability of a candidate is "]);
    let command = "eval --model model --prompts prompts.safetensors --tasks run.toml";
    let outcome = world.run(command, "");
    check(&outcome, &["mood.jsonl:1: the log-probability of a candidate is "]);
    assert!(outcome.rows.is_empty());
}

#[test]
fn a_loss_that_is_not_finite_ends_training() {
    let world = overflowing();
    let outcome = world.run("train run.toml --output run", "");
    check(&outcome, &["step 1: the loss is NaN for all 4 rows; check the model, "]);
    assert!(!world.path("run/prompts.safetensors").exists());
}

#[test]
fn resuming_from_the_state_before_nan_fails_the_same_way() {
    let world = World::new();
    let command = "train run.toml --output run --set training.steps=50 --set evaluation.every=50 \
                   --set training.learning_rate=1e38";
    let outcome = world.run(command, "");
    assert_eq!(outcome.code, 1, "{}", outcome.messages);
    let line = outcome.messages.lines().last().unwrap();
    let step: usize =
        line.strip_prefix("error: step ").unwrap().split(':').next().unwrap().parse().unwrap();
    // At such a rate, every row is concerned, and none is named.
    assert!(line.contains(" is NaN for all ") && !line.contains(" (task `"), "{line}");
    assert!(line.contains("start a new run with a lower `training.learning_rate`"), "{line}");
    let warning = "warning: `training.learning_rate` is 1e38; prompts are usually trained with";
    assert!(outcome.messages.contains(warning), "{}", outcome.messages);
    let steps_done = step - 1;
    assert!(steps_done > 0, "{line}");
    let place = format!("run/checkpoints/step-{steps_done:08}");
    assert!(
        line.contains(&format!("was saved to `{place}`, but resuming from it will fail")),
        "{line}"
    );
    assert!(world.path(&place).join("checksums.json").is_file());
    let metrics = fs::read_to_string(world.path("run/metrics.jsonl")).unwrap();
    assert!(metrics.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    assert_eq!(metrics.matches("\"loss\"").count(), steps_done);
    // Resuming fails the same way, with the same message.
    let again = world.run(&format!("{command} --resume"), "");
    assert_eq!(again.code, 1);
    assert_eq!(again.messages.lines().last().unwrap(), line);
    assert_eq!(fs::read_to_string(world.path("run/metrics.jsonl")).unwrap(), metrics);
}
