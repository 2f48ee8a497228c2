//! The output of `mtpt inspect`.

use std::fs;

use serde_json::{Value, json};

use crate::world::World;

fn inspect(world: &World, arguments: &str) -> Value {
    let mut rows = world.rows(&format!("inspect {arguments} --json"), "");
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

#[test]
fn configuration_shows_rows_labels_and_lengths() {
    let world = World::new();
    let found = inspect(&world, "run.toml");
    assert_eq!((&found["kind"], &found["model"]), (&json!("run_configuration"), &json!("model")));
    let mood = &found["tasks"][0];
    assert_eq!((&mood["task"], &mood["metrics"]), (&json!("mood"), &json!(["accuracy"])));
    let train = &mood["splits"][0];
    assert_eq!((&train["split"], &train["rows"]), (&json!("train"), &json!(8)));
    assert_eq!(train["labels"], json!({ "happy": 4, "sad": 4 }));
    // `mood day brought sun` and the end of sentence; `happy` and the end of sentence.
    let tokens = &train["input_tokens"];
    assert_eq!(
        (&tokens["mean"], &tokens["median"], &tokens["longest"]),
        (&json!(5.0), &json!(5), &json!(5))
    );
    assert_eq!((&tokens["cut_at"], &tokens["cut"]), (&json!(256), &json!(0)));
    assert_eq!(train["target_tokens"]["longest"], 2);
    assert_eq!(found["tasks"][1]["splits"][0]["labels"], json!({ "dry": 2, "soaked": 1 }));

    world.write(
        "short.toml",
        &fs::read_to_string(world.path("run.toml"))
            .unwrap()
            .replace("steps = 6,", "steps = 6, max_input_length = 4,"),
    );
    let text = world.text("inspect short.toml");
    assert!(
        text.starts_with("short.toml: a run on `model` with 2 tasks\nmood  json_lines"),
        "{text}"
    );
    assert!(text.contains("  train  8 rows: happy 4 (50.0 %), sad 4 (50.0 %)\n"), "{text}");
    assert!(text.contains("maximum 5; truncated to 4: 8 (100.0 %)"), "{text}");
    assert!(text.contains("\nsky/\n  wet  tsv"), "{text}");
}

#[test]
fn task_file_shows_lengths_with_a_model() {
    let world = World::new();
    world.write(
        "tasks.toml",
        "[[tasks]]\nname = \"score\"\nformat = \"json_lines\"\ntest = \"scores.jsonl\"\ntemplate = \"{text}\"\nlabels = \"regression\"\n\
         [[tasks]]\nname = \"free\"\nformat = \"json_lines\"\ntest = \"scores.jsonl\"\ntemplate = \"{text}\"\nlabel_field = \"text\"\nlabels = \"text\"\n",
    );
    world.write(
        "scores.jsonl",
        "{\"text\": \"sun\", \"label\": 1.5}\n{\"text\": \"day sun\", \"label\": 4}\n",
    );
    let found = inspect(&world, "tasks.toml");
    assert_eq!((&found["kind"], found.get("tokenizer")), (&json!("tasks"), None));
    let test = &found["tasks"][0]["splits"][0];
    assert_eq!(test["scores"], json!({ "lowest": 1.5, "mean": 2.75, "highest": 4.0 }));
    assert_eq!((test.get("labels"), test.get("input_tokens")), (None, None));
    let found = inspect(&world, "tasks.toml --model model");
    let free = &found["tasks"][1]["splits"][0];
    assert_eq!(
        (&free["input_tokens"]["mean"], &free["target_tokens"]["longest"]),
        (&json!(2.5), &json!(3))
    );
    assert_eq!(free["input_tokens"].get("cut_at"), None);
    let failure = world.run("inspect tasks.toml --model nowhere", "");
    assert_eq!(failure.code, 1);
    // The model of a configuration may be missing.
    let run = fs::read_to_string(world.path("run.toml")).unwrap();
    world.write("away.toml", &run.replace("model = \"model\"", "model = \"away\""));
    let outcome = world.run("inspect away.toml --json", "");
    assert!(
        outcome.code == 0 && outcome.messages.contains("tokens are not counted"),
        "{}",
        outcome.messages
    );
    assert_eq!(outcome.rows[0]["tasks"][0]["splits"][0].get("input_tokens"), None);
}

#[test]
fn streamed_task_is_described_like_any_other() {
    let world = World::new();
    let rows = |row: usize| {
        let (text, label) = [("sun", "0"), ("day sun", "1")][row % 2];
        format!("{{\"text\": \"{text}\", \"label\": \"{label}\"}}\n")
    };
    world.write("many.jsonl", &(0..40).map(rows).collect::<String>());
    let tasks = "[[tasks]]\nname = \"many\"\nformat = \"json_lines\"\ntrain = \"many.jsonl\"\n\
                 template = \"{text}\"\nlabels = { \"0\" = \"happy\", \"1\" = \"sad\" }\nhold_out = 0.25\n";
    world.write("tasks.toml", tasks);
    world.write("streamed.toml", &format!("{tasks}stream = true\n"));
    let [whole, streamed] = ["tasks.toml", "streamed.toml"]
        .map(|file| inspect(&world, &format!("{file} --model model"))["tasks"][0].clone());
    assert_eq!(streamed, whole);
    let [train, dev] = [0, 1].map(|split| &streamed["splits"][split]);
    assert_eq!((&train["rows"], &dev["rows"]), (&json!(30), &json!(10)));
    assert_eq!(train["labels"], json!({ "happy": 15, "sad": 15 }));
    assert_eq!(train["input_tokens"]["mean"], 2.5);
    // A malformed row is still an error.
    world.write("many.jsonl", &format!("{}{{}}\n", rows(0)));
    let failure = world.run("inspect streamed.toml", "");
    assert!(failure.code == 1 && failure.messages.contains("many.jsonl:2"), "{}", failure.messages);
}

#[test]
fn prompt_file_and_run_are_described() {
    let world = World::new();
    world.train();
    let found = inspect(&world, "run/prompts.safetensors");
    assert_eq!((&found["kind"], &found["model"]), (&json!("prompts"), &json!("model")));
    assert_eq!((&found["length"], &found["d_model"]), (&json!(4), &json!(16)));
    assert_eq!(found["composition"], json!({ "strategy": "low_rank", "rank": 1 }));
    assert_eq!(found["tasks"][1]["name"], "sky/wet");
    // A shared prompt of 4 x 16, and 4 + 16 parameters for each of two tasks.
    assert_eq!((&found["parameters"], &found["shared_parameters"]), (&json!(104), &json!(64)));
    assert_eq!(found["task_parameters"], 40);
    assert_eq!(
        found["tensors"][0],
        json!({ "name": "shared", "dtype": "F32", "shape": [4, 16], "parameters": 64 })
    );
    assert_eq!(found["not_finite"], json!([]));

    let run = inspect(&world, "run");
    assert_eq!(
        (&run["kind"], &run["steps"], &run["steps_done"]),
        (&json!("run"), &json!(6), &json!(6))
    );
    assert_eq!(run["tasks"], json!(["mood", "sky/wet"]));
    assert_eq!(run["prompts"]["parameters"], 104);
    assert!(run["loss"].as_f64().unwrap() > 0.0);
    assert!(run["checkpoints"].as_array().unwrap().contains(&json!("step-00000006")));
    let figure = &run["figures"][0];
    assert_eq!(
        (&figure["task"], &figure["metric"], &figure["last"]["step"]),
        (&json!("mood"), &json!("accuracy"), &json!(6))
    );
    let text = world.text("inspect run");
    assert!(text.starts_with("run: a run on `model`, 6 of 6 steps\n"), "{text}");
    assert!(text.contains("parameters   104 (64 shared, 40 task-specific)\n"), "{text}");
}

#[test]
fn prompts_of_other_programs_are_described() {
    let world = World::new();
    world.train();
    let export = "export --prompts run/prompts.safetensors";
    world.rows(&format!("{export} --format npy --task mood --output mood.npy"), "");
    let array = inspect(&world, "mood.npy");
    assert_eq!((&array["kind"], &array["parameters"]), (&json!("arrays"), &json!(64)));
    world.rows(&format!("{export} --format peft --output adapter"), "");
    let adapter = inspect(&world, "adapter");
    assert_eq!((&adapter["kind"], &adapter["parameters"]), (&json!("adapter"), &json!(104)));
    assert_eq!(adapter["peft_type"], "MULTITASK_PROMPT_TUNING");
    assert_eq!(
        (&adapter["shared_parameters"], &adapter["task_parameters"]),
        (&json!(64), &json!(40))
    );
    assert!(
        world
            .text("inspect adapter")
            .starts_with("adapter: PEFT adapter (`MULTITASK_PROMPT_TUNING`) for 2 tasks\n")
    );
}

#[test]
fn non_finite_values_are_located() {
    let world = World::new();
    world.train();
    let path = world.path("run/prompts.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    // Tensors follow the header in alphabetical order: the shared prompt comes first.
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let text = String::from_utf8(bytes[8..8 + header].to_vec()).unwrap();
    let entries: Value = serde_json::from_str(&text).unwrap();
    let start = entries["shared"]["data_offsets"][0].as_u64().unwrap() as usize + 8 + header;
    for (index, value) in [(2 * 16 + 3, f32::NAN), (16, f32::NEG_INFINITY)] {
        bytes[start + 4 * index..start + 4 * index + 4].copy_from_slice(&value.to_le_bytes());
    }
    fs::write(&path, bytes).unwrap();
    let found = inspect(&world, "run/prompts.safetensors");
    assert_eq!(
        found["not_finite"],
        json!([
            { "tensor": "shared", "place": [1, 0], "value": "-inf" },
            { "tensor": "shared", "place": [2, 3], "value": "NaN" }
        ])
    );
    let text = world.text("inspect run/prompts.safetensors");
    assert!(text.contains("NOT FINITE   shared [2, 3] is NaN\n"), "{text}");
}

#[test]
fn models_tensors_and_data_files_are_described() {
    let world = World::new();
    let model = inspect(&world, "model");
    assert_eq!((&model["kind"], &model["config"]["d_model"]), (&json!("model"), &json!(16)));
    assert_eq!(model["tokenizer_size"], 95);
    let tensors = inspect(&world, "model/model.safetensors");
    assert_eq!(tensors["kind"], "tensors");
    let sum: u64 = tensors["tensors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tensor| tensor["parameters"].as_u64().unwrap())
        .sum();
    assert_eq!(tensors["parameters"], sum);
    assert_eq!(tensors["parameters"], model["parameters"]);
    let rows = inspect(&world, "mood.jsonl");
    assert_eq!(
        (&rows["kind"], &rows["format"], &rows["rows"]),
        (&json!("rows"), &json!("json_lines"), &json!(8))
    );
    assert_eq!(rows["fields"][0]["name"], "text");
    let table = inspect(&world, "wet.tsv");
    assert_eq!((&table["format"], &table["rows"]), (&json!("tsv"), &json!(3)));
}

#[test]
fn unreadable_files_are_errors() {
    let world = World::new();
    fs::create_dir(world.path("empty")).unwrap();
    world.write("cut.safetensors", "short");
    world.write("odd.safetensors", &format!("{}{{}}", "\u{1}".repeat(8)));
    world.write("text.txt", "just a line");
    for (path, expected) in [
        ("empty", "`empty`"),
        ("nothing.toml", "cannot read `nothing.toml`"),
        ("cut.safetensors", "`cut.safetensors` is not a safetensors file"),
        ("odd.safetensors", "`odd.safetensors` is truncated or damaged: expected"),
        ("text.txt", "expected a header with names"),
    ] {
        let outcome = world.run(&format!("inspect {path}"), "");
        assert_eq!((outcome.code, outcome.rows.len()), (1, 0));
        assert!(outcome.messages.contains(expected), "{path}: {}", outcome.messages);
    }
}
