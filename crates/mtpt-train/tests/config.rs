use std::path::Path;

use mtpt_compose::{CompositionConfig, LowRankConfig};
use mtpt_train::{AdafactorConfig, AdamWConfig, InitializerConfig, OptimizerConfig, RunConfig};

fn parse(text: &str) -> Result<RunConfig, String> {
    RunConfig::parse(text, Path::new("some/run.toml")).map_err(|error| error.to_string())
}

#[test]
fn every_key_but_the_model_has_a_default() {
    let config = parse("model = 't5'").unwrap();
    assert_eq!(config.composition, CompositionConfig::LowRank(LowRankConfig { rank: 1 }));
    assert_eq!((config.training.steps, config.training.batch_size), (300, 32));
    assert_eq!(config.training.optimizer, AdamWConfig::default().into());
    assert_eq!(config.training.optimizer.clip_norm(), Some(1.0));
}

#[test]
fn a_configuration_round_trips() {
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
    // Paths are relative to the directory of the configuration and become absolute.
    assert!(path.is_absolute() && path.ends_with("some/start.npy"), "{path:?}");
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
fn values_out_of_range_are_named() {
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

#[test]
fn each_optimizer_kind_has_its_keys() {
    let optimizer = |text: &str| {
        let config = parse(&format!("model = 't5'\n[training.optimizer]\n{text}")).unwrap();
        let written = toml::to_string(&config).unwrap();
        let read = RunConfig::parse(&written, Path::new("run.toml")).unwrap();
        assert_eq!(read.training, config.training, "{written}");
        config.training.optimizer
    };
    assert_eq!(optimizer(""), OptimizerConfig::default());
    assert_eq!(optimizer("kind = 'adamw'"), OptimizerConfig::default());
    let adamw = AdamWConfig { beta_2: 0.99, clip_norm: None, ..AdamWConfig::default() };
    assert_eq!(optimizer("clip_norm = inf\nbeta_2 = 0.99"), adamw.into());
    assert_eq!(optimizer("kind = 'adafactor'"), AdafactorConfig::default().into());
    let adafactor = AdafactorConfig {
        decay_rate: 0.5,
        steps_before: 1_100_000,
        multiply_by_parameter_scale: true,
        factored: false,
        min_dim_size_to_factor: 2,
        clipping_threshold: f32::INFINITY,
        beta_1: Some(0.9),
        weight_decay: 0.25,
        weight_decay_rate_exponent: 2.0,
        epsilon_1: 1e-6,
        epsilon_2: 0.125,
        clip_norm: Some(0.5),
    };
    let text = "kind = 'adafactor'\ndecay_rate = 0.5\nsteps_before = 1_100_000\n\
                multiply_by_parameter_scale = true\nfactored = false\nmin_dim_size_to_factor = 2\n\
                clipping_threshold = inf\nbeta_1 = 0.9\nweight_decay = 0.25\n\
                weight_decay_rate_exponent = 2.0\nepsilon_1 = 1e-6\nepsilon_2 = 0.125\nclip_norm = 0.5";
    assert_eq!(optimizer(text), adafactor.into());
}

#[test]
fn keys_of_the_other_optimizer_and_unknown_keys_are_named() {
    let check = |text: &str, parts: &[&str]| {
        check_refused(&format!("model = 't5'\n[training.optimizer]\n{text}"), parts);
    };
    check(
        "decay_rate = 0.8",
        &[
            "line 2",
            "`decay_rate` is a key of the optimizer `adafactor`, found next to `kind = \"adamw\"`",
        ],
    );
    check(
        "kind = 'adafactor'\nbeta_2 = 0.9",
        &[
            "line 2",
            "`beta_2` is a key of the optimizer `adamw`, found next to `kind = \"adafactor\"`",
        ],
    );
    check(
        "kind = 'adafactor'\ndecay_rat = 0.9",
        &["line 4", "`decay_rat`", "did you mean `decay_rate`?"],
    );
    check("kind = 'adam'", &["line 3", "`adam`", "`adamw`", "`adafactor`"]);
    check("kind = 'adafactor'\nbeta_1 = 'x'", &["line 4", "expected a number"]);
}

#[test]
fn optimizer_values_out_of_range_are_named() {
    let check = |text: &str, expected: &str| {
        let text = format!("model = 't5'\n[training.optimizer]\nkind = 'adafactor'\n{text}");
        check_refused(&text, &[&format!("`training.optimizer.{expected}")]);
    };
    check("decay_rate = 1.5", "decay_rate` must be at least 0 and at most 1, found 1.5");
    check("min_dim_size_to_factor = 0", "min_dim_size_to_factor` must be at least 1, found 0");
    check("clipping_threshold = 0", "clipping_threshold` must be positive, found 0");
    check("beta_1 = 1", "beta_1` must be at least 0 and below 1, found 1");
    check("weight_decay = -1", "weight_decay` must be at least 0 and finite, found -1");
    check(
        "weight_decay_rate_exponent = inf",
        "weight_decay_rate_exponent` must be at least 0 and finite, found inf",
    );
    check("epsilon_1 = 0", "epsilon_1` must be positive and finite, found 0");
    check("epsilon_2 = inf", "epsilon_2` must be positive and finite, found inf");
    check("clip_norm = nan", "clip_norm` must be positive, found NaN");
    let task = |setting: &str, expected: &str| {
        check_refused(&format!("model = 't5'\ntraining.{setting}"), &[expected]);
    };
    task(
        "task_weight_decay = -1",
        "`training.task_weight_decay` must be at least 0 and finite, found -1",
    );
    task("task_clip_norm = 0", "`training.task_clip_norm` must be positive, found 0");
}
