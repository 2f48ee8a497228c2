use std::fs;

use crate::world::{CONFIG, World, check_contains};

/// Runs a command that must fail with one line that contains all parts.
#[track_caller]
fn check(world: &World, arguments: &str, input: &str, parts: &[&str]) -> Vec<serde_json::Value> {
    let outcome = world.run(arguments, input);
    assert_eq!(outcome.code, 1, "{}", outcome.messages);
    let line = outcome.messages.lines().last().unwrap_or_default();
    assert!(line.starts_with("error: "), "{}", outcome.messages);
    assert!(!outcome.messages.contains("panicked"), "{}", outcome.messages);
    check_contains(line, parts);
    outcome.rows
}

#[test]
fn wrong_usage_exits_with_2() {
    let world = World::new();
    for arguments in [
        "trane",
        "score",
        "init tickets.csv",
        "completions tcsh",
        "score --model model --task mood",
        "eval --model model",
    ] {
        assert_eq!(world.code(arguments), 2, "mtpt {arguments}");
    }
    assert_eq!(world.code("generate --model model --num-beams 2 --top-k 3"), 2);
    assert_eq!(world.code("score --model model --batch-size 0"), 2);
    assert_eq!(world.code("--help"), 0);
}

#[test]
fn missing_files_are_named() {
    let world = World::new();
    check(&world, "score --model nowhere", "", &["nowhere"]);
    check(&world, "train nowhere.toml", "", &["cannot read `nowhere.toml`", "No such file"]);
    let prompts = "predict --model model --prompts nowhere.safetensors";
    check(&world, prompts, "", &["cannot read `nowhere.safetensors`"]);
    check(&world, "score --model model --device gpu", "", &["unknown device `gpu`", "`flex`"]);
    fs::remove_file(world.path("model/model.safetensors")).unwrap();
    check(&world, "score --model model", "", &["model"]);
}

#[test]
fn rows_before_a_bad_row_are_processed() {
    let world = World::new();
    let good = "{\"input\": \"one\", \"target\": \"two\"}\n";
    let cases = [
        ("{\"input\": \"one\"", ":3: expected a complete JSON object"),
        ("[1]", ":3: expected a JSON object, found an array"),
        ("{\"input\": \"one\"}", ":3: expected `target` or `target_ids`, found neither"),
        ("{\"input\": 3, \"target\": \"two\"}", ":3: `input` must be a string, found 3"),
        (
            "{\"input_ids\": [5, 96], \"target\": \"two\"}",
            ":3: token 96 of `input_ids` is not in the model's vocabulary of 96",
        ),
        (
            "{\"input_ids\": [-1], \"target\": \"two\"}",
            ":3: `input_ids` must be a list of token ids",
        ),
        ("{\"input_ids\": [], \"target\": \"two\"}", ":3: `input_ids` has no tokens"),
        (
            "{\"input\": \"one\", \"input_ids\": [2], \"target\": \"two\"}",
            ":3: expected `input` or `input_ids`, found both",
        ),
        (
            "{\"input\": \"one\", \"target\": \"two\", \"task\": \"mood\"}",
            ":3: the row has the task `mood`, but there are no prompts",
        ),
    ];
    for (bad, expected) in cases {
        let input = format!("{good}{good}{bad}\n{good}");
        let rows = check(&world, "score --model model", &input, &[expected]);
        assert_eq!(rows.len(), 2, "{bad}");
    }
}

#[test]
fn unknown_tasks_list_known_tasks() {
    let world = World::new();
    world.train();
    let command = "predict --model model --prompts run/prompts.safetensors";
    let known = ["unknown task `mod`", "`mood`, `sky/wet`"];
    check(&world, &format!("{command} --task mod"), "", &known);
    let row = "{\"input\": \"day\", \"task\": \"mod\"}\n";
    check(&world, command, row, &[":1: ", known[0], known[1]]);
    check(
        &world,
        command,
        "{\"input\": \"day\"}\n",
        &[":1: no task given: add a `task` field to the row, or pass `--task`"],
    );
    check(&world, command, "{\"task\": \"mood\"}\n", &[":1: ", "`mood {text}`", "found no `text`"]);
    world.write("other.toml", &CONFIG.replace("\"mood\"", "\"weather\""));
    let eval = "eval --model model --prompts run/prompts.safetensors --tasks";
    check(&world, &format!("{eval} other.toml"), "", &["other.toml", "`weather`", "`sky/wet`"]);
    check(
        &world,
        &format!("{eval} run.toml --split test"),
        "",
        &["no task in `run.toml` has a `test` split"],
    );
}

#[test]
fn data_errors_name_file_and_line() {
    let world = World::new();
    world.write("wet.tsv", "text\tlabel\nday brought sun\tdry\nnight brought rain\n");
    check(&world, "train run.toml --output run", "", &["wet.tsv:3", "sky/wet", "2", "1"]);
    assert!(!world.path("run").exists(), "nothing is written");
    let world = World::new();
    world.write("mood.jsonl", "{\"text\": \"day\", \"label\": \"2\"}\n");
    check(&world, "train run.toml --output run", "", &["mood.jsonl:1", "mood", "`2`", "`0`, `1`"]);
    let world = World::new();
    world.write("run.toml", &CONFIG.replace("\"wet.tsv\"", "\"snow.tsv\""));
    check(&world, "train run.toml --output run", "", &["snow.tsv"]);
}

#[test]
fn configuration_errors_name_the_line_or_setting() {
    let world = World::new();
    let train = "train run.toml --output run";
    check(
        &world,
        &format!("{train} --set training.step=3"),
        "",
        &["`--set training.step=3`: unknown field `step`", "did you mean `steps`?"],
    );
    check(&world, &format!("{train} --set steps"), "", &["`--set steps`: expected KEY=VALUE"]);
    let composition = "--set composition.strategy=low_rank --set composition.rank=9";
    check(&world, &format!("{train} {composition}"), "", &["`rank`", "1 and 4, found 9"]);
    world.write("run.toml", &CONFIG.replace("sky/wet", "mood"));
    check(&world, train, "", &["run.toml", "mood"]);
    world.write("run.toml", "model = ");
    check(&world, train, "", &["`run.toml`, line 1"]);
    assert!(!world.path("run").exists(), "nothing is written");
}

#[test]
fn model_errors_name_the_file() {
    let world = World::new();
    let path = world.path("model/model.safetensors");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 100]).unwrap();
    check(&world, "score --model model", "", &["model.safetensors"]);
    fs::write(&path, bytes).unwrap();
    let config = fs::read_to_string(world.path("model/config.json")).unwrap();
    world.write("model/config.json", &config.replace("\"gated-gelu\"", "\"gated-magic\""));
    check(&world, "score --model model", "", &["config.json", "gated-magic"]);
}

#[test]
fn prompts_of_another_width_are_rejected() {
    let world = World::new();
    world.train();
    let wide = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../mtpt-t5/tests/fixtures")
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|folder| {
            fs::read_to_string(folder.join("config.json")).is_ok_and(|config| {
                config.contains("\"d_model\": ") && !config.contains("\"d_model\": 16,")
            }) && folder.join("model.safetensors").exists()
        });
    let Some(wide) = wide else { panic!("a fixture of another width") };
    for name in ["config.json", "model.safetensors"] {
        fs::copy(wide.join(name), world.path("model").join(name)).unwrap();
    }
    let command = "score --model model --prompts run/prompts.safetensors --task mood";
    check(&world, command, "", &["the prompts have width 16", "`d_model`"]);
}

#[test]
fn mistyped_names_get_suggestions() {
    let world = World::new();
    let outcome = world.run("trian run.toml", "");
    assert_eq!(outcome.code, 2);
    assert!(outcome.messages.contains("'train'"), "{}", outcome.messages);
    check(&world, "score --model modle", "", &["no model at `modle`", "; did you mean `model`?"]);
    check(&world, "score --model run.toml", "", &["no model at `run.toml`", "; it is a file"]);
    check(&world, "train rnu.toml", "", &["cannot read `rnu.toml`", "; did you mean `run.toml`?"]);
    check(&world, "score --model model --device flax", "", &["; did you mean `flex`?"]);
    check(&world, "train run.toml --set training.stpes=3", "", &["; did you mean `steps`?"]);
    let strategy = "train run.toml --set composition.strategy=lowrank";
    check(&world, strategy, "", &["; did you mean `low_rank`?"]);
    world.write("typo.toml", &CONFIG.replace("\"mood.jsonl\"", "\"mod.jsonl\""));
    check(&world, "train typo.toml", "", &["mod.jsonl", "; did you mean `mood.jsonl`?"]);
    world.train();
    let predict = "predict --model model --prompts run/prompts.safetensors --task moood";
    check(&world, predict, "", &["unknown task `moood`", "; did you mean `mood`?"]);
}

#[test]
fn wrong_model_folders_get_suggestions() {
    let world = World::new();
    fs::create_dir_all(world.path("cache/snapshots/12ab")).unwrap();
    check(&world, "score --model cache", "", &["`cache`", "`config.json`", "choose the folder"]);
    let config = fs::read_to_string(world.path("model/config.json")).unwrap();
    world.write("cache/snapshots/12ab/config.json", &config);
    check(&world, "score --model cache", "", &["there is a model in `cache/snapshots/12ab`"]);
    fs::create_dir(world.path("bert")).unwrap();
    world.write("bert/config.json", "{\"model_type\": \"bert\", \"hidden_size\": 384}");
    check(&world, "score --model bert", "", &["`bert/config.json`", "must be `t5`", "`bert`"]);
}

#[test]
fn missing_features_are_named() {
    let world = World::new();
    // Tests are built for the CPU, but the workspace may have been built with a GPU feature.
    let devices = world.rows("devices", "");
    let Some(missing) = devices.iter().find(|row| row["state"] == "not built in") else { return };
    let name = missing["device"].as_str().unwrap();
    let how = format!("build with `--features {name}`");
    assert_eq!(missing["help"], how);
    check(&world, &format!("score --model model --device {name}"), "", &["is not built in", &how]);
}

#[test]
fn rows_in_another_format_are_rejected() {
    let world = World::new();
    let tickets = CONFIG.replace("\"tsv\"", "\"csv\"").replace("wet.tsv", "wet.csv");
    world.write("run.toml", &tickets);
    for (rows, parts) in [
        ("text;label\nday;dry\n", ["wet.csv:1", "`;`", "`format = \"csv_semicolon\"`"].as_slice()),
        ("text,label\nday,Dry\n", &["wet.csv:2", "found `Dry`; did you mean `dry`?"]),
        ("", &["wet.csv: expected a header line, found an empty file"]),
        ("text,label\n", &["wet.csv: expected rows, found none"]),
        (
            "text,label\n\"day,dry\nnight,soaked\n",
            &["wet.csv:2: a quote that opens in this line is never closed"],
        ),
    ] {
        world.write("wet.csv", rows);
        check(&world, "train run.toml --output run", "", parts);
    }
    let dev = tickets.replace("dev = \"wet.csv\"", "dev = \"dev.csv\"");
    world.write("run.toml", &dev.replace("[\"dry\", \"soaked\"]", "\"verbatim\""));
    world.write("wet.csv", "text,label\nday,dry\nnight,wet\n");
    world.write("dev.csv", "text,label\nday,dry\nnight,soaked\n");
    let parts =
        ["dev.csv:3", "does not occur in `wet.csv`", "`soaked`", "list all labels in `labels`"];
    check(&world, "train run.toml --output run", "", &parts);
    world.write("wet.csv", "text,label\nday,dry\nnight,Dry\n");
    check(
        &world,
        "train run.toml --output run",
        "",
        &["wet.csv:3", "`dry` and `Dry` differ only in"],
    );
    assert!(!world.path("run").exists(), "nothing is written");
}

/// Not even an administrator, to whom permissions do not apply, can create folders in `/sys`.
#[cfg(target_os = "linux")]
#[test]
fn unwritable_output_fails_before_training() {
    let world = World::new();
    let parts = ["cannot create `/sys/mtpt`", "choose a writable location with `--output`"];
    check(&world, "train run.toml --output /sys/mtpt", "", &parts);
    let parts = ["a file has the name of a required folder", "`--output`"];
    check(&world, "train run.toml --output run.toml/runs", "", &parts);
}

#[test]
fn runs_overwrite_neither_models_nor_their_configuration() {
    let world = World::new();
    let parts = ["`model` contains a model, which the run would overwrite", "`--output`"];
    check(&world, "train run.toml --output model", "", &parts);
    world.write("config.toml", CONFIG);
    check(&world, "train config.toml --output .", "", &["`.` contains the configuration itself"]);
    assert_eq!(fs::read_to_string(world.path("config.toml")).unwrap(), CONFIG);
}

#[test]
fn truncated_inputs_are_reported() {
    let world = World::new();
    let train = |length: usize| {
        let set = format!("--output run-{length} --set training.max_input_length={length}");
        let outcome = world.run(&format!("train run.toml {set}"), "");
        assert_eq!(outcome.code, 0, "{}", outcome.messages);
        outcome.messages
    };
    let messages = train(3);
    let note = "note: 11 of 11 training inputs are longer than 3 tokens \
                (`training.max_input_length`) and are truncated\n";
    assert!(messages.contains(note), "{messages}");
    // No input is longer than the longest one.
    let length = (4..20).find(|&length| !train(length).contains("are truncated")).unwrap();
    let inspected = world.run(&format!("inspect run-{length}/config.toml --json"), "");
    let tasks = inspected.rows[0]["tasks"].as_array().unwrap().iter();
    let splits = tasks.flat_map(|task| task["splits"].as_array().unwrap());
    let longest = splits.map(|split| split["input_tokens"]["longest"].as_u64());
    assert_eq!(longest.max().unwrap(), Some(length as u64), "{:?}", inspected.rows);
}

#[cfg(unix)]
#[test]
fn closed_pipe_is_not_a_failure() {
    let world = World::new();
    for command in ["mtpt", "mtpt --help", "mtpt completions zsh", "mtpt devices"] {
        let (code, messages) = world.shell(&format!("{command} | head -c 1 >/dev/null"));
        assert_eq!((code, messages.as_str()), (0, ""), "{command}");
        // `head` may be faster than the writer. Here nobody reads at all.
        let (code, messages) = world.shell(&format!("{command} > >(exec true)"));
        assert_eq!((code, messages.as_str()), (0, ""), "{command}");
    }
    let rows = "for row in $(seq 300); do echo '{\"input\": \"one\", \"target\": \"two\"}'; done";
    let command = "mtpt score --model model --batch-size 1";
    let (code, messages) =
        world.shell(&format!("{{ {rows}; }} 2>/dev/null | {command} | head -n 1 >/dev/null"));
    assert_eq!((code, messages.as_str()), (0, ""));
}

#[test]
fn composition_errors_name_the_configuration() {
    let world = World::new();
    let outcome = world.run("train run.toml --set composition.strategy=low_rank --set composition.rank=99 --output other", "");
    assert_eq!(outcome.code, 1);
    assert_eq!(outcome.messages, "error: `run.toml`: `rank` must be between 1 and 4, found 99\n");
    assert!(!world.path("other").exists());
}
