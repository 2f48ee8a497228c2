use std::path::Path;

use mtpt_compose::{CompositionConfig, LowRankConfig};
use mtpt_train::{InitializerConfig, RunConfig};

fn parse(text: &str) -> Result<RunConfig, String> {
    RunConfig::parse(text, Path::new("some/run.toml")).map_err(|error| error.to_string())
}

#[test]
fn every_key_but_the_model_has_a_default() {
    let config = parse("model = 't5'").unwrap();
    assert_eq!(config.composition, CompositionConfig::LowRank(LowRankConfig { rank: 1 }));
    assert_eq!((config.training.steps, config.training.batch_size), (300, 32));
    assert_eq!(config.training.optimizer.clip_norm, Some(1.0));
}

#[test]
fn a_whole_configuration_is_read_and_written_alike() {
    let text = r#"
        model = "t5"
        seed = 3
        prompt = { length = 5, initializer = { kind = "file", path = "start.npy" } }
        composition = { strategy = "gated", hidden = 4 }
        mixture = { rates = { temperature = { temperature = 2.0 } }, shuffle = false }
        evaluation = { every = 10 }

        [training]
        steps = 7
        decay = "inverse_square_root"
        task_learning_rate = 0.4
        optimizer = { weight_decay = 0.0 }

        [[tasks]]
        whatever = "is read elsewhere"
    "#;
    let config = parse(text).unwrap();
    let InitializerConfig::File { path, .. } = &config.prompt.initializer else { panic!() };
    assert_eq!(path, Path::new("some/start.npy"), "paths begin at the configuration's folder");
    let written = toml::to_string(&config).unwrap();
    let read = RunConfig::parse(&written, Path::new("run.toml")).unwrap();
    assert_eq!(read.training, config.training);
    assert_eq!(read.composition, config.composition);
    assert_eq!(read.mixture, config.mixture);
}

#[track_caller]
fn check_refused(text: &str, parts: &[&str]) {
    let failure = parse(text).unwrap_err();
    for part in parts {
        assert!(failure.contains(part), "`{part}` is not in: {failure}");
    }
}

#[test]
fn mistakes_are_named_with_file_and_line() {
    check_refused("seed = 1", &["`some/run.toml`", "missing field `model`"]);
    check_refused("model = 't5'\nsead = 1", &["`some/run.toml`, line 2", "`sead`", "`seed`"]);
    check_refused(
        "model = 't5'\n\n[training]\nsteps = 'many'",
        &["line 4", "expected a whole number, 0 or more"],
    );
    check_refused("model = ", &["`some/run.toml`, line 1"]);
    let unknown = "model = 't5'\ncomposition = { strategy = 'magic' }";
    check_refused(unknown, &["line 2", "`magic`", "`low_rank`"]);
}

#[test]
fn numbers_out_of_range_are_named() {
    let check = |setting: &str, expected: &str| {
        check_refused(&format!("model = 't5'\n{setting}"), &["`some/run.toml`: ", expected]);
    };
    check("training.steps = 0", "`training.steps` must be at least 1, found 0");
    check("prompt.length = 0", "`prompt.length` must be between 1 and 10000, found 0");
    check(
        "training = { steps = 5, warmup_steps = 5 }",
        "`training.warmup_steps` must be below `training.steps`, found 5",
    );
    check(
        "training.learning_rate = -0.1",
        "`training.learning_rate` must be positive and finite, found -0.1",
    );
    check(
        "training.task_learning_rate = 0.0",
        "`training.task_learning_rate` must be positive and finite, found 0",
    );
    check(
        "training.optimizer.beta_1 = 1.0",
        "`training.optimizer.beta_1` must be at least 0 and below 1, found 1",
    );
}
