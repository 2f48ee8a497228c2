//! Results next to baselines: in the messages of `train`, its files, `eval` and `inspect`.

use std::fs;

use serde_json::{Value, json};

use crate::world::{CONFIG, World, check_contains};

/// A run that hardly changes its prompts. Untrained, the model answers `0` to every mood.
const IDLE: &str = "train run.toml --output run --set training.learning_rate=1e-9";

#[test]
fn training_compares_results_with_baselines() {
    let world = World::new();
    let outcome = world.run(IDLE, "");
    assert_eq!(outcome.code, 0, "{}", outcome.messages);
    check_contains(
        &outcome.messages,
        &[
            "mood: 8 dev rows, accuracy of baselines: majority (`0`) 50.0 %, TF-IDF with a linear \
             model 100.0 %\n",
            "sky/wet: 3 dev rows, accuracy of baselines: majority (`dry`) 66.7 %, TF-IDF with a \
             linear model 100.0 %\n",
            "step 0: mood dev accuracy ",
            "step 3: mood dev accuracy ",
            " % (majority 50.0 %)\n",
            "results on dev at step 3:\n  task     metric        rows  majority  before  TF-IDF  \
             after\n",
            "\n  mood     accuracy (%)     8      50.0    50.0   100.0   50.0\n",
            "\nwarning: mood: every dev row got the label `",
            "`; try `training.steps = 24` instead of 6, or `training.learning_rate = 0.3` instead \
             of 0.000000001, or `training.decay = \"constant\"`, or `training.batch_size = 32` \
             instead of 4\n",
            "\nwarning: mood: accuracy 50.0 % is no better than that of the majority baseline, \
             50.0 %\n",
            "\nnote: mood: TF-IDF with a linear model has accuracy 100.0 %, the prompts 50.0 %\n",
        ],
    );
    let baselines = world.json("run/baselines.json");
    let expected = json!({ "metric": "accuracy", "majority": 0.5, "before": 0.5, "tfidf": 1.0 });
    assert_eq!(baselines["tasks"][0]["metrics"], json!([expected]));
    let record = world.json("run/evaluation.json");
    let mood = &record["tasks"][0];
    let expected =
        json!({ "metric": "accuracy", "value": 0.5, "majority": 0.5, "before": 0.5, "tfidf": 1.0 });
    assert_eq!((&mood["metrics"], &record["step"]), (&json!([expected]), &json!(3)));
    assert_eq!((&mood["kind"], &mood["majority_label"]), (&json!("classes"), &json!("0")));
    // Labels are those of the file, not the words `happy` and `sad`.
    let answer = if mood["classes"][0]["predicted"] == 8 { "0" } else { "1" };
    assert_eq!(mood["classes"][1]["label"], "1");
    let examples = mood["examples"].as_array().unwrap();
    assert_eq!(examples.len(), 8);
    let incorrect = examples.iter().take_while(|row| row["correct"] == false).count();
    assert_eq!(incorrect, 4);
    for row in examples {
        let right = if row["text"] == "mood day brought sun" { "0" } else { "1" };
        assert_eq!((&row["gold"], &row["predicted"]), (&json!(right), &json!(answer)));
        assert_eq!(row["correct"] == true, right == answer);
        let line = row["line"].as_u64().unwrap();
        assert_eq!(line % 2 == 1, right == "0", "{row}");
        assert!(row["file"].as_str().unwrap().ends_with("mood.jsonl"));
    }
    // The step of the stored prompts is never that of the initial ones.
    let log = fs::read_to_string(world.path("run/metrics.jsonl")).unwrap();
    assert_eq!(log.lines().filter(|line| line.starts_with("{\"step\":0,")).count(), 2);
}

#[test]
fn inspect_shows_results_with_baselines_and_units() {
    let world = World::new();
    world.rows(IDLE, "");
    let text = world.text("inspect run");
    check_contains(
        &text,
        &[
            "mood dev accuracy: 50.0 % at step 6, best 50.0 % at step 0\n",
            "results on dev at step 3:\n",
            "\n  mood     accuracy (%)     8      50.0    50.0   100.0   50.0\n",
            "\nwarning: mood: every dev row got the label `",
            "labels of mood:\n  label  rows  predicted  precision (%)  recall (%)  f1 (%)\n  0         4",
            "\n  gold \\ predicted  0  1\n",
        ],
    );
    let json = &world.rows("inspect run --json", "")[0];
    assert_eq!(json["evaluation"], world.json("run/evaluation.json"));
    assert_eq!(json.get("baselines"), None);
    // Before the end of a run, its baselines are shown.
    fs::remove_file(world.path("run/evaluation.json")).unwrap();
    check_contains(&world.text("inspect run"), &["mood: 8 dev rows, accuracy of baselines: "]);
    let json = &world.rows("inspect run --json", "")[0];
    assert_eq!(json["baselines"], world.json("run/baselines.json"));
    world.write("run/evaluation.json", "{}");
    let outcome = world.run("inspect run", "");
    check_contains(
        &outcome.messages,
        &["`run/evaluation.json`: line 1, column 2: expected the evaluation of a run"],
    );
}

#[test]
fn a_resumed_run_does_not_repeat_the_evaluation_before_training() {
    let world = World::new();
    world.train();
    let files = ["baselines.json", "evaluation.json", "metrics.jsonl", "prompts.safetensors"];
    let content = |name: &str| fs::read(world.path("run").join(name)).unwrap();
    let before = files.map(content);
    // As after a crash in step 5.
    fs::remove_dir_all(world.path("run/checkpoints/step-00000006")).unwrap();
    for name in ["outcome.json", "evaluation.json"] {
        fs::remove_file(world.path("run").join(name)).unwrap();
    }
    let outcome = world.run("train run.toml --output run --resume", "");
    assert_eq!(outcome.code, 0, "{}", outcome.messages);
    check_contains(&outcome.messages, &["step 6: mood dev accuracy", "(majority 50.0 %)"]);
    assert!(!outcome.messages.contains("step 0:"), "{}", outcome.messages);
    assert!(!outcome.messages.contains("accuracy of baselines"), "{}", outcome.messages);
    let after = files.map(content);
    for (position, name) in files.iter().enumerate().filter(|(_, name)| **name != "metrics.jsonl") {
        assert!(before[position] == after[position], "{name}");
    }
    // What is reported may change between two sessions of a run.
    let changed = "train run.toml --output run --resume --no-baseline --set evaluation.texts=false";
    assert_eq!(world.run(changed, "").code, 0);
}

#[test]
fn comparisons_can_be_disabled() {
    let world = World::new();
    let settings = "--set evaluation.before=false --set evaluation.examples=3 \
                    --set evaluation.texts=false --no-baseline";
    let outcome = world.run(&format!("train run.toml --output run {settings}"), "");
    assert_eq!(outcome.code, 0, "{}", outcome.messages);
    assert!(!outcome.messages.contains("step 0:"), "{}", outcome.messages);
    assert!(!outcome.messages.contains("TF-IDF"), "{}", outcome.messages);
    check_contains(&outcome.messages, &["metric        rows  majority  after\n"]);
    let record = world.json("run/evaluation.json");
    let mood = &record["tasks"][0];
    assert_eq!(mood["metrics"][0].get("before"), None);
    assert_eq!(mood["metrics"][0].get("tfidf"), None);
    let examples = mood["examples"].as_array().unwrap();
    assert_eq!(examples.len(), 3);
    assert!(examples.iter().all(|row| row.get("text").is_none() && row.get("gold").is_some()));
    // The selected step and the prompts don't depend on comparisons.
    world.rows("train run.toml --output other", "");
    let prompts = |run: &str| fs::read(world.path(run).join("prompts.safetensors")).unwrap();
    assert!(prompts("run") == prompts("other"));
}

#[test]
fn errors_of_scores_select_the_prompts_with_the_lowest() {
    let world = World::new();
    let tokenizer = fs::read_to_string(world.path("model/tokenizer.json")).unwrap();
    let tokenizer = tokenizer.replace("\"one\"", "\"1\"").replace("\"two\"", "\"2\"");
    world.write("model/tokenizer.json", &tokenizer.replace("\"three\"", "\"3\""));
    let row = |row: usize| {
        let (word, score) = [("sun", 1), ("rain", 3)][row % 2];
        format!("{{\"text\": \"day brought {word}\", \"label\": {score}}}\n")
    };
    world.write("scores.jsonl", &(0..8).map(row).collect::<String>());
    let head = CONFIG.split("[[tasks]]").next().unwrap();
    world.write(
        "scores.toml",
        &format!(
            "{head}\n[[tasks]]\nname = \"score\"\nformat = \"json_lines\"\n\
             train = \"scores.jsonl\"\ndev = \"scores.jsonl\"\ntemplate = \"{{text}}\"\n\
             labels = {{ regression = {{ lowest = 1, highest = 3, step = 1 }} }}\n\
             metrics = [\"rmse\", \"mae\", \"pearson\"]\n"
        )
        .replace("every = 3", "every = 1"),
    );
    let outcome = world.run("train scores.toml --output run", "");
    assert_eq!(outcome.code, 0, "{}", outcome.messages);
    check_contains(
        &outcome.messages,
        &[
            "score: 8 dev rows, rmse of baselines: majority (`2`) 1.000, TF-IDF with a linear model 0.",
            "score dev rmse ",
            "score dev pearson ",
            "\n  score  pearson     8     0.000",
        ],
    );
    let lines = world.json_lines("run/metrics.jsonl");
    let mut best: Option<(f64, u64)> = None;
    for step in 1..=6 {
        let of_step = |line: &&Value| line["step"] == step && line.get("metric").is_some();
        // An error counts as 1 minus its share of the range from 1 to 3.
        let score = |line: &Value| {
            let value = line["value"].as_f64().unwrap();
            let is_error = line["metric"] != "pearson";
            assert_eq!(line.get("score").is_some(), is_error && value != 1.0 - value / 2.0);
            if is_error { 1.0 - value / 2.0 } else { value }
        };
        let scores: Vec<f64> = lines.iter().filter(of_step).map(score).collect();
        assert_eq!(scores.len(), 3);
        let mean = scores.iter().sum::<f64>() / 3.0;
        if best.is_none_or(|(highest, _)| mean > highest) {
            best = Some((mean, step));
        }
    }
    let (score, step) = best.unwrap();
    assert_eq!(outcome.rows[0]["step"], step);
    // The sums are in another order.
    assert!((outcome.rows[0]["score"].as_f64().unwrap() - score).abs() < 1e-12);
    let record = world.json("run/evaluation.json");
    assert_eq!(record["tasks"][0]["kind"], "regression");
    assert_eq!(record["tasks"][0].get("classes"), None);
    let text = world.text("inspect run");
    assert!(!text.contains('%'), "{text}");
}

#[test]
fn eval_prints_a_table_or_rows_with_baselines() {
    let world = World::new();
    world.rows(IDLE, "");
    let eval = "eval --model model --prompts run/prompts.safetensors --tasks run.toml";
    let outcome = world.run(eval, "");
    assert_eq!(outcome.code, 0, "{}", outcome.messages);
    assert_eq!(
        outcome.rows[0],
        json!({
            "task": "mood", "split": "dev", "metric": "accuracy", "value": 0.5, "majority": 0.5,
            "tfidf": 1.0, "rows": 8,
        })
    );
    check_contains(&outcome.messages, &["warning: mood: every dev row got the label `"]);
    let table = world.text(&format!("{eval} --format table --no-baseline"));
    assert_eq!(
        table.lines().take(2).collect::<Vec<_>>(),
        [
            "task     metric        rows  majority  value",
            "mood     accuracy (%)     8      50.0   50.0"
        ]
    );
    let table = world.text(&format!("{eval} --format table --classes"));
    check_contains(
        &table,
        &["TF-IDF", "\nmood:\n  label  rows  predicted", "gold \\ predicted  0  1"],
    );
    let rows = world.rows(&format!("{eval} --classes"), "");
    let classes = rows.iter().find(|row| row["task"] == "mood" && row.get("classes").is_some());
    let classes = classes.unwrap();
    assert_eq!(classes["classes"][0]["gold"], 4);
    assert_eq!(classes["confusion"].as_array().unwrap().len(), 2);
    // Without the training data there are no baselines.
    world.write("test.jsonl", "{\"text\": \"day brought sun\", \"label\": \"0\"}\n");
    world
        .write("test.toml", &CONFIG.replace("train = \"mood.jsonl\"\n", "test = \"test.jsonl\"\n"));
    let test = eval.replace("run.toml", "test.toml");
    let rows = world.rows(&format!("{test} --split test"), "");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].get("majority"), None);
}

#[test]
fn eval_writes_incorrect_rows() {
    let world = World::new();
    world.rows(IDLE, "");
    let eval = "eval --model model --prompts run/prompts.safetensors --tasks run.toml";
    world.rows(&format!("{eval} --errors errors.jsonl"), "");
    let rows = world.json_lines("errors.jsonl");
    let of_mood: Vec<&Value> = rows.iter().filter(|row| row["task"] == "mood").collect();
    assert_eq!(of_mood.len(), 4);
    for row in of_mood {
        assert_eq!((&row["correct"], &row["split"]), (&json!(false), &json!("dev")));
        assert!(row["text"].as_str().unwrap().starts_with("mood day brought"));
        let probability = row["probability"].as_f64().unwrap();
        assert!((0.5..=1.0).contains(&probability), "{row}");
        assert_ne!(row["gold"], row["predicted"]);
    }
    world.rows(&format!("{eval} --errors errors.jsonl --no-text"), "");
    let text = fs::read_to_string(world.path("errors.jsonl")).unwrap();
    assert!(!text.contains("\"text\"") && text.contains("\"line\""), "{text}");
    assert_eq!(world.code(&format!("{eval} --no-text")), 2);
}

#[test]
fn held_out_rows_are_exported_with_all_columns() {
    let world = World::new();
    let rows: String = (0..10)
        .map(|row| format!("{row},day brought {},{}\n", ["sun", "rain"][row % 2], row % 2))
        .collect();
    world.write("held.csv", &format!("id,text,label\n{rows}"));
    let head = CONFIG.split("[[tasks]]").next().unwrap();
    let task = "[[tasks]]\nname = \"held\"\nformat = \"csv\"\ntrain = \"held.csv\"\n\
                hold_out = 0.2\ntemplate = \"{text}\"\nlabels = { \"0\" = \"happy\", \"1\" = \"sad\" }\n";
    world.write("held.toml", &format!("{head}\n{task}"));
    let read = |split: &str| {
        let command = format!("inspect held.toml --export {split}.jsonl --split {split}");
        let outcome = world.run(&command, "");
        assert_eq!(outcome.code, 0, "{}", outcome.messages);
        world.json_lines(&format!("{split}.jsonl"))
    };
    let (train, dev) = (read("train"), read("dev"));
    assert_eq!((train.len(), dev.len()), (8, 2));
    let mut ids: Vec<u64> = Vec::new();
    for row in train.iter().chain(&dev) {
        let id: u64 = row["id"].as_str().unwrap().parse().unwrap();
        // The header is line 1.
        assert_eq!((&row["_task"], &row["_line"]), (&json!("held"), &json!(id + 2)));
        assert_eq!(row["label"], (id % 2).to_string());
        ids.push(id);
    }
    ids.sort_unstable();
    assert_eq!(ids, (0..10).collect::<Vec<_>>());
    let outcome = world.run("inspect held.toml --export test.jsonl --split test", "");
    assert_eq!(outcome.code, 1);
    assert_eq!(world.code("inspect held.toml --split train"), 2);
}

#[test]
fn init_reports_the_baselines_of_its_tasks() {
    let world = World::new();
    let row = |row: usize| {
        format!("day brought {},{}\n", ["sun", "rain"][row % 2], ["dry", "wet"][row % 2])
    };
    world.write("sky.csv", &format!("text,label\n{}", (0..20).map(row).collect::<String>()));
    let outcome = world.run("init sky.csv --model model", "");
    assert_eq!(outcome.code, 0, "{}", outcome.messages);
    check_contains(
        &outcome.messages,
        &["sky: 4 dev rows, accuracy of baselines: majority (`dry`) 50.0 %, TF-IDF with a linear \
           model 100.0 %\n"],
    );
}
