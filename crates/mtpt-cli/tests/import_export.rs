//! Converting prompts from and to the formats of other programs.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::world::{World, check_contains};

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mtpt-infer/tests/fixtures");
    path.join(name).display().to_string()
}

const ROWS: &str = "{\"task\": \"mood\", \"input\": \"mood day\", \"target\": \"happy\"}\n\
                    {\"task\": \"sky/wet\", \"input\": \"wet day\", \"target\": \"dry\"}\n";

/// Returns the scores of two rows, with prompts in any format.
fn scores(world: &World, prompts: &str) -> Vec<Value> {
    world.rows(&format!("score --model model --prompts {prompts}"), ROWS)
}

/// Returns the message of a command that must fail.
#[track_caller]
fn failure(world: &World, arguments: &str) -> String {
    let outcome = world.run(arguments, "");
    assert_eq!(outcome.code, 1, "{}", outcome.messages);
    assert!(outcome.messages.starts_with("error: "), "{}", outcome.messages);
    assert_eq!(outcome.messages.lines().count(), 1, "{}", outcome.messages);
    outcome.messages
}

#[test]
fn prompts_survive_a_round_trip_through_peft() {
    let world = World::new();
    world.train();
    let export = "export --format peft --prompts run/prompts.safetensors --output";
    let reported = world.rows(&format!("{export} adapter"), "");
    let files = ["adapter_model.safetensors", "mtpt_tasks.json", "adapter_config.json"];
    let files: Vec<String> = files.iter().map(|name| format!("adapter/{name}")).collect();
    assert_eq!(
        reported,
        [json!({ "output": "adapter", "files": files, "tasks": ["mood", "sky/wet"] })]
    );
    let trained = scores(&world, "run/prompts.safetensors");
    assert_eq!(scores(&world, "adapter"), trained);
    let import = "import --format peft adapter --output new/back.safetensors";
    let reported = world.rows(import, "");
    let expected = json!({
        "prompts": "new/back.safetensors", "composition": { "strategy": "low_rank", "rank": 1 },
        "length": 4, "d_model": 16, "tasks": ["mood", "sky/wet"],
    });
    assert_eq!(reported, [expected]);
    // Names, templates, labels and parameters: the same bytes.
    let [first, back] = ["run/prompts.safetensors", "new/back.safetensors"]
        .map(|name| fs::read(world.path(name)).unwrap());
    assert!(first == back);
    // Renaming a task keeps its template and labels.
    world.rows(
        "import --format peft adapter --task feeling --task sky/rain --output named.safetensors",
        "",
    );
    let rows = "{\"task\": \"feeling\", \"text\": \"a day\"}\n";
    let mut renamed = world.rows("predict --model model --prompts named.safetensors", rows);
    assert_eq!(renamed[0]["task"], "feeling");
    renamed[0]["task"] = json!("mood");
    let rows = rows.replace("feeling", "mood");
    let predict = "predict --model model --prompts run/prompts.safetensors";
    assert_eq!(renamed, world.rows(predict, &rows));
    assert!(renamed[0]["label"].is_string(), "{renamed:?}");
    world.rows(&format!("{export} wet --task sky/wet"), "");
    let row = ROWS.lines().nth(1).unwrap();
    let alone = world.rows("score --model model --prompts wet --task sky/wet", row);
    // The second row is now the first line.
    assert_eq!(alone[0]["logprob"], trained[1]["logprob"]);
    assert_eq!(alone[0]["token_logprobs"], trained[1]["token_logprobs"]);
}

#[test]
fn imported_tasks_are_named_by_arguments() {
    let world = World::new();
    let import = format!("import --format npy {}", fixture("prompt_tuning/prompt.npy"));
    let reported = world.rows(&format!("{import} --task sky/wet --output a.safetensors"), "");
    assert_eq!(reported[0]["tasks"], json!(["sky/wet"]));
    assert_eq!(reported[0]["length"], 5);
    let adapter = fixture("peft/multitask_rank_1");
    let import = format!("import --format peft {adapter} --output b.safetensors");
    assert_eq!(world.rows(&import, "")[0]["tasks"], json!(["task0", "task1", "task2"]));
    let named = format!("{import} --force --task mood --task sky/wet --task a");
    world.rows(&named, "");
    assert_eq!(scores(&world, "b.safetensors").len(), 2);
    // A task file also provides templates and label words. It has two tasks for three prompts.
    let message = failure(&world, &format!("{import} --force --tasks run.toml"));
    assert!(
        message.contains("for 3 tasks, but 2 names were given; name each task once"),
        "{message}"
    );
    let export = "export --format npy --prompts b.safetensors --task sky/wet --output wet.npy";
    world.rows(export, "");
    let one = crate::world::CONFIG.split("[[tasks]]").nth(2).unwrap();
    world.write("one.toml", &format!("[[tasks]]{one}"));
    let import =
        "import --format npy wet.npy --tasks one.toml --model model --output c.safetensors";
    world.rows(import, "");
    let predict = "predict --model model --prompts c.safetensors";
    let answers = world.rows(predict, "{\"text\": \"day brought sun\"}\n");
    assert!(["dry", "soaked"].contains(&answers[0]["label"].as_str().unwrap()), "{answers:?}");
}

#[test]
fn existing_files_are_kept_without_force() {
    let world = World::new();
    world.train();
    let export = "export --format npy --prompts run/prompts.safetensors --task mood --output";
    world.write("mood.npy", "mine");
    let message = failure(&world, &format!("{export} mood.npy"));
    assert!(message.contains("`mood.npy` already exists"), "{message}");
    assert_eq!(fs::read(world.path("mood.npy")).unwrap(), b"mine");
    world.rows(&format!("{export} mood.npy --force"), "");
    let import = "import --format npy mood.npy --output";
    world.write("own.safetensors", "mine");
    let message = failure(&world, &format!("{import} own.safetensors"));
    assert!(message.contains("`own.safetensors` already exists"), "{message}");
    let message = failure(&world, &format!("{import} mood.npy --force"));
    assert!(message.contains("`mood.npy` is an input file"), "{message}");
    let prompts = "export --format npy --prompts mood.npy --output mood.npy --force";
    assert!(failure(&world, prompts).contains("is an input file"));
    // Export adds to a folder with other files, but doesn't overwrite an adapter.
    fs::create_dir(world.path("adapter")).unwrap();
    world.write("adapter/notes.txt", "mine");
    let export = "export --format peft --prompts run/prompts.safetensors --output adapter";
    world.rows(export, "");
    assert!(failure(&world, export).contains("`adapter/adapter_model.safetensors` already exists"));
    assert_eq!(fs::read(world.path("adapter/notes.txt")).unwrap(), b"mine");
}

#[test]
fn unsupported_conversions_suggest_alternatives() {
    let world = World::new();
    world.rows("train run.toml --output run --set composition.strategy=add", "");
    let export = "export --prompts run/prompts.safetensors --output out --format";
    let message = failure(&world, &format!("{export} peft"));
    let expected = "error: prompts of several tasks composed by `add` cannot be exported to an \
                    adapter of type `MULTITASK_PROMPT_TUNING`, which multiplies a shared prompt by \
                    low-rank factors; export one task at a time: `mood`, `sky/wet`; choose one with \
                    `--task NAME`\n";
    assert_eq!(message, expected);
    assert!(!world.path("out").exists());
    let message = failure(&world, &format!("{export} peft --task moood"));
    assert!(message.contains("unknown task `moood`") && message.contains("did you mean `mood`?"));
    assert_eq!(world.code(&format!("{export} onnx")), 2);
    // Added parts can be stored as arrays.
    world.rows(&format!("{export} npy"), "");
    assert_eq!(scores(&world, "out"), scores(&world, "run/prompts.safetensors"));
    fs::remove_file(world.path("out/mtpt_tasks.json")).unwrap();
    let message = failure(&world, "score --model model --prompts out");
    assert!(message.contains("`out` does not specify how its arrays are composed"), "{message}");
    assert!(message.contains("`mtpt import --format npy --strategy`"), "{message}");
    let import = "import out --output a.safetensors --format";
    world.rows(&format!("{import} npy --strategy add --task mood --task sky/wet"), "");
    assert_eq!(scores(&world, "a.safetensors"), scores(&world, "run/prompts.safetensors"));
    let message = failure(&world, &format!("{import} peft --strategy add --force"));
    assert!(message.contains("`--strategy` applies only to a folder"), "{message}");
}

#[test]
fn invalid_inputs_are_named() {
    let world = World::new();
    let check = |arguments: &str, parts: &[&str]| {
        let message = failure(&world, &format!("import --output a.safetensors {arguments}"));
        check_contains(&message, parts);
        assert!(!world.path("a.safetensors").exists());
    };
    check(
        "--format peft model",
        &["`model` contains no prompts, but a model: pass it as `--model`"],
    );
    check(
        "--format peft run.toml",
        &["`run.toml/adapter_config.json`", "a file has the name of a required folder"],
    );
    check(
        "--format npy run.toml",
        &["`run.toml` is not a `.npy` file: found text that starts with `model"],
    );
    check(
        "--format npy model",
        &["`model` contains no prompts, but a model: pass it as `--model`"],
    );
    check("--format npy nowhere.npy", &["cannot read `nowhere.npy`"]);
    let npy = format!("--format npy {}", fixture("prompt_tuning/prompt.npy"));
    check(&format!("{npy} --task Mood"), &["task name", "`Mood`"]);
    check(&format!("{npy} --model nowhere"), &["no model at `nowhere`"]);
    let nano = fixture("../../../../examples/models/mtpt-nano");
    let width = "the prompts have width 16, the model has `d_model` 192";
    check(&format!("{npy} --model {nano}"), &[width]);
}
