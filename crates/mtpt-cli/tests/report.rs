//! The report of a run, parsed as XML and compared with the files of the run.

use std::collections::BTreeMap;
use std::fs;

use mtpt::burn::tensor::{Device, Int, Tensor};
use mtpt::core::{Backbone, Compose, TaskIndex};
use mtpt::infer::Prompts;
use mtpt::t5::T5;
use roxmltree::Node;

use crate::report_page::{Page, check_self_contained, named, number, plots, rows, section, text};
use crate::stages;
use crate::world::{CONFIG, World};

#[test]
fn report_contains_the_metrics_of_the_run() {
    let world = World::new();
    let trained = world.rows("train run.toml --output run", "");
    let page = Page::of(&world, "run");
    check_self_contained(&page);
    assert!(page.text.len() < 250_000, "{}", page.text.len());
    let document = page.document();
    let header = named(document.root(), "header").next().unwrap();
    assert!(text(header).contains("All 6 steps are complete."), "{}", text(header));
    assert!(text(header).contains("64 shared, 40 task-specific"));
    let numbers: Vec<f64> = named(header, "data")
        .map(|data| data.attribute("value").unwrap().parse().unwrap())
        .collect();
    let log = world.json_lines("run/metrics.jsonl");
    let losses: Vec<f64> = log.iter().filter_map(|line| line["loss"].as_f64()).collect();
    assert_eq!(numbers, [trained[0]["score"].as_f64().unwrap(), losses[5]]);
    // First, best and last value, and the value at the saved step.
    let table = rows(section(&document, "metrics"));
    assert_eq!(table.len(), 2);
    for ((task, cells), name) in table.iter().zip(["mood", "sky/wet"]) {
        assert_eq!(task, name);
        assert_eq!(text(cells[0]), "accuracy, dev %");
        let of_task = log.iter().filter(|line| line["task"] == name);
        let values: BTreeMap<u64, f64> = of_task
            .map(|line| (line["step"].as_u64().unwrap(), line["value"].as_f64().unwrap()))
            .collect();
        let best = values.values().copied().fold(0.0, f64::max);
        let kept = values[&trained[0]["step"].as_u64().unwrap()];
        let found: Vec<f64> = cells[1..].iter().map(|cell| number(*cell)).collect();
        let first = *values.values().next().unwrap();
        assert_eq!(found, [first, best, values[&6], kept]);
    }
    // Loss, mean and learning rate of the run; loss and accuracy of each task.
    assert_eq!(plots(document.root()), 3 + 2 * 2);
    let tasks = section(&document, "tasks");
    let names: Vec<String> = named(tasks, "h3").map(text).collect();
    assert_eq!(names, ["mood", "sky/wet"]);
    let config = text(section(&document, "configuration"));
    assert!(config.contains(&fs::read_to_string(world.path("run/config.toml")).unwrap()));
}

#[test]
fn similarities_are_cosines_of_composed_prompts() {
    let world = World::new();
    world.rows("train run.toml --output run --set composition=separate", "");
    let page = Page::of(&world, "run");
    let document = page.document();
    let prompts =
        Prompts::read(&world.path("run/prompts.safetensors"), &Device::default()).unwrap();
    let prompt = |task| {
        let prompt = prompts.composition().compose(TaskIndex::new(task));
        prompt.into_data().iter::<f32>().map(f64::from).collect::<Vec<f64>>()
    };
    let prompts = [prompt(0), prompt(1)];
    // Width 16. Sums over the four vectors have the same direction as their means.
    let sums = prompts.clone().map(|prompt| {
        (0..16)
            .map(|column| (0..4).map(|row| prompt[row * 16 + column]).sum())
            .collect::<Vec<f64>>()
    });
    let cosine = |[first, second]: &[Vec<f64>; 2]| {
        let product = |first: &[f64], second: &[f64]| {
            first.iter().zip(second).map(|(first, second)| first * second).sum::<f64>()
        };
        product(first, second) / (product(first, first) * product(second, second)).sqrt()
    };
    let section = section(&document, "similarity");
    let tables: Vec<Node<'_, '_>> = named(section, "table").collect();
    assert_eq!(tables.len(), 2);
    for (table, expected) in tables.into_iter().zip([cosine(&sums), cosine(&prompts)]) {
        assert!(expected.abs() < 0.999, "{expected}");
        let found: Vec<Vec<f64>> = rows(table)
            .iter()
            .map(|(_, cells)| cells.iter().map(|cell| number(*cell)).collect())
            .collect();
        let expected = [[1.0, expected], [expected, 1.0]];
        for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
    }
}

#[test]
fn nearest_tokens_of_initial_words_are_these_words() {
    let world = World::new();
    let text = "prompt.initializer={kind=\"text\",text=\"sun\\u0020rain\\u0020mood\"}";
    let set = format!("--set {text} --set training.steps=1 --set training.learning_rate=1e-6");
    world.rows(&format!("train run.toml --output run --set composition=add {set}"), "");
    let page = Page::of(&world, "run");
    let document = page.document();
    let table = rows(section(&document, "nearest"));
    assert_eq!(table.len(), 2);
    for (_, cells) in &table {
        let tokens: Vec<String> =
            cells.iter().map(|cell| self::text(named(*cell, "code").next().unwrap())).collect();
        // Four vectors, initialized from three words in turn.
        assert_eq!(tokens, ["sun", "rain", "mood", "sun"]);
        assert!(cells.iter().all(|cell| number(*cell) > 0.999));
    }
    // The embeddings differ enough for the test to be meaningful.
    let t5 = T5::load(&world.path("model"), &Device::default()).unwrap();
    let ids = Tensor::<2, Int>::from_data([[5, 6, 9]], &Device::default());
    let embedded: Vec<f32> = t5.embed(ids).into_data().iter::<f32>().collect();
    let norm = |row: &[f32]| row.iter().map(|value| value * value).sum::<f32>().sqrt();
    let (sun, rain) = (&embedded[..16], &embedded[16..32]);
    let product: f32 = sun.iter().zip(rain).map(|(sun, rain)| sun * rain).sum();
    assert!(product / norm(sun) / norm(rain) < 0.9);
}

#[test]
fn mixtures_of_all_mixing_strategies_are_shown() {
    let world = World::new();
    for (strategy, expected) in [
        ("composition=weighted", 2),
        ("composition=gated", 2),
        ("composition={strategy=\"attention\",components=3,heads=2,inner=4}", 2),
        ("composition={strategy=\"instance_attention\",components=3,bottleneck=2}", 2),
    ] {
        world.rows(&format!("train run.toml --output run --force --set {strategy}"), "");
        let page = Page::of(&world, "run");
        check_self_contained(&page);
        let document = page.document();
        let table = rows(section(&document, "mixture"));
        assert_eq!(table.len(), expected, "{strategy}");
        for (name, cells) in table {
            let weights: Vec<f64> = cells.iter().map(|cell| number(*cell)).collect();
            assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-5, "{name}: {weights:?}");
        }
    }
    let levels = "levels=[\"separate\",\"weighted\",\"gated\"]";
    let config = CONFIG.replace("\"mood\"\n", "\"sky/mood\"\n");
    world.write("tree.toml", &config);
    world.rows(
        &format!(
            "train tree.toml --output run --force --set composition={{strategy=\"hierarchy\",{levels}}}"
        ),
        "",
    );
    let page = Page::of(&world, "run");
    let document = page.document();
    let names: Vec<String> =
        rows(section(&document, "mixture")).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["sky", "sky/mood", "sky/wet"]);
    // Other strategies have no such section.
    world.rows("train run.toml --output run --force", "");
    assert!(!Page::of(&world, "run").text.contains("id=\"mixture\""));
}

#[test]
fn runs_in_progress_and_missing_files_are_reported() {
    let world = World::new();
    world.train();
    let path = world.path("run/metrics.jsonl");
    let lines = fs::read_to_string(&path).unwrap();
    let incomplete: String = lines.split_inclusive('\n').take(5).collect();
    fs::write(&path, format!("{incomplete}{{\"step\":4,\"lo")).unwrap();
    fs::rename(world.path("model"), world.path("moved")).unwrap();
    let page = Page::of(&world, "run");
    check_self_contained(&page);
    // The run has recorded its end.
    assert!(page.text.contains("The run ended early, after 3 of 6 steps."));
    fs::remove_file(world.path("run/outcome.json")).unwrap();
    let page = Page::of(&world, "run");
    let expected = "3 of 6 steps are complete. The run is in progress or was interrupted.";
    assert!(page.text.contains(expected));
    assert!(page.text.contains("The model of the run, model, was not found."), "{}", page.text);
    let page = Page::of(&world, "run --model moved");
    assert!(page.text.contains("id=\"nearest\"") && !page.text.contains("was not found"));
    for (name, expected) in [
        ("prompts.safetensors", "has not saved any prompts yet"),
        ("metrics.jsonl", "there are no curves"),
    ] {
        fs::remove_file(world.path("run").join(name)).unwrap();
        let page = Page::of(&world, "run");
        check_self_contained(&page);
        assert!(page.text.contains(expected), "{name}: {}", page.text);
    }
}

#[test]
fn pretraining_report_has_no_prompt_sections() {
    let world = World::with_text();
    world.rows("pretrain pretrain.toml --output run", "");
    let page = Page::of(&world, "run");
    check_self_contained(&page);
    let document = page.document();
    assert!(!page.text.contains("id=\"similarity\"") && !page.text.contains("id=\"notes\""));
    let log = world.json_lines("run/metrics.jsonl");
    for (name, cells) in rows(section(&document, "metrics")) {
        let of_corpus = log.iter().filter(|line| line["task"] == name.as_str());
        let values: Vec<f64> = of_corpus.map(|line| line["value"].as_f64().unwrap()).collect();
        // The best loss is the lowest.
        let best = values.iter().copied().fold(f64::INFINITY, f64::min);
        let found: Vec<f64> = cells[1..].iter().map(|cell| number(*cell)).collect();
        assert_eq!(found, [values[0], best, values[2]]);
    }
}

#[test]
fn nested_runs_are_listed() {
    let world = World::new();
    world.train();
    world.rows("train run.toml --output run/teachers/sky/wet", "");
    world.rows("train run.toml --output run/teachers/mood", "");
    let page = Page::of(&world, "run");
    check_self_contained(&page);
    let document = page.document();
    let table = section(&document, "runs-below");
    let names: Vec<String> = rows(table).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["teachers/mood", "teachers/sky/wet"]);
    let links: Vec<_> = named(table, "a").filter_map(|link| link.attribute("href")).collect();
    assert_eq!(links, ["./teachers/mood/report.html", "./teachers/sky/wet/report.html"]);
    assert!(world.path("run/teachers/sky/wet/report.html").is_file());
    // A folder with nested runs only has a report, too.
    let page = Page::of(&world, "run/teachers");
    assert_eq!(rows(section(&page.document(), "runs-below")).len(), 2);
}

#[test]
fn runs_of_all_stages_are_listed() {
    let world = stages::world();
    world.rows("train mpt.toml --output run", "");
    let source = Page::of(&world, "run/source");
    check_self_contained(&source);
    let course = text(section(&source.document(), "course"));
    assert!(course.contains("Auxiliary losses") && course.contains("logits"), "{course}");
    let board = world.path("run/source/tensorboard");
    let events = fs::read(board.read_dir().unwrap().next().unwrap().unwrap().path()).unwrap();
    let tag = b"added_loss/logits";
    assert!(events.windows(tag.len()).any(|part| part == tag));
    let page = Page::of(&world, "run");
    check_self_contained(&page);
    let document = page.document();
    let found = rows(section(&document, "runs-below"));
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["source", "targets/new", "teachers/mood", "teachers/sky/wet"]);
    assert_eq!(text(found[2].1[0]), "4");
    let header = text(named(document.root(), "header").next().unwrap());
    assert!(header.contains("4 runs in subfolders."), "{header}");
    // The final prompts are analyzed here, and nothing is missing.
    assert!(page.text.contains("id=\"nearest\"") && !page.text.contains("id=\"notes\""));
}

#[test]
fn names_are_escaped() {
    let world = World::new();
    let hostile = r#"<script>alert("x")</script>&'\""#;
    let task = serde_json::to_string(hostile).unwrap();
    world.rows("train run.toml --output run --set training.steps=2", "");
    // A word of the vocabulary, too.
    let tokenizer = fs::read_to_string(world.path("model/tokenizer.json")).unwrap();
    let sun = serde_json::to_string("<b onclick='x'>&amp;").unwrap();
    world.write("model/tokenizer.json", &tokenizer.replace("\"sun\"", &sun));
    let text = "prompt.initializer={kind=\"text\",text=\"rain\"}";
    world.rows(
        &format!(
            "train run.toml --output run --force --set training.steps=2 --set composition=add --set {text}"
        ),
        "",
    );
    let path = world.path("run/metrics.jsonl");
    let mut lines = fs::read_to_string(&path).unwrap();
    lines.push_str(&format!(
        "{{\"step\":2,\"split\":\"dev\",\"task\":{task},\"metric\":{task},\"value\":0.5}}\n"
    ));
    fs::write(&path, lines).unwrap();
    let config = fs::read_to_string(world.path("run/config.toml")).unwrap();
    fs::write(world.path("run/config.toml"), format!("{config}\n# {hostile}\n")).unwrap();
    let page = Page::of(&world, "run");
    check_self_contained(&page);
    assert!(!page.text.contains("<script>alert") && !page.text.contains("<b onclick"));
    let document = page.document();
    let heads: Vec<String> = named(section(&document, "tasks"), "h3").map(self::text).collect();
    assert_eq!(heads, ["mood", "sky/wet", hostile]);
    assert!(self::text(section(&document, "configuration")).contains(hostile));
}

#[test]
fn broken_files_are_named_and_other_files_are_kept() {
    let world = World::new();
    let refused = |arguments: &str, expected: &str| {
        let outcome = world.run(&format!("report {arguments}"), "");
        assert_eq!((outcome.code, outcome.rows.len()), (1, 0), "{arguments}");
        assert!(outcome.messages.starts_with("error: "), "{}", outcome.messages);
        assert!(outcome.messages.contains(expected), "{arguments}: {}", outcome.messages);
    };
    refused("none", "cannot read `none`");
    refused("model", "`model`: expected a run folder");
    world.train();
    world.write("notes.html", "my own");
    refused("run --output notes.html", "`notes.html` already exists");
    Page::of(&world, "run --output notes.html --force");
    Page::of(&world, "run --output notes.html");
    refused("run --model none", "none");
    refused("run --output none/page.html", "cannot write `none/page.html`");
    for (name, content, expected) in [
        ("metrics.jsonl", "{\"step\":1}\n{}\n", "metrics.jsonl`: line 1: expected an object"),
        ("config.toml", "seed = \"x\"\n", "config.toml`: expected the configuration of a run"),
        ("prompts.safetensors", "cut", "prompts.safetensors`"),
    ] {
        let path = world.path("run").join(name);
        let before = fs::read(&path).unwrap();
        fs::write(&path, content).unwrap();
        refused("run", expected);
        fs::write(&path, before).unwrap();
    }
    Page::of(&world, "run");
}

#[test]
fn report_of_a_long_run_is_small() {
    let world = World::new();
    fs::create_dir(world.path("long")).unwrap();
    let mut lines = String::new();
    for step in 1..=3000_u32 {
        let noise = f64::from(step * 7919 % 101) / 50.0;
        let loss = 3.0 / f64::from(step).sqrt() + noise;
        let tasks: Vec<String> = (0..20)
            .map(|task| format!("\"group/task{task}\":{}", loss + f64::from(task)))
            .collect();
        lines.push_str(&format!(
            "{{\"step\":{step},\"loss\":{loss},\"lr\":0.3,\"gradient_norm\":1.0,\"rows\":32,\"seconds\":0.1,\"tasks\":{{{}}}}}\n",
            tasks.join(",")
        ));
        if step % 100 == 0 {
            for task in 0..20 {
                let value = f64::from(step) / 4000.0;
                lines.push_str(&format!(
                    "{{\"step\":{step},\"split\":\"dev\",\"task\":\"group/task{task}\",\"metric\":\"accuracy\",\"value\":{value}}}\n"
                ));
            }
        }
    }
    world.write("long/metrics.jsonl", &lines);
    let page = Page::of(&world, "long");
    check_self_contained(&page);
    assert!(page.text.len() < 700_000, "{}", page.text.len());
    // An overview of all tasks, and two charts for each.
    assert_eq!(plots(section(&page.document(), "tasks")), 20 + 40);
}
