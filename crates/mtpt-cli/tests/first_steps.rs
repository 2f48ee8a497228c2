//! The first commands of a new user.

use std::fs;

use serde_json::{Value, json};

use crate::world::{World, check_contains};

const TICKETS: &str = "id;body;Team\n1;day brought sun;Happy_Desk\n2;night brought rain;sad\n\
    3;one day, brought sun;Happy_Desk\n4;two night brought rain;sad\n5;day brought sun two;Happy_Desk\n\
    6;\"night; brought rain\";sad\n";

#[test]
fn overview_lists_all_commands() {
    let world = World::new();
    let text = world.text("");
    for part in ["mtpt init tickets.csv --model", "mtpt train", "mtpt predict", "completions"] {
        assert!(text.contains(part), "{text}");
    }
    // The overview and the help list the same commands.
    let all = world.text("--help");
    let listed = all.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let names = listed.lines().filter_map(|line| line.split_whitespace().next());
    let commands: Vec<&str> = names.filter(|&name| name != "help").collect();
    assert!(commands.len() >= 9, "{commands:?}");
    for command in commands {
        let help = world.text(&format!("{command} --help"));
        assert!(help.contains("Example"), "{command}: {help}");
        assert!(text.contains(help.lines().next().unwrap().trim_end_matches('.')), "{command}");
    }
}

#[test]
fn completions_contain_commands_and_options() {
    let world = World::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = world.text(&format!("completions {shell}"));
        assert!(script.contains("predict") && script.contains("num-beams"), "{shell}");
    }
}

#[test]
fn devices_are_listed_with_their_state() {
    let rows = World::new().rows("devices", "");
    let names: Vec<&str> = rows.iter().map(|row| row["device"].as_str().unwrap()).collect();
    assert_eq!(names, ["cuda", "metal", "rocm", "vulkan", "wgpu", "flex"]);
    assert_eq!(rows[5]["state"], "ready");
    assert_eq!(rows.iter().filter(|row| row["auto"] == true).count(), 1);
}

#[test]
fn init_writes_a_configuration_that_trains() {
    let world = World::new();
    world.write("tickets.csv", TICKETS);
    let rows = world.rows("init tickets.csv --model model --label Team", "");
    assert_eq!(
        rows[0],
        json!({ "config": "tickets.toml", "tasks": [{
            "task": "tickets", "format": "csv_semicolon", "kind": "class", "text": ["body"], "label": "Team",
            "train": 5, "dev": 1, "labels": { "Happy_Desk": 3, "sad": 3 }
        }] })
    );
    let config = fs::read_to_string(world.path("tickets.toml")).unwrap();
    for part in [
        "model = \"model\"",
        "strategy = \"separate\"",
        "# Maximum input length in tokens. The longest input has ",
        "Other columns: \"id\".",
        "template = \"team: {body}\"",
        "label_field = \"Team\"",
        "\"Happy_Desk\" = \"happy desk\"",
        "hold_out = 0.2",
    ] {
        assert!(config.contains(part), "`{part}` is not in {config}");
    }
    let trained =
        world.rows("train tickets.toml --set training.steps=2 --set training.batch_size=2", "");
    assert_eq!(trained[0]["prompts"], "runs/tickets/prompts.safetensors");
    let evaluated = world.rows(
        "eval --model model --prompts runs/tickets/prompts.safetensors --tasks tickets.toml",
        "",
    );
    assert_eq!(evaluated[0]["rows"], 1);
    let answers = world.rows(
        "predict --model model --prompts runs/tickets/prompts.safetensors",
        "{\"body\": \"day brought sun\"}\n",
    );
    let answer = (answers[0]["label"].as_str().unwrap(), answers[0]["word"].as_str());
    assert!([("Happy_Desk", Some("happy desk")), ("sad", None)].contains(&answer), "{answer:?}");
    // A file with the column of the template.
    let command =
        "predict --model model --prompts runs/tickets/prompts.safetensors --input tickets.csv";
    let rows = world.rows(command, "");
    assert_eq!(rows.len(), 6);
    assert_eq!(rows[0]["label"], answers[0]["label"]);
    for label in ["Happy_Desk", "sad"] {
        let [alone, among_six] =
            [&answers[0], &rows[0]].map(|answer| answer["scores"][label].as_f64().unwrap());
        // In a batch, a row is padded, and sums are computed in a different order.
        assert!((alone - among_six).abs() < 1e-4, "{alone} {among_six}");
    }
    // The same table in a pipe.
    let piped =
        world.rows("predict --model model --prompts runs/tickets/prompts.safetensors", TICKETS);
    let labels = |rows: &[Value]| rows.iter().map(|row| row["label"].clone()).collect::<Vec<_>>();
    assert_eq!(labels(&piped), labels(&rows));
    let long = format!("{{\"body\": \"{}\"}}\n", "day ".repeat(90));
    let outcome =
        world.run("predict --model model --prompts runs/tickets/prompts.safetensors", &long);
    assert!(
        outcome.messages.contains("warning: 1 input was truncated to 64 tokens"),
        "{}",
        outcome.messages
    );
}

#[test]
fn init_of_several_files_shares_a_prompt() {
    let world = World::new();
    world.write("tickets.csv", TICKETS);
    let command = "init tickets.csv mood.jsonl --model model --output both/run.toml";
    fs::create_dir(world.path("both")).unwrap();
    let outcome = world.run(command, "");
    assert_eq!(outcome.code, 0, "{}", outcome.messages);
    // The small tokenizer has no digits.
    let warning = "warning: task `mood`: the label words `0` and `1` have the same tokens; choose other label words";
    assert!(outcome.messages.contains(warning), "{}", outcome.messages);
    assert!(outcome.messages.contains("warning: the labels are numbers"), "{}", outcome.messages);
    let rows = outcome.rows;
    let names: Vec<_> =
        rows[0]["tasks"].as_array().unwrap().iter().map(|task| &task["task"]).collect();
    assert_eq!(names, [&json!("tickets"), &json!("mood")]);
    let config = fs::read_to_string(world.path("both/run.toml")).unwrap();
    assert!(config.contains("strategy = \"low_rank\""), "{config}");
    world.write("both/run.toml", &config.replace("\"0\" = \"0\"", "\"0\" = \"happy\""));
    // In another folder than its data, it contains absolute paths.
    world.rows(
        "train both/run.toml --output run --set training.steps=1 --set training.batch_size=2",
        "",
    );
}

#[test]
fn init_rejects_unusable_data_and_writes_nothing() {
    let world = World::new();
    let refused = |rows: &str, arguments: &str, parts: &[&str]| {
        world.write("rows.csv", rows);
        let outcome = world.run(&format!("init rows.csv --model model {arguments}"), "");
        assert_eq!(outcome.code, 1, "{}", outcome.messages);
        check_contains(&outcome.messages, parts);
        assert_eq!(outcome.messages.lines().count(), 1, "{}", outcome.messages);
        assert!(!world.path("rows.toml").exists());
    };
    refused("", "", &["rows.csv: expected rows, found none"]);
    refused("text,label\n", "", &["rows.csv: expected rows, found none"]);
    refused(
        "day brought,a\nnight brought,b\nday,a\nnight,b\n",
        "--label a",
        &["the first line must name the columns, but `a` is a label"],
    );
    refused("just text\n", "", &["rows.csv: expected a header"]);
    refused("[{\"text\": \"day\"}]", "", &["rows.csv: no column has few distinct values"]);
    refused("text,label\nday,a\nnight,\n", "", &["has only one value, `a`"]);
    refused("text,label\nday,a\nnight,a\n", "", &["only one value"]);
    refused("text,label\nday,a\nnight,A\n", "", &["are spellings of one label, `A`"]);
    refused("text,label\nday,a\nnight,b\n", "", &["gives 2 training and 0 validation rows"]);
    refused("text,label\nday,a\nnight,b\n", "--label lable", &["did you mean `label`?"]);
    refused("text,label\nday,a\nnight,b\n", "--text label", &["cannot be both text and label"]);
    world.write("tickets.csv", TICKETS);
    let outcome = world.run("init tickets.csv --model modle", "");
    assert!(outcome.messages.contains("did you mean `model`?"), "{}", outcome.messages);
    let outcome = world.run("init tickets.csv --model model --output run.toml", "");
    assert!(outcome.messages.contains("`run.toml` already exists"), "{}", outcome.messages);
    assert_eq!(outcome.code, 1);
    world.rows("init tickets.csv --model model --output run.toml --force", "");
    let outcome = world.run("init tickets.csv --model model --output tickets.csv --force", "");
    assert!(outcome.messages.contains("`tickets.csv` is an input file"), "{}", outcome.messages);
    assert_eq!(fs::read_to_string(world.path("tickets.csv")).unwrap(), TICKETS);
    let outcome = world.run("init tickets.csv tickets.csv --model model", "");
    let problem = "tickets.csv: the file is given twice; choose another label column for each";
    assert!(outcome.messages.contains(problem), "{}", outcome.messages);
    world.write("{dev}.v2.csv", &TICKETS.replace("body", "{body}"));
    let outcome = world.run("init tickets.csv mood.jsonl --dev tickets.csv --model model", "");
    assert!(
        outcome.messages.contains("`--dev` must be given once for each data file"),
        "{}",
        outcome.messages
    );
    let outcome = world.run("init {dev}.v2.csv --model model", "");
    assert!(outcome.messages.contains("cannot use the column `{body}`"), "{}", outcome.messages);
    world.write("few.csv", "text,label\na,x\nb,x\nc,x\nd,x\ne,y\n");
    let outcome = world.run("init few.csv --model model", "");
    let warning =
        "warning: these labels occur only once, so they cannot appear in both train and dev: `y`";
    assert!(outcome.messages.contains(warning), "{}", outcome.messages);
    world.write("tickets.v2.csv", &TICKETS.replace("Team", "{Team}"));
    let rows = world.rows("init tickets.v2.csv --model model", "");
    assert_eq!(rows[0]["config"], "tickets-v2.toml");
    let config = fs::read_to_string(world.path("tickets-v2.toml")).unwrap();
    assert!(config.contains("template = \"{{team}}: {body}\""), "{config}");
}
