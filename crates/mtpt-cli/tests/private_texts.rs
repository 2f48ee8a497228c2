//! Texts of rows are in answers and results, but not in messages and logs.

use std::fs;
use std::path::Path;

use crate::world::World;

/// A word of the texts, after more characters than are quoted of a value.
const SECRET: &str = "zanzibar";

fn text() -> String {
    format!("{}{SECRET}", "day brought sun ".repeat(5))
}

/// Returns all files below a folder that contain the secret.
fn files_with_secret(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<String> = entries
        .flat_map(|path| match path.is_dir() {
            true => files_with_secret(&path),
            false => {
                let bytes = fs::read(&path).unwrap();
                let has_secret = bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes());
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                if has_secret { vec![name] } else { Vec::new() }
            }
        })
        .collect();
    found.sort();
    found
}

#[track_caller]
fn check(world: &World, arguments: &str) {
    let (_, _, messages) = world.output(arguments);
    assert!(!messages.contains("panicked"), "mtpt {arguments}: {messages}");
    assert!(!messages.contains(SECRET), "mtpt {arguments}: {messages}");
}

#[test]
fn texts_are_not_in_messages_and_logs_of_runs() {
    let world = World::new();
    let rows: String = (0..8)
        .map(|row| format!("{{\"text\": \"{}\", \"label\": \"{}\"}}\n", text(), row % 2))
        .collect();
    world.write("mood.jsonl", &rows);
    check(&world, "init mood.jsonl --model model --output new.toml");
    check(&world, "inspect run.toml --model model");
    check(&world, "train run.toml --output run");
    check(&world, "eval --tasks run.toml --prompts run --format table");
    check(&world, "inspect run");
    check(&world, "predict --prompts run --task mood --input mood.jsonl --output answers.csv");
    // The results of a run have some rows, unless they are not wanted.
    assert_eq!(files_with_secret(&world.path("run")), ["evaluation.json"]);
    check(&world, "train run.toml --output other --set evaluation.texts=false");
    assert_eq!(files_with_secret(&world.path("other")), [""; 0]);
}

#[test]
fn texts_are_not_in_errors() {
    let world = World::new();
    world.rows("train run.toml --output run", "");
    let text = text();
    let rows = [
        format!("{{\"input\": [\"{text}\"], \"target\": \"one\"}}"),
        format!("{{\"input\": {{\"a\": \"{text}\"}}, \"target\": \"one\"}}"),
        format!("{{\"input\": \"one\", \"input_ids\": \"{text}\", \"target\": \"two\"}}"),
        format!("{{\"input_ids\": \"{text}\"}}"),
        format!("{{\"text\": \"{text}\", \"task\": \"{text}\"}}"),
        format!("{{\"input\": \"one\", \"target\": \"one\", \"{text}\": 1}}"),
        format!("{{\"input\": {}", text.replace(' ', "")),
        format!("{{\"input\": \"{text}"),
        text.clone(),
        format!("[\"{text}\"]"),
    ];
    for row in rows {
        world.write("rows.jsonl", &format!("{row}\n"));
        check(&world, "score --model model --input rows.jsonl");
        check(&world, "generate --model model --input rows.jsonl");
        check(&world, "predict --prompts run --input rows.jsonl");
        check(&world, "predict --prompts run --input rows.jsonl --on-error skip --output x.jsonl");
        check(&world, "inspect rows.jsonl");
        check(&world, "init rows.jsonl --model model");
    }
    // Labels, and tables without a header or with an open quote.
    let config = fs::read_to_string(world.path("run.toml")).unwrap();
    for (name, table) in [
        ("wet.tsv", format!("text\tlabel\nday\t{text}\n")),
        ("wet.tsv", format!("{text}\t{text}\n{text}\tdry\n")),
        ("wet.tsv", format!("{text}\tdry\n{text}\tsoaked\n")),
        ("wet.csv", format!("text,label\n\"{text}\"{text},dry\n")),
        ("wet.csv", format!("text,label\n\"{text},dry\n")),
        ("wet.csv", format!("text,label\n{text},dry,{text}\n")),
        ("wet.csv", format!("text,label\n{text},{text}\n{text},{text} \n")),
    ] {
        world.write(name, &table);
        let format = if name == "wet.csv" { "csv" } else { "tsv" };
        let config = config.replace("wet.tsv", name).replace("\"tsv\"", &format!("\"{format}\""));
        for labels in ["[\"dry\", \"soaked\"]", "\"regression\"", "\"text\"", "\"verbatim\""] {
            world.write("new.toml", &config.replace("[\"dry\", \"soaked\"]", labels));
            check(&world, "train new.toml --output new --force --set training.steps=1");
            check(&world, "inspect new.toml --model model");
        }
        check(&world, &format!("inspect {name}"));
        check(&world, &format!("init {name} --model model --output init.toml --force"));
    }
}
