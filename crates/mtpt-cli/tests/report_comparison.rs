//! The report that compares several runs.

use std::fs;

use crate::report_page::{Page, check_self_contained, named, number, plots, rows, section, text};
use crate::world::World;

/// A folder with three runs, whose dev metrics are known.
pub(crate) fn world() -> World {
    let world = World::new();
    world.rows("train run.toml --output runs/rates/a", "");
    // The runs have no baselines.
    let _ = fs::remove_file(world.path("runs/rates/a/evaluation.json"));
    for (name, rate, value) in [("a", 0.1, 0.5), ("b", 0.3, 0.75), ("c", 1.0, 0.25)] {
        let folder = format!("runs/rates/{name}");
        fs::create_dir_all(world.path(&folder)).unwrap();
        let config = fs::read_to_string(world.path("runs/rates/a/config.toml")).unwrap();
        let config: Vec<String> = config
            .lines()
            .map(|line| match line.starts_with("learning_rate") {
                true => format!("learning_rate = {rate:?}"),
                false => line.to_owned(),
            })
            .collect();
        let mut log = String::new();
        for step in 1..=6 {
            let loss = rate + 1.0 / f64::from(step);
            log.push_str(&format!(
                "{{\"step\":{step},\"loss\":{loss},\"lr\":{rate},\"seconds\":1.5}}\n"
            ));
            for task in ["mood", "sky/wet"] {
                let value = value * f64::from(step) / 6.0;
                if step % 3 == 0 {
                    log.push_str(&format!(
                        "{{\"step\":{step},\"split\":\"dev\",\"task\":\"{task}\",\"metric\":\"accuracy\",\"value\":{value}}}\n"
                    ));
                }
            }
        }
        world.write(&format!("{folder}/config.toml"), &config.join("\n"));
        world.write(&format!("{folder}/metrics.jsonl"), &log);
        world.write(&format!("{folder}/outcome.json"), "{}");
    }
    world
}

#[test]
fn runs_are_sorted_by_score_with_their_differences() {
    let world = world();
    let page = Page::of(&world, "runs/rates");
    check_self_contained(&page);
    let document = page.document();
    let header = named(document.root(), "header").next().unwrap();
    assert_eq!(text(named(header, "h1").next().unwrap()), "rates");
    let summary = text(header);
    let expected = "b is best: its mean over tasks on dev is 75.0 %, 25.0 points above a.";
    assert!(summary.contains(expected), "{summary}");
    assert!(summary.contains("3 runs."), "{summary}");
    let table = section(&document, "runs-below");
    let heads: Vec<String> =
        named(table, "thead").flat_map(|head| named(head, "th")).map(text).collect();
    assert_eq!(
        heads,
        [
            "Run",
            "learning_rate",
            "Best mean on dev",
            "Difference",
            "Loss",
            "Steps",
            "Time of all steps",
            "Started"
        ]
    );
    let found = rows(table);
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["b", "a", "c"]);
    let rates: Vec<String> = found.iter().map(|(_, cells)| text(cells[0])).collect();
    assert_eq!(rates, ["0.3", "0.1", "1.0"]);
    let differences: Vec<f64> = found.iter().map(|(_, cells)| number(cells[2])).collect();
    assert_eq!(differences, [0.0, -0.25, -0.5]);
    assert_eq!(text(found[2].1[2]), "-50.0");
    assert_eq!(text(found[0].1[5]), "9.0 s");
    // Every run has a report, and a link to it.
    let links: Vec<_> = named(table, "a").filter_map(|link| link.attribute("href")).collect();
    assert_eq!(links, ["./b/report.html", "./a/report.html", "./c/report.html"]);
    for name in ["a", "b", "c"] {
        assert!(world.path("runs/rates").join(name).join("report.html").is_file());
    }
    // Scores, differences to the best run, and losses; three runs in each.
    let curves = section(&document, "curves");
    assert_eq!(plots(curves), 3);
    let lines = curves.descendants().filter(|node| node.attribute("data-values").is_some());
    let lines: Vec<(&str, &str)> = lines
        .map(|line| (line.attribute("data-name").unwrap(), line.attribute("data-values").unwrap()))
        .collect();
    assert_eq!(lines[..3], [("b", "37.5,75.0"), ("a", "25.0,50.0"), ("c", "12.5,25.0")]);
    assert_eq!(lines[3..6], [("b", "0.0,0.0"), ("a", "-12.5,-25.0"), ("c", "-25.0,-50.0")]);
    // The values of each task at the best step.
    let tasks = rows(section(&document, "tasks"));
    assert_eq!(tasks[1].0, "sky/wet");
    let values: Vec<f64> = tasks[1].1[1..].iter().map(|cell| number(*cell)).collect();
    assert_eq!(values, [0.75, 0.5, 0.25]);
    // Nothing refers to a single run.
    assert!(!page.text.contains("config.toml is missing") && !page.text.contains("id=\"notes\""));
}

#[test]
fn chosen_runs_are_compared() {
    let world = world();
    fs::create_dir(world.path("pages")).unwrap();
    let page = Page::of(&world, "runs/rates/c runs/rates/a --output pages/two.html");
    check_self_contained(&page);
    let document = page.document();
    let table = section(&document, "runs-below");
    let names: Vec<String> = rows(table).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["runs/rates/a", "runs/rates/c"]);
    // The links lead from the page to the reports.
    let links: Vec<_> = named(table, "a").filter_map(|link| link.attribute("href")).collect();
    assert_eq!(links, ["./../runs/rates/a/report.html", "./../runs/rates/c/report.html"]);
    let rows = world.rows("report runs/rates/c runs/rates/a", "");
    assert_eq!(rows[0]["report"], "comparison.html");
    let outcome = world.run("report runs/rates/a model", "");
    assert_eq!(outcome.code, 1);
    assert!(outcome.messages.contains("`model`: expected a run folder"), "{}", outcome.messages);
}

#[test]
fn unfinished_and_unreadable_runs_are_explained() {
    let world = world();
    fs::remove_file(world.path("runs/rates/a/outcome.json")).unwrap();
    world.write("runs/rates/b/metrics.jsonl", "no\n{}\n");
    let log = fs::read_to_string(world.path("runs/rates/c/metrics.jsonl")).unwrap();
    let steps: String = log.split_inclusive('\n').filter(|line| line.contains("loss")).collect();
    world.write("runs/rates/c/metrics.jsonl", &steps);
    world.write("runs/rates/c/report.html", "my own");
    let page = Page::of(&world, "runs/rates");
    check_self_contained(&page);
    let document = page.document();
    let notes = text(section(&document, "notes"));
    for expected in [
        "a is in progress or was interrupted, at step 6 of 6.",
        "c has not been evaluated on dev, so it has no score.",
        "b cannot be read:",
        "line 1: expected an object",
    ] {
        assert!(notes.contains(expected), "{expected}: {notes}");
    }
    assert_eq!(fs::read_to_string(world.path("runs/rates/c/report.html")).unwrap(), "my own");
    let names: Vec<String> =
        rows(section(&document, "runs-below")).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a", "c"]);
}

#[test]
fn stages_are_counted_once() {
    let world = crate::stages::world();
    world.rows("train mpt.toml --output runs/full", "");
    world.rows("train run.toml --output runs/plain", "");
    let page = Page::of(&world, "runs");
    check_self_contained(&page);
    let document = page.document();
    let mut names: Vec<String> =
        rows(section(&document, "runs-below")).into_iter().map(|(name, _)| name).collect();
    names.sort();
    assert_eq!(names, ["full", "plain"]);
    let header = text(named(document.root(), "header").next().unwrap());
    assert!(header.contains("2 runs, and 4 runs inside them"), "{header}");
}
