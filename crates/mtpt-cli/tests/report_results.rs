//! The report's comparison with baselines, its values per label, its predictions, and its
//! description of how the run was started.

use std::fs;

use serde_json::{Value, json};

use crate::report_page::{Page, check_self_contained, named, number, plots, rows, section, text};
use crate::world::World;

/// An evaluation: `mood` learned nothing, `sky/wet` did.
pub(crate) fn evaluation() -> Value {
    let class = |label: &str, precision: f64, recall: f64, f1: f64, predicted: usize| {
        json!({ "label": label, "precision": precision, "recall": recall, "f1": f1,
                "gold": 4, "predicted": predicted })
    };
    let example = |line: usize, text: &str, gold: &str, predicted: &str, probability: f64| {
        json!({ "file": "data/moods.jsonl", "line": line, "text": text, "gold": gold,
                "predicted": predicted, "probability": probability, "correct": gold == predicted })
    };
    json!({ "step": 3, "split": "dev", "tasks": [
        { "task": "mood", "rows": 8, "kind": "classes",
          "metrics": [{ "metric": "accuracy", "value": 0.5, "majority": 0.5, "before": 0.25,
                        "tfidf": 1.0 }],
          "majority_label": "1",
          "classes": [class("0", 0.0, 0.0, 0.0, 0), class("1", 0.5, 1.0, 2.0 / 3.0, 8)],
          "confusion": [[0, 4], [0, 4]],
          "warnings": ["every dev row got the label `1`; try a higher `training.learning_rate`"],
          "examples": [
              example(2, "right", "1", "1", 0.9),
              example(5, "unsure", "0", "1", 0.6),
              example(1, "<b>sure</b>", "0", "1", 0.8),
          ] },
        { "task": "sky/wet", "rows": 8, "kind": "classes",
          "metrics": [{ "metric": "accuracy", "value": 0.75, "majority": 0.5, "before": 0.5 }],
          "classes": [class("dry", 0.75, 0.75, 0.75, 4), class("soaked", 0.75, 0.75, 0.75, 4)],
          "confusion": [[3, 1], [1, 3]], "warnings": [] },
    ] })
}

/// A run whose evaluation and record are known.
pub(crate) fn world() -> World {
    let world = World::new();
    world.train();
    world.write("run/evaluation.json", &evaluation().to_string());
    let session = |first: usize, last: usize, end: &str| {
        json!({ "version": "0.1.0", "command": ["mtpt", "train", "my run.toml"],
                "directory": "/home/me", "device": "flex",
                "started": format!("2026-11-27T23:4{first}:03Z"),
                "ended": format!("2026-11-27T23:4{last}:33Z"),
                "first_step": first, "last_step": last, "end": end })
    };
    let sessions = json!({ "sessions": [session(0, 3, "interrupted"), session(3, 6, "complete")] });
    world.write("run/run.json", &sessions.to_string());
    world
}

#[test]
fn summary_names_tasks_that_learned_nothing() {
    let world = world();
    let page = Page::of(&world, "run");
    check_self_contained(&page);
    let document = page.document();
    let header = text(named(document.root(), "header").next().unwrap());
    let expected = "1 of 2 tasks beat their majority baseline; mood did not: every dev row got 1.";
    assert!(header.contains(expected), "{header}");
    let table = rows(section(&document, "results"));
    // Trained, difference, majority, TF-IDF, before training, rows.
    let values: Vec<f64> = table[0].1[1..].iter().map(|cell| number(*cell)).collect();
    assert_eq!(values, [0.5, 0.0, 0.5, 1.0, 0.25, 8.0]);
    assert_eq!(text(table[1].1[2]), "+25.0");
    assert_eq!(text(table[1].1[4]), "–");
    // The baselines are drawn in, and the warning is shown.
    let tasks = section(&document, "tasks");
    let levels = tasks.descendants().filter(|node| node.attribute("data-value").is_some());
    let levels: Vec<&str> = levels.filter_map(|level| level.attribute("data-name")).collect();
    let expected = ["majority", "TF-IDF", "before training", "majority", "before training"];
    assert_eq!(levels, expected);
    assert_eq!(plots(tasks), 4);
    assert!(text(tasks).contains("Warning: every dev row got the label 1; try a higher"));
}

#[test]
fn labels_confusion_and_mistakes_are_shown() {
    let world = world();
    let page = Page::of(&world, "run");
    let document = page.document();
    let task = named(section(&document, "tasks"), "article").next().unwrap();
    let tables: Vec<_> = named(task, "table").collect();
    let classes = rows(tables[0]);
    assert_eq!((classes[0].0.as_str(), text(classes[0].1[0]).as_str()), ("0", "–"));
    let values: Vec<f64> = classes[1].1.iter().map(|cell| number(*cell)).collect();
    assert_eq!(values, [0.5, 1.0, 2.0 / 3.0, 4.0, 8.0]);
    let confusion = rows(tables[1]);
    let counts: Vec<f64> =
        confusion.iter().flat_map(|(_, cells)| cells.iter().map(|cell| number(*cell))).collect();
    assert_eq!(counts, [0.0, 4.0, 0.0, 4.0]);
    // The most confident mistake first, correct predictions last.
    let examples: Vec<String> = named(tables[2], "tr").skip(1).map(text).collect();
    assert_eq!(
        examples,
        [
            "<b>sure</b>0180.0 %moods.jsonl:1",
            "unsure0160.0 %moods.jsonl:5",
            "right1190.0 %moods.jsonl:2"
        ]
    );
}

#[test]
fn texts_are_next_to_their_references() {
    let world = world();
    let long = "word ".repeat(200);
    let evaluation = json!({ "step": 3, "split": "dev", "tasks": [
        { "task": "mood", "rows": 2, "kind": "text", "warnings": [],
          "metrics": [{ "metric": "exact_match", "value": 0.5, "before": 0.0 }],
          "examples": [{ "file": "a.jsonl", "line": 1, "text": long, "gold": "a fine day",
                         "predicted": "a fine night", "correct": false }] },
        { "task": "sky/wet", "rows": 2, "kind": "regression", "warnings": [],
          "metrics": [{ "metric": "rmse", "value": 0.5, "majority": 1.25 }] },
    ] });
    world.write("run/evaluation.json", &evaluation.to_string());
    let page = Page::of(&world, "run");
    check_self_contained(&page);
    let document = page.document();
    let tasks = text(section(&document, "tasks"));
    assert!(tasks.contains("Reference") && tasks.contains("a fine daya fine night"), "{tasks}");
    assert!(tasks.contains("… (600 characters more)"), "{tasks}");
    assert!(!tasks.contains("Probability"));
    // A lower error is better.
    let header = text(named(document.root(), "header").next().unwrap());
    assert!(header.contains("sky/wet beats its majority baseline: rmse is 0.500"), "{header}");
    assert!(header.contains("mood: exact match is 50.0 %, before training 0.0 %."), "{header}");
}

#[test]
fn command_dates_and_device_are_shown() {
    let world = world();
    let page = Page::of(&world, "run");
    let document = page.document();
    let header = named(document.root(), "header").next().unwrap();
    let facts = text(header);
    for expected in [
        "27 Nov 2026, 23:40 UTC",
        "27 Nov 2026, 23:46 UTC",
        "7.0 min",
        "flex",
        "0.1.0",
        "mtpt train 'my run.toml' in /home/me",
    ] {
        assert!(facts.contains(expected), "{expected}: {facts}");
    }
    let sessions = rows(header);
    assert_eq!(sessions.len(), 2);
    assert_eq!(text(sessions[0].1[1]), "1 to 3");
    assert_eq!(text(sessions[1].1[1]), "4 to 6");
    // The same run has the same report, whenever it is written.
    assert_eq!(Page::of(&world, "run").text, page.text);
    // The title is the name of the folder.
    assert_eq!(text(named(header, "h1").next().unwrap()), "run");
    // A failure is named, and a running process has no end.
    let record = json!({ "sessions": [{ "version": "0.1.0", "command": [], "directory": "",
        "device": "flex", "started": "2026-11-27T23:45:03Z", "first_step": 0, "last_step": 6,
        "end": "failed: no space left" }] });
    world.write("run/run.json", &record.to_string());
    let page = Page::of(&world, "run");
    assert!(page.text.contains("The run failed after 6 of 6 steps: no space left"));
}

#[test]
fn parameters_are_shown_by_node() {
    let world = World::new();
    let config = crate::world::CONFIG.replace("\"mood\"\n", "\"sky/mood\"\n");
    world.write("tree.toml", &config);
    world.rows("train tree.toml --output run --set composition=hierarchy", "");
    let page = Page::of(&world, "run");
    check_self_contained(&page);
    let document = page.document();
    let tree = section(&document, "tree");
    // A group is nested in the root, and the tasks in the group.
    let depths: Vec<(String, usize)> = named(tree, "strong")
        .map(|name| (text(name), name.ancestors().filter(|node| node.has_tag_name("ul")).count()))
        .collect();
    let expected = [("root", 1), ("sky", 2), ("sky/mood", 3), ("sky/wet", 3)]
        .map(|(name, depth)| (name.to_owned(), depth));
    assert_eq!(depths, expected);
    // Four vectors of width 16 for the root; factors of rank 1 for the other nodes.
    let text = text(tree);
    for expected in [
        "124 trainable",
        "root used by all tasks",
        "64 (51.6 %)",
        "20 (16.1 %)",
        "shared within groups: 20",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(text.contains("group's prompt × a low-rank matrix (rank 1)"), "{text}");
    let header = self::text(named(document.root(), "header").next().unwrap());
    assert!(!header.contains('{') && header.contains("one strategy per level"), "{header}");
}

#[test]
fn broken_evaluations_are_named() {
    let world = world();
    fs::write(world.path("run/evaluation.json"), "{\"step\":").unwrap();
    let outcome = world.run("report run", "");
    assert_eq!(outcome.code, 1);
    assert!(
        outcome.messages.contains("evaluation.json`: line 1, column 8: expected the evaluation"),
        "{}",
        outcome.messages
    );
    // Runs of earlier versions have neither file.
    fs::remove_file(world.path("run/evaluation.json")).unwrap();
    fs::remove_file(world.path("run/run.json")).unwrap();
    let page = Page::of(&world, "run");
    check_self_contained(&page);
    assert!(page.text.contains("The best mean of 2 tasks on dev is"));
    assert!(page.text.contains("evaluation.json is missing"));
}
