use std::fs;

use serde_json::Value;

use crate::world::World;

/// Sets a value of a token's embedding to NaN or infinity, in the model file.
fn poison(world: &World, token: usize, value: f32) {
    let path = world.path("model/model.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let tensors: Value = serde_json::from_slice(&bytes[8..8 + header]).unwrap();
    let shared = &tensors["shared.weight"];
    assert_eq!(shared["dtype"], "F32");
    let width = shared["shape"][1].as_u64().unwrap() as usize;
    let begin = 8 + header + shared["data_offsets"][0].as_u64().unwrap() as usize;
    let row = begin + 4 * width * token;
    bytes[row..row + 4].copy_from_slice(&value.to_le_bytes());
    fs::write(path, bytes).unwrap();
}

#[test]
fn rows_that_cause_nan_are_named() {
    for value in [f32::NAN, f32::INFINITY] {
        let world = World::new();
        // The word `two` has the id 14. It occurs in one training row only.
        poison(&world, 14, value);
        let mut rows = fs::read_to_string(world.path("mood.jsonl")).unwrap();
        world.write("mood.dev.jsonl", &rows);
        rows.push_str("{\"text\": \"day two brought sun\", \"label\": \"0\"}\n");
        world.write("mood.jsonl", &rows);
        let config = fs::read_to_string(world.path("run.toml")).unwrap();
        let dev = config.replace("dev = \"mood.jsonl\"", "dev = \"mood.dev.jsonl\"");
        // Prompts initialized from the vocabulary could contain that embedding.
        let random = "length = 4, initializer = { kind = \"random_uniform\" }";
        world.write("run.toml", &dev.replace("length = 4", random));
        let command =
            "train run.toml --output run --set training.steps=50 --set evaluation.every=1";
        let outcome = world.run(command, "");
        assert_eq!(outcome.code, 1, "{}", outcome.messages);
        let line = outcome.messages.lines().last().unwrap();
        let step: usize =
            line.strip_prefix("error: step ").unwrap().split(':').next().unwrap().parse().unwrap();
        assert!(line.contains(": the loss is NaN, from mood.jsonl:9 (task `mood`); "), "{line}");
        let steps_done = step - 1;
        if steps_done > 0 {
            let place = format!("run/checkpoints/step-{steps_done:08}");
            assert!(
                line.contains(&format!("was saved to `{place}`, but resuming from it will fail")),
                "{line}"
            );
            assert!(world.path(&place).join("checksums.json").is_file());
            assert!(world.path("run/prompts.safetensors").is_file());
        }
        let metrics = fs::read_to_string(world.path("run/metrics.jsonl")).unwrap();
        assert!(metrics.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
        assert_eq!(metrics.matches("\"loss\"").count(), steps_done);
        // Resuming fails the same way, with the same message.
        let again = world.run(&format!("{command} --resume"), "");
        assert_eq!(again.code, 1);
        assert_eq!(again.messages.lines().last().unwrap(), line);
        assert_eq!(fs::read_to_string(world.path("run/metrics.jsonl")).unwrap(), metrics);
    }
}
