//! Commands, options and files that are not what they should be, and the advice on each.

use crate::world::{CONFIG, World, check_contains};

#[track_caller]
fn check(world: &World, command: &str, code: i32, parts: &[&str]) {
    let outcome = world.run(command, "");
    assert_eq!(outcome.code, code, "{command}: {}", outcome.messages);
    check_contains(&outcome.messages, parts);
}

#[test]
fn other_files_in_place_of_a_configuration_are_recognized() {
    let world = World::with_text();
    world.train();
    world.write("tickets.csv", "text,label\n");
    world.write("tickets.jsonl.gz", "");
    let init = |path: &str| format!("write a configuration with `mtpt init {path} --model DIR`");
    for command in ["train", "pretrain", "adapt --prompts run"] {
        for path in ["tickets.csv", "mood.jsonl", "wet.tsv", "tickets.jsonl.gz"] {
            let parts = [&format!("but `{path}` is a data file; "), &init(path)[..]];
            check(&world, &format!("{command} {path}"), 1, &parts);
        }
        let file = "run/prompts.safetensors";
        let parts = [&format!("but `{file}` is a file of tensors; ")[..], "prompt.start_from=PATH"];
        check(&world, &format!("{command} {file}"), 1, &parts);
        let parts = ["but `model` is a model; ", "`mtpt init DATA --model model`"];
        check(&world, &format!("{command} model"), 1, &parts);
        let parts =
            ["but `run` is the folder of a run; ", "`run/config.toml`, and `--output run --"];
        check(&world, &format!("{command} run"), 1, &parts);
    }
    world.rows("export --format peft --prompts run --output adapter", "");
    world.rows("train run.toml --output sweep/first", "");
    world.rows("train run.toml --output sweep/second", "");
    let parts = ["`adapter` is prompts; to start from", "`--set prompt.start_from=adapter`"];
    check(&world, "train adapter", 1, &parts);
    let parts = [
        "`sweep` is a folder of runs; `mtpt report sweep` compares them, and ",
        "`mtpt train sweep/first/config.toml --output sweep/first --resume`",
    ];
    check(&world, "train sweep", 1, &parts);
    check(&world, "train run/checkpoints", 1, &["belongs to the checkpoints of the run `run`"]);
    // The advice on a run's folder works.
    world.rows("train run/config.toml --output run --resume", "");
    let parts = ["`pretrain.toml` is one of continued pretraining; run `mtpt pretrain"];
    check(&world, "train pretrain.toml", 1, &parts);
    for command in ["eval --prompts run --tasks", "import run --output out.st --tasks"] {
        let parts =
            ["expected a task file or run configuration (TOML), but `mood.jsonl` is a data"];
        check(&world, &format!("{command} mood.jsonl"), 1, &parts);
        let outcome = world.run(&format!("{command} run"), "");
        assert!(outcome.messages.ends_with("its configuration is `run/config.toml`\n"));
    }
}

#[test]
fn settings_passed_as_options_are_recognized() {
    let world = World::with_text();
    for (option, key) in [
        ("--learning-rate 0.1", "training.learning_rate"),
        ("--learning_rate=0.1", "training.learning_rate"),
        ("--lr 0.1", "training.learning_rate"),
        ("--steps 5", "training.steps"),
        ("--training.steps 5", "training.steps"),
        ("--batch-size 5", "training.batch_size"),
        ("--seed 1", "seed"),
        ("--patience 3", "evaluation.patience"),
        ("--start-from run", "prompt.start_from"),
    ] {
        let tip = format!("settings are passed with `--set {key}=VALUE`");
        check(&world, &format!("train run.toml {option}"), 2, &["unexpected argument", &tip]);
    }
    let tip = "settings are passed with `--set training.steps=VALUE`";
    check(&world, "pretrain pretrain.toml --steps 5", 2, &[tip]);
    // Anything else keeps the usual suggestion.
    check(&world, "train run.toml --ouput run", 2, &["'--output'"]);
    let outcome = world.run("predict --learning-rate 1", "");
    assert!(!outcome.messages.contains("--set"), "{}", outcome.messages);
}

#[test]
fn names_of_settings_lead_to_keys() {
    let world = World::with_text();
    for (setting, key) in [
        ("lr=0.1", "training.learning_rate"),
        ("steps=5", "training.steps"),
        ("learning-rate=0.1", "training.learning_rate"),
        ("num_virtual_tokens=8", "prompt.length"),
        ("training.patience=3", "evaluation.patience"),
        ("evaluation.steps=3", "training.steps"),
    ] {
        let name = setting.split('=').next().unwrap();
        let expected = format!("`--set {setting}`: unknown key `{name}`; did you mean `{key}`?");
        check(&world, &format!("train run.toml --set {setting}"), 1, &[&expected]);
    }
    let expected = "`--set lr=0.1`: unknown key `lr`; did you mean `training.learning_rate`?";
    check(&world, "pretrain pretrain.toml --set lr=0.1", 1, &[expected]);
    // Within the right table, the error lists its keys.
    let parts = ["unknown field `stpes`, expected one of `steps`", "did you mean `steps`?"];
    check(&world, "train run.toml --set training.stpes=3", 1, &parts);
    check(&world, "train run.toml --set", 2, &["a value is required for '--set <KEY=VALUE>'"]);
    check(&world, "train run.toml --set training.steps", 1, &["expected KEY=VALUE"]);
}

#[test]
fn lists_of_values_are_recognized() {
    let world = World::with_text();
    let tip = "a list of values has no spaces: `--set training.learning_rate=0.1,0.3,1`";
    for list in ["0.1, 0.3, 1", "0.1 ,0.3, 1"] {
        let command = format!("train run.toml --set training.learning_rate={list}");
        check(&world, &command, 2, &["unexpected argument", tip]);
    }
    check(&world, "train run.toml --set=training.learning_rate=0.1, 0.3, 1", 2, &[tip]);
    let expected = "expected one value, found a list; to run each of several values, pass `--set \
                    training.learning_rate=0.1,0.3`";
    for command in ["train run.toml", "pretrain pretrain.toml"] {
        let command = format!("{command} --set seed=2 --set training.learning_rate=[0.1,0.3]");
        check(&world, &command, 1, &[expected]);
    }
    check(&world, "train run.toml --set training.steps=[]", 1, &["`--set training.steps=[]`: "]);
    // The usage names no option that wasn't given.
    let usage = "Usage: mtpt train [OPTIONS] <CONFIG.toml>\n";
    check(&world, "train run.toml --batch_size 3", 2, &[usage]);
    check(&world, "adapt run.toml --batch_size 3", 2, &["Usage: mtpt adapt [OPTIONS] --prompts"]);
}

#[test]
fn options_of_another_strategy_are_recognized() {
    let world = World::new();
    let levels =
        "composition = { strategy = \"hierarchy\", levels = [\"low_rank\", \"add\", \"add\"] }";
    world.write("tree.toml", &CONFIG.replace("seed = 1\n", &format!("seed = 1\n{levels}\n")));
    let expected = "`levels` is not an option of `low_rank`; to replace the whole table, pass \
                    `--set composition=low_rank`";
    let command = "train tree.toml --set training.steps=1 --set composition.strategy=";
    check(&world, &format!("{command}low_rank"), 1, &[expected]);
    check(&world, &format!("{command}hierarchy,low_rank"), 1, &[expected]);
    world.rows("train tree.toml --set training.steps=1 --set composition=low_rank,add", "");
    let random = "initializer = { kind = \"random_uniform\", range = 0.5 }";
    world.write("random.toml", &CONFIG.replace("length = 4", &format!("length = 4, {random}")));
    let parts = ["`range` is not an option of `text`; to replace the whole table, pass `--set \
                  prompt.initializer={ kind = \"text\", ... }`"];
    check(&world, "train random.toml --set prompt.initializer.kind=text", 1, &parts);
}

#[test]
fn commands_of_other_programs_are_recognized() {
    let world = World::new();
    for (given, command) in [("finetune", "train"), ("test", "eval"), ("infer", "predict")] {
        let tip = format!("use `mtpt {command}`");
        check(&world, given, 2, &[&format!("unrecognized subcommand '{given}'"), &tip]);
    }
    check(&world, "resume", 2, &["use `mtpt train CONFIG.toml --resume`"]);
    check(&world, "evaluate", 2, &["'eval'"]);
    check(&world, "train", 2, &["<CONFIG.toml>"]);
}

#[test]
fn absurd_learning_rates_are_warned_of() {
    let world = World::with_text();
    let warned = |command: &str| world.run(command, "").messages.contains("warning: `");
    for rate in ["1e20", "1e38", "30"] {
        let command =
            format!("train run.toml --set training.learning_rate={rate} --output r{rate}");
        assert!(warned(&command), "{rate}");
    }
    assert!(!warned("train run.toml --set training.learning_rate=3 --output three"));
    assert!(warned("train run.toml --set training.task_learning_rate=1e9 --output parts"));
    assert!(warned("pretrain pretrain.toml --set training.learning_rate=3"));
}

#[test]
fn the_split_that_tasks_have_is_named() {
    let world = World::new();
    world.train();
    world.write("test.toml", &CONFIG.replace("dev = ", "test = "));
    let expected = "no task in `test.toml` has a `dev` split; evaluate `test` with `--split test`";
    check(&world, "eval --prompts run --tasks test.toml", 1, &[expected]);
    world.rows("eval --prompts run --tasks test.toml --split test", "");
    let expected = "has a `test` split; evaluate `dev` with `--split dev`";
    check(&world, "eval --prompts run --tasks run.toml --split test", 1, &[expected]);
}

#[test]
fn a_folder_of_runs_is_listed() {
    let world = World::new();
    world.rows("train run.toml --output runs/first", "");
    world.rows("train run.toml --output runs/second --set training.steps=2", "");
    let text = world.text("inspect runs");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "runs: 2 runs");
    assert!(lines[1].starts_with("runs/first   6 of 6 steps, score "), "{text}");
    assert!(lines[2].starts_with("runs/second  2 of 2 steps, score "), "{text}");
    assert!(text.contains("`mtpt report runs` compares them"), "{text}");
    let json = world.rows("inspect runs --json", "").remove(0);
    assert_eq!((&json["kind"], &json["runs"][1]["run"]), (&"runs".into(), &"runs/second".into()));
    // The sessions of a run.
    let text = world.text("inspect runs/first");
    let line = text.lines().find(|line| line.starts_with("session 20")).unwrap();
    assert!(line.contains(" UTC: steps 0 to 6, complete; mtpt "), "{line}");
    assert!(line.ends_with("mtpt train run.toml --output runs/first"), "{line}");
    let json = world.rows("inspect runs/first --json", "").remove(0);
    assert_eq!(json["sessions"][0]["last_step"], 6);
}

#[test]
fn inspect_refuses_prompts_to_start_from_like_train() {
    let world = World::new();
    world.train();
    let start = |length| format!("length = {length}, start_from = \"run\"");
    let add = CONFIG.replace("seed = 1\n", "seed = 1\ncomposition = \"add\"\n");
    for (config, expected) in [
        (CONFIG.replace("length = 4", &start(3)), "set `prompt.length = 4`"),
        (
            add.replace("length = 4", &start(4)),
            "set `composition = { strategy = \"low_rank\", rank = 1 }`",
        ),
    ] {
        world.write("cont.toml", &config);
        let (code, _, inspected) = world.output("inspect cont.toml");
        let trained = world.run("train cont.toml --output started", "");
        assert_eq!((code, trained.code), (1, 1), "{inspected} {}", trained.messages);
        for messages in [&inspected, &trained.messages] {
            assert!(messages.contains("cannot start from `"), "{messages}");
            assert!(messages.contains(expected), "{messages}");
        }
    }
}

#[test]
fn inspect_reports_what_train_refuses() {
    let world = World::new();
    let tree = CONFIG.replace("\"sky/wet\"", "\"sky/high/wet\"");
    let levels = "[composition]\nstrategy = \"hierarchy\"\nlevels = [\"low_rank\", \"low_rank\"]\n";
    let stochastic = "[mixture]\nstochastic = { most_tasks = 5 }\n";
    let with =
        |table: &str, config: &str| config.replacen("[[tasks]]", &format!("{table}\n[[tasks]]"), 1);
    for (name, config, expected) in [
        (
            "levels.toml",
            with(levels, &tree),
            "`composition.levels` must have one strategy for each of the 4 levels of the tree (root / \
             sky / high / wet), found 2",
        ),
        ("batch.toml", with(stochastic, CONFIG), "`most_tasks`"),
        (
            "patience.toml",
            CONFIG.replace("every = 3", "every = 3, patience = 2").replace("dev = ", "test = "),
            "`evaluation.patience` needs a `dev` split",
        ),
        (
            "parts.toml",
            with("[composition]\nstrategy = \"separate\"\n", CONFIG)
                .replace("batch_size = 4", "batch_size = 4, task_learning_rate = 0.1"),
            "",
        ),
    ] {
        world.write(name, &config);
        let inspected = world.output(&format!("inspect {name}"));
        let trained = world.run(&format!("train {name} --output out-{name}"), "");
        assert_eq!(inspected.0, trained.code, "{name}: {} {}", inspected.2, trained.messages);
        assert!(inspected.1.contains("mood"), "the tasks are shown: {}", inspected.1);
        if expected.is_empty() {
            continue;
        }
        for messages in [&inspected.2, &trained.messages] {
            assert!(messages.contains(expected), "{name}: {messages}");
        }
        let last = |messages: &str| messages.lines().last().unwrap().to_owned();
        assert_eq!(last(&inspected.2), last(&trained.messages), "{name}");
    }
}
