use std::fs;
use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use crate::world::{World, check_contains};

/// Runs `mtpt init`, which must succeed; returns the tasks, the messages and the configuration.
#[track_caller]
fn init(world: &World, arguments: &str) -> (Vec<Value>, String, String) {
    let outcome = world.run(&format!("init {arguments} --model model --force"), "");
    assert_eq!(outcome.code, 0, "{}", outcome.messages);
    let config = outcome.rows[0]["config"].as_str().unwrap();
    let config = fs::read_to_string(world.path(config)).unwrap();
    (outcome.rows[0]["tasks"].as_array().unwrap().clone(), outcome.messages, config)
}

/// Trains two steps with a configuration, and returns the answers to rows.
#[track_caller]
fn train_and_predict(world: &World, config: &str, rows: &str) -> Vec<Value> {
    let steps = "--set training.steps=2 --set training.batch_size=2 --set evaluation.every=2";
    world.rows(&format!("train {config} --output run {steps} --force"), "");
    world.rows("predict --model model --prompts run/prompts.safetensors", rows)
}

/// Returns a table with ten rows, whose labels repeat.
fn table(header: &str, labels: &[&str]) -> String {
    let rows = (0..10).map(|row| {
        let text = ["day brought sun", "night brought rain"][row % 2];
        format!("{text} {},{}\n", ["one", "two", "three"][row % 3], labels[row % labels.len()])
    });
    format!("{header}\n{}", rows.collect::<String>())
}

#[test]
fn decimal_scores_become_a_scale() {
    let world = World::new();
    world.write("sts.csv", &table("text,near", &["0", "0.00", "2.4", "3.8", "5.000"]));
    let (tasks, messages, config) = init(&world, "sts.csv");
    assert_eq!((&tasks[0]["kind"], &tasks[0]["label"]), (&json!("score"), &json!("near")));
    assert!(messages.contains("`near` has 4 distinct numbers from 0 to 5"), "{messages}");
    assert!(messages.contains("choose another with `--kind`"), "{messages}");
    let labels = "labels = { regression = { lowest = 0, highest = 5, step = 0.2 } }";
    assert!(config.contains(labels) && config.contains("\"pearson\""), "{config}");
    // The small tokenizer has no digits, so that training would fail.
    assert!(messages.contains("`0.0` and `0.2` have the same tokens"), "{messages}");
    // The same numbers as classes: `0` and `0.00` are one.
    let (tasks, ..) = init(&world, "sts.csv --kind class");
    assert_eq!(tasks[0]["labels"].as_object().unwrap().len(), 4);
}

#[test]
fn few_whole_numbers_are_classes() {
    let world = World::new();
    world.write("stars.csv", &table("text,stars", &["1", "2", "3", "4", "5"]));
    let (tasks, messages, _) = init(&world, "stars.csv");
    assert_eq!(tasks[0]["kind"], "class");
    assert!(messages.contains("such as `\"1\" = \"terrible\"`"), "{messages}");
    let (tasks, _, config) = init(&world, "stars.csv --kind score");
    assert_eq!(tasks[0]["kind"], "score");
    assert!(config.contains("lowest = 1, highest = 5, step = 1"), "{config}");
}

#[test]
fn unique_texts_become_free_text() {
    let world = World::new();
    let rows: String = (0..24)
        .map(|row| format!("day brought rain {row},sun brought night number {row}\n"))
        .collect();
    world.write("news.csv", &format!("body,summary\n{rows}"));
    let (tasks, messages, config) = init(&world, "news.csv");
    assert_eq!((&tasks[0]["kind"], &tasks[0]["train"]), (&json!("text"), &json!(19)));
    assert!(messages.contains("words on average"), "{messages}");
    let parts = ["labels = \"text\"", "\"rouge_l\"", "max_target_length = 16"];
    check_contains(&config, &parts);
    let answers = train_and_predict(&world, "news.toml", "{\"body\": \"day brought sun\"}\n");
    assert!(answers[0]["text"].is_string(), "{answers:?}");
}

#[test]
fn lists_and_separators_become_any_number_of_labels() {
    let world = World::new();
    world.write("bars.csv", &table("text,tags", &["happy|wet", "happy", "wet|sad", "", "sad"]));
    world.write(
        "commas.csv",
        &table("text,tags", &["\"happy, wet\"", "happy", "\"wet, sad\"", "sad"]),
    );
    let lists: String = (0..10)
        .map(|row| {
            let tags = ["[\"happy\", \"wet\"]", "[]", "[\"wet\"]", "[\"happy\"]"][row % 4];
            format!("{{\"text\": \"day brought sun\", \"tags\": {tags}}}\n")
        })
        .collect();
    world.write("lists.jsonl", &lists);
    for (file, part) in [
        ("bars.csv", "separator = \"|\""),
        ("commas.csv", "separator = \",\""),
        ("lists.jsonl", "[tasks.labels.multi_label.labels]"),
    ] {
        let (tasks, _, config) = init(&world, &format!("{file} --output tags.toml"));
        assert_eq!(tasks[0]["kind"], "multi-label", "{file}");
        assert!(config.contains(part) && config.contains("\"happy\" = \"happy\""), "{config}");
        let answers = train_and_predict(&world, "tags.toml", "{\"text\": \"day brought sun\"}\n");
        assert!(answers[0]["labels"].is_array(), "{answers:?}");
    }
    // A class whose name contains the separator.
    world.write("names.csv", &table("text,label", &["\"happy, wet\"", "sad"]));
    let (tasks, ..) = init(&world, "names.csv");
    assert_eq!(tasks[0]["labels"], json!({ "happy, wet": 5, "sad": 5 }));
}

#[test]
fn columns_with_yes_or_no_become_any_number_of_labels() {
    let world = World::new();
    world.write("flags.csv", &table("text,wet,sad", &["1,0", "0,1", "1,1", "0,0"]));
    for arguments in ["flags.csv", "flags.csv --label wet --label sad"] {
        let (tasks, messages, config) = init(&world, arguments);
        assert_eq!(tasks[0]["kind"], "multi-label");
        assert_eq!(tasks[0]["labels"], json!({ "wet": 5, "sad": 5 }));
        assert!(messages.contains("`wet`, `sad` have yes or no"), "{messages}");
        assert!(config.contains("[tasks.labels.multi_label.columns]"), "{config}");
    }
    let answers = train_and_predict(&world, "flags.toml", "{\"text\": \"day brought rain\"}\n");
    assert!(answers[0]["labels"].is_array(), "{answers:?}");
    let outcome = world.run("init flags.csv --label wet --label text --model model --force", "");
    assert_eq!(outcome.code, 1);
    let problem = "several label columns must have yes or no, 1 or 0, or true or false in each row, \
                   but `text` has other values";
    assert!(outcome.messages.contains(problem), "{}", outcome.messages);
}

#[test]
fn one_file_may_have_several_tasks() {
    let world = World::new();
    world.write("t.csv", &table("text,topic,mood", &["dry,happy", "wet,sad", "dry,sad"]));
    let (tasks, ..) = init(&world, "t.csv t.csv --label topic --label mood");
    let names: Vec<&Value> = tasks.iter().map(|task| &task["task"]).collect();
    assert_eq!(names, ["t/topic", "t/mood"]);
    // The last segment of a name is enough.
    let answers = train_and_predict(&world, "t.toml", "{\"task\": \"mood\", \"text\": \"day\"}\n");
    assert!(["happy", "sad"].contains(&answers[0]["label"].as_str().unwrap()), "{answers:?}");
    let outcome = world.run("init t.csv t.csv --label topic --model model --force", "");
    assert_eq!(outcome.code, 1);
    assert!(outcome.messages.contains("the file is given twice"), "{}", outcome.messages);
    // Files of the same name in different folders.
    for folder in ["a", "b"] {
        fs::create_dir(world.path(folder)).unwrap();
        world.write(&format!("{folder}/t.csv"), &table("text,topic", &["dry", "wet"]));
        world.write(&format!("{folder}/train.csv"), &table("text,topic", &["dry", "wet"]));
    }
    let (tasks, ..) = init(&world, "a/t.csv b/t.csv --output both.toml");
    assert_eq!((&tasks[0]["task"], &tasks[1]["task"]), (&json!("a-t"), &json!("b-t")));
    let (tasks, ..) = init(&world, "a/train.csv b/train.csv --output both.toml");
    assert_eq!((&tasks[0]["task"], &tasks[1]["task"]), (&json!("a"), &json!("b")));
}

#[test]
fn files_of_other_splits_are_found() {
    let world = World::new();
    let rows = table("text,label", &["dry", "wet"]);
    for (train, dev, task) in
        [("trec.train.csv", "trec.dev.csv", "trec"), ("x-train.csv", "x-valid.csv", "x")]
    {
        world.write(train, &rows);
        world.write(dev, &rows);
        let (tasks, messages, config) = init(&world, train);
        assert_eq!((&tasks[0]["task"], &tasks[0]["dev"]), (&json!(task), &json!(10)));
        assert!(messages.contains(&format!("10 validation rows (`{dev}`)")), "{messages}");
        assert!(config.contains(&format!("dev = \"{dev}\"")), "{config}");
    }
    fs::create_dir(world.path("Topics")).unwrap();
    world.write("Topics/train.csv", &rows);
    world.write("Topics/validation.csv", &rows);
    world.write("Topics/test.csv", "text\nday\n");
    let (tasks, messages, config) = init(&world, "Topics/train.csv");
    assert_eq!(tasks[0]["task"], "topics");
    assert!(config.contains("dev = \"Topics/validation.csv\""), "{config}");
    assert!(!config.contains("test ="), "{config}");
    assert!(messages.contains("`Topics/test.csv` is not used: it has no labels"), "{messages}");
    world.write("Topics/test.csv", &rows);
    let (_, _, config) = init(&world, "Topics/train.csv");
    assert!(config.contains("test = \"Topics/test.csv\""), "{config}");
}

#[test]
fn rows_without_a_label_are_set_aside() {
    let world = World::new();
    let rows = table("text,label", &["dry", "wet"]);
    world.write("t.csv", &format!("{rows}day one,\nday two, \n"));
    let (tasks, messages, config) = init(&world, "t.csv");
    assert_eq!((&tasks[0]["train"], &tasks[0]["unlabeled"]), (&json!(8), &json!(2)));
    let note = "note: 2 rows of `t.csv` have no label and are left out (lines 12, 13); to label them \
                later: mtpt predict";
    assert!(messages.contains(note), "{messages}");
    assert!(config.contains("# 2 rows have no label"), "{config}");
    assert!(config.contains("unlabeled = \"skip\""), "{config}");
    train_and_predict(&world, "t.toml", "");
    let found = world
        .rows("predict --model model --prompts run/prompts.safetensors --task t --input t.csv", "");
    assert_eq!(found.len(), 12);
    // Without the key, all of them are listed.
    world.write("t.toml", &config.replace("unlabeled = \"skip\"", ""));
    let outcome = world.run("train t.toml --output other", "");
    assert_eq!(outcome.code, 1);
    let parts = ["t.csv: 2 rows have no label", "lines 12, 13", "set `unlabeled = \"skip\"`"];
    check_contains(&outcome.messages, &parts);
    world.write("none.csv", "text,label\nday,\nnight,\n");
    let outcome = world.run("init none.csv --model model", "");
    assert!(
        outcome.messages.contains("no row has a label in the column `label`"),
        "{}",
        outcome.messages
    );
}

#[test]
fn spellings_of_a_label_are_joined() {
    let world = World::new();
    world.write("t.csv", &table("text,label", &["Dry", "wet", "dry", "Dry", "wet", "DRY "]));
    let (tasks, messages, config) = init(&world, "t.csv");
    assert_eq!(tasks[0]["labels"], json!({ "Dry": 7, "wet": 3 }));
    assert!(messages.contains("differ in case alone, or look the same"), "{messages}");
    assert!(messages.contains("`Dry` = `dry`"), "{messages}");
    assert!(config.contains("\"dry\" = \"dry\" # another spelling of \"Dry\""), "{config}");
    let answers = train_and_predict(&world, "t.toml", "{\"text\": \"day brought sun\"}\n");
    assert_eq!(answers.len(), 1);
}

#[test]
fn bad_rows_are_reported_together() {
    let world = World::new();
    world.write("t.csv", "text,label\nday,dry\nday,dry,x\nnight,wet\nnight\nday,wet,y,z\n");
    let outcome = world.run("init t.csv --model model", "");
    assert_eq!((outcome.code, outcome.messages.lines().count()), (1, 1));
    let parts =
        ["t.csv: 3 rows cannot be read", "line 3: expected 2 fields", "line 5: ", "line 6: "];
    check_contains(&outcome.messages, &parts);
    world.write("t.csv", &format!("{},dry\n \" \",wet\n", table("text,label", &["dry", "wet"])));
    let (_, messages, _) = init(&world, "t.csv");
    assert!(
        messages.contains("warning: task `t`: 2 rows have no text: lines 12, 13"),
        "{messages}"
    );
}

#[test]
fn tiny_files_are_explained() {
    let world = World::new();
    let refused = |rows: &str, parts: &[&str]| {
        world.write("rows.csv", rows);
        let outcome = world.run("init rows.csv --model model --label label", "");
        assert_eq!(
            (outcome.code, outcome.messages.lines().count()),
            (1, 1),
            "{}",
            outcome.messages
        );
        check_contains(&outcome.messages, parts);
    };
    refused("text,label\nday,a\nnight,a\n", &["has only one value, `a`", "rows of other labels"]);
    refused(
        "text,label\nday,a\nnight,b\nsun,c\n",
        &["no label occurs twice", "`labels = \"text\"` if labels are free texts"],
    );
    refused("text,label\nday,1.5\n", &["has only one value"]);
}

#[test]
fn files_of_glue_imply_their_format() {
    let world = World::new();
    fs::create_dir(world.path("CoLA")).unwrap();
    let rows: String =
        (0..10).map(|row| format!("gj04\t{}\t\tday brought sun {row}\n", row % 2)).collect();
    world.write("CoLA/train.tsv", &rows);
    world.write("CoLA/dev.tsv", &rows);
    let (tasks, messages, config) = init(&world, "CoLA/train.tsv");
    assert_eq!((&tasks[0]["task"], &tasks[0]["format"]), (&json!("cola"), &json!("glue_cola")));
    assert!(messages.contains("an original file of GLUE"), "{messages}");
    assert!(
        config.contains("format = \"glue_cola\"") && !config.contains("template ="),
        "{config}"
    );
}

#[test]
fn real_files_get_a_sensible_kind() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if !data.is_dir() {
        println!("skipped: `{}` does not exist", data.display());
        return;
    }
    let world = World::new();
    for (file, task, kind, format) in [
        ("text/trec/train.jsonl", "trec", json!("class"), "json_lines"),
        ("glue/SST-2/dev.tsv", "dev", Value::Null, "glue_sst2"),
        ("glue/STS-B/train.tsv", "sts-b", Value::Null, "glue_stsb"),
        ("glue/CoLA/train.tsv", "cola", Value::Null, "glue_cola"),
        ("glue/MRPC/train.tsv", "mrpc", Value::Null, "glue_mrpc"),
        ("glue/RTE/train.tsv", "rte", Value::Null, "glue_rte"),
    ] {
        // The first rows are enough.
        let rows = fs::read_to_string(data.join(file)).unwrap();
        let rows: String = rows.lines().take(120).map(|line| format!("{line}\n")).collect();
        fs::create_dir_all(world.path(file).parent().unwrap()).unwrap();
        world.write(file, &rows);
        let (tasks, messages, _) = init(&world, &format!("{file} --output run.toml"));
        let found = (&tasks[0]["task"], tasks[0].get("kind").unwrap_or(&Value::Null));
        assert_eq!(
            (found, &tasks[0]["format"]),
            ((&json!(task), &kind), &json!(format)),
            "{messages}"
        );
    }
}

#[test]
fn compressed_files_are_read_by_every_command() {
    let world = World::new();
    let gzip = |name: &str, text: &str| {
        let file = fs::File::create(world.path(name)).unwrap();
        let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap();
    };
    gzip("t.train.csv.gz", &table("text,label", &["dry", "wet"]));
    gzip("t.dev.csv.gz", &table("text,label", &["dry", "wet"]));
    let (tasks, _, config) = init(&world, "t.train.csv.gz");
    assert_eq!((&tasks[0]["task"], &tasks[0]["dev"]), (&json!("t"), &json!(10)));
    assert!(config.contains("dev = \"t.dev.csv.gz\""), "{config}");
    train_and_predict(&world, "t.toml", "");
    let input = "--prompts run/prompts.safetensors --model model --input t.dev.csv.gz";
    assert_eq!(world.rows(&format!("predict {input}"), "").len(), 10);
    assert_eq!(world.rows("inspect t.dev.csv.gz --json", "")[0]["rows"], 10);
    let bytes = fs::read(world.path("t.dev.csv.gz")).unwrap();
    fs::write(world.path("t.dev.csv.gz"), &bytes[..bytes.len() - 20]).unwrap();
    let outcome = world.run(&format!("predict {input}"), "");
    assert_eq!(outcome.code, 1);
    assert!(outcome.messages.contains("the gzip data ends early"), "{}", outcome.messages);
}

#[test]
fn tasks_are_named_by_the_end_of_their_names() {
    let world = World::new();
    world.train();
    let prompts = "--model model --prompts run/prompts.safetensors";
    let row = "{\"text\": \"day brought sun\"}\n";
    assert_eq!(world.rows(&format!("predict {prompts} --task wet"), row).len(), 1);
    let input = "{\"input\": \"day\", \"target\": \"dry\"}\n";
    assert_eq!(world.rows(&format!("score {prompts} --task wet"), input).len(), 1);
    let export =
        "export --format npy --prompts run/prompts.safetensors --output wet.npy --task wet";
    assert_eq!(world.rows(export, "")[0]["tasks"], json!(["sky/wet"]));
    // A task file without the groups.
    let tasks = crate::world::CONFIG.replace("sky/wet", "wet");
    world.write(
        "tasks.toml",
        tasks.split_once("[[tasks]]").map(|(_, rest)| format!("[[tasks]]{rest}")).unwrap().as_str(),
    );
    let rows = world.rows(&format!("eval {prompts} --tasks tasks.toml"), "");
    assert_eq!(rows.len(), 2);
    let outcome = world.run(&format!("predict {prompts} --task wte"), row);
    assert_eq!(outcome.code, 1);
    assert!(outcome.messages.contains("did you mean `sky/wet`?"), "{}", outcome.messages);
    // Targets of an adaptation.
    world.write(
        "adapt.toml",
        &format!("{}\n[adaptation]\ntargets = [\"wet\"]\n", crate::world::CONFIG),
    );
    world.rows("train adapt.toml --output adapted", "");
    assert!(world.path("adapted/targets/sky/wet/prompts.safetensors").exists());
}

#[test]
fn unknown_characters_are_named() {
    let world = World::new();
    let rows = table("text,label", &["dry", "wet"]).replace("day brought", "day € brought");
    world.write("t.csv", &rows);
    let (_, messages, _) = init(&world, "t.csv");
    let line = messages.lines().find(|line| line.contains("unknown to")).unwrap();
    assert!(line.starts_with("warning: task `t`: ") && line.contains("rows: `€`; "), "{line}");
    let outcome = world.run("inspect t.toml --json", "");
    assert!(outcome.messages.contains("rows: `€`; "), "{}", outcome.messages);
    let outcome = world.run("train t.toml --output run --set training.steps=1", "");
    assert!(outcome.messages.contains("rows: `€`; "), "{}", outcome.messages);
}
