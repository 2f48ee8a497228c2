use std::path::Path;

use mtpt_train::{AdafactorConfig, Decay, PretrainingConfig};

fn parse(text: &str) -> Result<PretrainingConfig, String> {
    PretrainingConfig::parse(text, Path::new("some/adapt.toml")).map_err(|error| error.to_string())
}

#[test]
fn every_key_but_the_model_has_a_default() {
    let config = parse("model = 't5'").unwrap();
    assert_eq!(config, PretrainingConfig::new("t5"));
    assert_eq!((config.training.steps, config.training.learning_rate), (1000, 3e-4));
    assert_eq!((config.training.max_input_length, config.training.max_target_length), (512, 512));
    assert!(!config.dropout);
}

#[test]
fn setting_one_training_key_keeps_the_pretraining_defaults() {
    let text = "model = 't5'\ndropout = true\ntasks_weight = 0.5\n[training]\nsteps = 7\n\
                decay = 'constant'\n[[corpora]]\nwhatever = 1\n[[tasks]]\nis = 'read elsewhere'";
    let config = parse(text).unwrap();
    assert_eq!((config.training.steps, config.training.decay), (7, Decay::Constant));
    assert_eq!((config.training.learning_rate, config.training.max_target_length), (3e-4, 512));
    assert_eq!((config.dropout, config.tasks_weight), (true, 0.5));
    let config = parse("model = 't5'\ntraining.optimizer.kind = 'adafactor'").unwrap();
    assert_eq!(config.training.optimizer, AdafactorConfig::default().into());
}

#[test]
fn mistakes_are_named_with_file_and_line() {
    let check = |text: &str, parts: &[&str]| {
        let failure = parse(text).unwrap_err();
        for part in parts.iter().copied().chain(["`some/adapt.toml`"]) {
            assert!(failure.contains(part), "`{part}` is not in: {failure}");
        }
    };
    check("seed = 1", &["missing field `model`"]);
    check("model = 't5'\nsead = 1", &["line 2", "`sead`", "`seed`"]);
    check("model = 't5'\n[training]\nstep = 1", &["line 3", "`step`", "`steps`"]);
    // There are no task-specific parameters.
    check("model = 't5'\n[training]\ntask_learning_rate = 1", &["line 3", "`task_learning_rate`"]);
    check("model = 't5'\n[training]\ntask_clip_norm = 1", &["line 3", "`task_clip_norm`"]);
    check("model = 't5'\nprompt = {}", &["line 2", "`prompt`"]);
    let number = |setting: &str, expected: &str| {
        check(&format!("model = 't5'\n{setting}"), &[expected]);
    };
    number("training.steps = 0", "`training.steps` must be at least 1, found 0");
    number("training.max_input_length = 0", "`training.max_input_length` must be at least 1");
    number("training.learning_rate = 0", "`training.learning_rate` must be positive and finite");
    number("evaluation.batch_size = 0", "`evaluation.batch_size` must be at least 1");
    number("tasks_weight = 0", "`tasks_weight` must be positive and finite, found 0");
    number("tasks_weight = -1", "`tasks_weight` must be positive and finite, found -1");
}
