//! Pages of `mtpt report` as they look: wide and narrow, light and dark.

use std::fs;

use serde_json::{Value, json};

use crate::chromium::{Chromium, VIEWS, View, brightness};
use crate::report_comparison;
use crate::report_page::Page;
use crate::report_results;
use crate::world::World;

/// Checks the layout of a page and its contrasts in all views, and returns the measurements.
fn check_views(chromium: &Chromium, world: &World, page: &str) -> [Value; VIEWS.len()] {
    VIEWS.map(|view| {
        let measured = chromium.measure(&world.path(page), view);
        check_layout(&measured, view, &format!("{page}, {view:?}"));
        measured
    })
}

/// Checks the colors of a page in all views.
#[track_caller]
fn check_screenshots(chromium: &Chromium, world: &World, page: &str) {
    let path = world.path(page);
    for view in VIEWS {
        let context = format!("{page}, {view:?}");
        // High enough to contain charts.
        let height = if view.width < 500 { 3000 } else { 1400 };
        let screenshot = chromium.screenshot(&path, view, height);
        let background = brightness(screenshot.background);
        match view.theme {
            "dark" => assert!(background < 40.0, "{context}: background {background}"),
            _ => assert!(background > 230.0, "{context}: background {background}"),
        }
        // Neither blank nor filled.
        let ink = screenshot.ink;
        assert!((0.03..0.97).contains(&ink), "{context}: {ink} of the pixels differ");
        assert!(screenshot.colored > 200, "{context}: {} colored", screenshot.colored);
    }
}

#[track_caller]
fn check_layout(measured: &Value, view: View, context: &str) {
    assert_eq!(measured["window"], view.width, "{context}");
    // Nothing scrolls sideways except tables and other containers that are made for it.
    let width = measured["width"].as_u64().unwrap();
    assert!(width <= u64::from(view.width), "{context}: {width} wide");
    let height = measured["height"].as_u64().unwrap();
    assert!((600..60_000).contains(&height), "{context}: {height} high");
    for problem in ["outside", "cut", "labels", "overlaps"] {
        assert_eq!(measured[problem], json!([]), "{context}: {problem}");
    }
    // WCAG 2, level AA.
    assert_eq!(measured["low"], json!([]), "{context}: contrast below 4.5");
    for plot in measured["plots"].as_array().unwrap() {
        let [width, height, font] = [0, 1, 2].map(|index| plot[index].as_f64().unwrap());
        assert!((200.0..=560.0).contains(&width), "{context}: a chart {width} wide");
        assert!((100.0..=320.0).contains(&height), "{context}: a chart {height} high");
        assert!((7.0..=17.0).contains(&font), "{context}: text of {font} pixels in a chart");
    }
    // The policy of the page admits its own script. (In the copy there is no policy, so this shows
    // only that the script runs; `script_runs_under_the_policy` tests the policy.)
    assert_eq!(measured["theme"], true, "{context}");
}

#[test]
fn page_of_a_run_is_readable_everywhere() {
    let Some(chromium) = Chromium::find() else { return };
    let world = report_results::world();
    Page::of(&world, "run");
    let [_, _, measured, _] = check_views(&chromium, &world, "run/report.html");
    check_screenshots(&chromium, &world, "run/report.html");
    assert!(measured["plots"].as_array().unwrap().len() >= 7);
    // On a phone, wide tables say that they scroll.
    assert!(measured["hints"].as_u64().unwrap() >= 1, "{measured}");
    // The results are sorted by a click.
    assert_eq!(measured["sorted"], json!(["sky/wet", "mood"]));
}

#[test]
fn comparison_is_readable_everywhere() {
    let Some(chromium) = Chromium::find() else { return };
    let world = report_comparison::world();
    Page::of(&world, "runs/rates");
    let [measured, ..] = check_views(&chromium, &world, "runs/rates/report.html");
    check_screenshots(&chromium, &world, "runs/rates/report.html");
    // Sorted by name, descending; the page itself is sorted by score.
    assert_eq!(measured["sorted"], json!(["c", "b", "a"]));
}

#[test]
fn many_tasks_with_long_names_are_readable() {
    let Some(chromium) = Chromium::find() else { return };
    let world = World::new();
    fs::create_dir(world.path("many")).unwrap();
    let (mut log, mut tasks) = (String::new(), Vec::new());
    for task in 0..100 {
        let name =
            format!("group-of-similar-tasks-{}/a-task-with-a-very-long-name-{task}", task / 9);
        for step in [10, 20, 30] {
            let value = f64::from((task * 37 + step * 11) % 100) / 100.0;
            log.push_str(&format!(
                "{{\"step\":{step},\"split\":\"dev\",\"task\":\"{name}\",\"metric\":\"accuracy\",\"value\":{value}}}\n"
            ));
        }
        tasks.push(json!({
            "task": name, "rows": 10, "kind": "classes",
            "metrics": [{ "metric": "accuracy", "value": 0.5, "majority": 0.4, "tfidf": 0.45 }],
            "warnings": [format!("all rows got `{}`", "x".repeat(150))],
        }));
    }
    log.push_str("{\"step\":30,\"loss\":1.5,\"lr\":0.1}\n");
    world.write("many/metrics.jsonl", &log);
    let evaluation = json!({ "step": 30, "split": "dev", "tasks": tasks });
    world.write("many/evaluation.json", &evaluation.to_string());
    let page = Page::of(&world, "many");
    assert!(page.text.len() < 1_500_000, "{}", page.text.len());
    check_views(&chromium, &world, "many/report.html");
}

#[test]
fn one_step_of_an_unfinished_run_is_readable() {
    let Some(chromium) = Chromium::find() else { return };
    let world = World::new();
    fs::create_dir(world.path("new")).unwrap();
    world.write("new/metrics.jsonl", "{\"step\":1,\"loss\":12.5,\"lr\":0.3}\n{\"step\":2,\"lo");
    Page::of(&world, "new");
    check_views(&chromium, &world, "new/report.html");
}

#[test]
fn script_runs_under_the_policy_of_the_page() {
    let Some(chromium) = Chromium::find() else { return };
    let world = World::new();
    fs::create_dir(world.path("new")).unwrap();
    world.write("new/metrics.jsonl", "{\"step\":1,\"loss\":12.5,\"lr\":0.3}\n");
    let page = Page::of(&world, "new");
    let run = |text: &str| {
        world.write("new/copy.html", text);
        String::from_utf8(chromium.run(&world.path("new/copy.html"), &["--dump-dom"])).unwrap()
    };
    assert!(run(&page.text).contains("class=\"theme\""));
    // Another script, or a changed one, does not run.
    let hostile = "<script>document.body.id = 'changed'</script></body>";
    assert!(!run(&page.text.replace("</body>", hostile)).contains("id=\"changed\""));
    assert!(!run(&page.text.replace("\"theme\"", "\"themes\"")).contains("class=\"themes\""));
}
