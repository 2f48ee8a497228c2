//! The recipes of the paper, started on a small model with a few rows in the original format of
//! each task.

use std::fs;
use std::path::{Path, PathBuf};

use mtpt::compose::{CompositionConfig, LowRankConfig, Tree};
use mtpt::tasks::{Format, Split, Task, TaskConfig, TaskFile};
use mtpt::train::StagedRunConfig;

use crate::world::World;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn recipe(name: &str) -> (String, StagedRunConfig, Vec<Task>) {
    let path = repository().join("examples/recipes").join(name);
    let text = fs::read_to_string(&path).unwrap();
    let config = StagedRunConfig::parse(&text, &path).unwrap();
    let tasks = TaskFile::parse(&text, &path).unwrap().into_tasks();
    (text, config, tasks)
}

const RECIPES: [(&str, &[&str]); 5] = [
    ("sources.toml", &["mnli", "qnli", "qqp", "sst2", "squad", "record"]),
    ("glue.toml", &["mnli", "qqp", "qnli", "sst2", "stsb", "mrpc", "rte", "cola"]),
    ("superglue.toml", &["multirc", "boolq", "wic", "wsc", "cb"]),
    ("mrqa.toml", &["nq", "hotpotqa", "searchqa", "newsqa"]),
    ("others.toml", &["winogrande", "yelp", "scitail", "paws"]),
];

#[test]
fn recipes_match_the_paper() {
    let listed = fs::read_dir(repository().join("examples/recipes")).unwrap();
    let ends = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "toml");
    assert_eq!(listed.map(|entry| entry.unwrap().path()).filter(ends).count(), RECIPES.len());
    for (name, expected) in RECIPES {
        let (_, config, tasks) = recipe(name);
        let names: Vec<&str> = tasks.iter().map(|task| task.id().as_str()).collect();
        assert_eq!(names, expected, "{name}");
        let run = &config.run;
        assert_eq!(run.composition, CompositionConfig::LowRank(LowRankConfig { rank: 1 }));
        assert_eq!((run.prompt.length, run.training.batch_size), (100, 32), "{name}");
        assert_eq!(run.training.warmup_steps * 10, run.training.steps, "{name}");
        // 77.6 thousand parameters for one target on T5-base, whose width is 768.
        let count = run.composition.parameter_count(100, 768, &Tree::flat(1)).unwrap();
        assert_eq!(count.shared + count.task_specific, 77_668);
        assert_eq!(config.distillation.is_some(), name == "sources.toml");
        let task_rate = (name != "sources.toml").then_some(0.4);
        assert_eq!(run.training.task_learning_rate, task_rate, "{name}");
    }
    assert_eq!(recipe("sources.toml").1.run.mixture.stochastic.unwrap().most_tasks, 6);
}

/// Returns rows in the original format of a task: more than a thousand if a thousand are held out.
fn rows(task: &TaskConfig, split: Split) -> String {
    let held_out = matches!(task.format, Format::GlueQnli | Format::GlueQqp | Format::GlueSst2);
    let count = if held_out && split == Split::Train { 1_006 } else { 6 };
    let with_header = |header: &str, row: &dyn Fn(usize) -> String| {
        let rows = (0..count).map(|number| format!("{}\n", row(number)));
        format!("{header}\n{}", rows.collect::<String>())
    };
    let lines = |row: &dyn Fn(usize) -> String| {
        (0..count).map(|number| format!("{}\n", row(number))).collect::<String>()
    };
    let of = |words: &[&'static str], number: usize| words[number % words.len()];
    let entailment = ["entailment", "not_entailment"];
    match task.format {
        Format::GlueCola => lines(&|row| format!("src\t{}\t\tit rained {row}", row % 2)),
        Format::GlueMnli => with_header("index\tsentence1\tsentence2\tgold_label", &|row| {
            let label = of(&["entailment", "neutral", "contradiction"], row);
            format!("{row}\tit rained\tit was wet\t{label}")
        }),
        Format::GlueMrpc => with_header("Quality\t#1 ID\t#2 ID\t#1 String\t#2 String", &|row| {
            format!("{}\t1\t2\tit rained\train fell {row}", row % 2)
        }),
        Format::GlueQnli => with_header("index\tquestion\tsentence\tlabel", &|row| {
            format!("{row}\twhat fell?\train fell\t{}", of(&entailment, row))
        }),
        Format::GlueQqp => {
            with_header("id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate", &|row| {
                format!("{row}\t1\t2\twhat fell?\twhat rained?\t{}", row % 2)
            })
        }
        Format::GlueRte => with_header("index\tsentence1\tsentence2\tlabel", &|row| {
            format!("{row}\tit rained\tit was wet\t{}", of(&entailment, row))
        }),
        Format::GlueSst2 => {
            with_header("sentence\tlabel", &|row| format!("a fine film {row}\t{}", row % 2))
        }
        Format::GlueStsb => with_header("index\tsentence1\tsentence2\tscore", &|row| {
            format!("{row}\tit rained\train fell\t{}.2", row % 5)
        }),
        Format::SuperglueBoolq => lines(&|row| {
            let label = row % 2 == 0;
            format!(
                r#"{{"question": "is it wet", "passage": "rain", "idx": {row}, "label": {label}}}"#
            )
        }),
        Format::SuperglueCb => lines(&|row| {
            let label = of(&["entailment", "contradiction", "neutral"], row);
            format!(
                r#"{{"premise": "it rained", "hypothesis": "wet", "label": "{label}", "idx": {row}}}"#
            )
        }),
        Format::SuperglueWic => lines(&|row| {
            let label = row % 2 == 0;
            format!(
                r#"{{"word": "rain", "sentence1": "rain fell", "sentence2": "it may rain", "idx": {row}, "label": {label}}}"#
            )
        }),
        Format::SuperglueWsc => lines(&|row| {
            let label = row % 2 == 0;
            format!(
                r#"{{"text": "Ann gave Eve a book because she liked it .", "target": {{"span2_index": 6, "span1_index": 0, "span1_text": "Ann", "span2_text": "she"}}, "idx": {row}, "label": {label}}}"#
            )
        }),
        Format::SuperglueMultirc => lines(&|row| {
            format!(
                r#"{{"idx": {row}, "passage": {{"text": "It rained.", "questions": [{{"question": "What fell?", "idx": 1, "answers": [{{"text": "rain", "idx": 2, "label": 1}}, {{"text": "snow", "idx": 3, "label": 0}}]}}]}}}}"#
            )
        }),
        Format::SuperglueRecord => lines(&|row| {
            format!(
                r#"{{"source": "x", "idx": {row}, "passage": {{"text": "Ann met Eve", "entities": [{{"start": 0, "end": 2}}, {{"start": 8, "end": 10}}]}}, "qas": [{{"query": "@placeholder smiled", "idx": {row}, "answers": [{{"start": 0, "end": 2, "text": "Ann"}}]}}]}}"#
            )
        }),
        Format::Tsv => with_header("id\tsentence1\tsentence2\tlabel", &|row| {
            format!("{row}\tit rained\train fell\t{}", row % 2)
        }),
        Format::JsonLines => lines(&|row| {
            // Each task reads its own fields.
            let answer = 1 + row % 2;
            let gold = of(&["entailment", "neutral"], row);
            format!(
                r#"{{"question": "what fell?", "context": "rain fell", "answers": ["rain"], "sentence": "it _ fell", "option1": "rain", "option2": "snow", "answer": "{answer}", "text": "a fine place", "label": {}, "sentence1": "it rained", "sentence2": "rain fell", "gold_label": "{gold}"}}"#,
                row % 2
            )
        }),
        other => panic!("no rows for {}", other.as_str()),
    }
}

/// Writes a recipe that evaluates a few rows only, and the data of all its tasks.
fn prepare(world: &World, name: &str) {
    let (text, _, tasks) = recipe(name);
    // A few of the thousand held-out rows are enough.
    let few =
        text.replace("splits = \"mpt\"\n", "splits = \"mpt\"\nlimit = { dev = 4, test = 4 }\n");
    world.write(name, &few);
    for task in tasks {
        let config = task.config();
        let files = [Split::Train, Split::Dev, Split::Test];
        for (split, path) in files.iter().zip([&config.train, &config.dev, &config.test]) {
            let Some(path) = path else { continue };
            let path = path.strip_prefix(repository().join("examples/recipes")).unwrap();
            let path = world.path(path.to_str().unwrap());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, rows(config, *split)).unwrap();
        }
    }
}

#[test]
fn recipes_run_on_a_small_model() {
    let world = World::new();
    let model = repository().join("examples/models/mtpt-nano");
    let small = format!(
        "--set model={} --set training.steps=1 --set training.warmup_steps=0 --set training.batch_size=6",
        model.canonicalize().unwrap().display()
    );
    prepare(&world, "sources.toml");
    let teachers = "--set teachers.training.steps=1 --set teachers.training.warmup_steps=0";
    let rows = world.rows(&format!("train sources.toml --output sources {small} {teachers}"), "");
    // Six teachers, the source run, and the final prompts.
    assert_eq!(rows.len(), 8);
    for (name, tasks) in &RECIPES[1..] {
        prepare(&world, name);
        let adapt =
            format!("adapt {name} --prompts sources/prompts.safetensors --output {name}.run");
        let rows = world.rows(&format!("{adapt} {small}"), "");
        assert_eq!(rows.len(), tasks.len() + 1, "{name}");
    }
}
