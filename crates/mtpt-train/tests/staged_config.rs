//! Configurations of several stages, and errors in them.

use std::path::Path;

use mtpt_train::{
    DistillationConfig, KeepStates, Reduction, RunConfig, Stack, StagedRunConfig, TaskParts,
};

const WHOLE: &str = r#"
model = "t5"

[prompt]
length = 10

[training]
steps = 400
learning_rate = 0.2
[training.optimizer]
weight_decay = 0.0

[teachers]
[teachers.training]
steps = 90
[teachers.prompt]
length = 7

[distillation]
weight = 0.5
temperature = 2.0
states = ["decoder"]
reduction = "sum"
keep_states = "never"

[adaptation]
targets = ["rte", "nli/cb"]
task_parts = { task = "mnli" }
[adaptation.training]
steps = 50
task_learning_rate = 0.4
[adaptation.training.optimizer]
weight_decay = 0.25
[adaptation.few_shot]
rows = [4]
"#;

fn parse(text: &str) -> Result<StagedRunConfig, String> {
    StagedRunConfig::parse(text, Path::new("some/mpt.toml")).map_err(|error| error.to_string())
}

#[test]
fn stages_override_only_the_given_values() {
    let config = parse(WHOLE).unwrap();
    let teachers = config.teachers().unwrap();
    assert_eq!((teachers.training.steps, teachers.training.learning_rate), (90, 0.2));
    assert_eq!((teachers.prompt.length, config.run.prompt.length), (7, 10));
    let expected = DistillationConfig {
        weight: 0.5,
        temperature: 2.0,
        states: vec![Stack::Decoder],
        reduction: Reduction::Sum,
        keep_states: KeepStates::Never,
        ..DistillationConfig::default()
    };
    assert_eq!(config.distillation, Some(expected));
    let adaptation = config.adaptation.as_ref().unwrap();
    assert_eq!(adaptation.training.steps, 50);
    assert_eq!(adaptation.training.learning_rate, 0.2);
    assert_eq!(adaptation.training.task_learning_rate, Some(0.4));
    assert_eq!(adaptation.task_parts, TaskParts::Task("mnli".into()));
    let few_shot = adaptation.few_shot.as_ref().unwrap();
    assert_eq!((few_shot.rows.as_slice(), few_shot.draws), (&[4][..], 10));
    // Written with all defaults, it is parsed to the same value.
    let written = toml::to_string(&config).unwrap();
    assert_eq!(
        parse(&written).unwrap(),
        StagedRunConfig {
            // There is no relative path, which would depend on the directory.
            ..config
        }
    );
}

#[test]
fn a_configuration_without_stages_is_a_run() {
    let config = parse("model = \"t5\"\n").unwrap();
    assert_eq!((config.first_stage(), config.teachers()), (None, None));
    assert_eq!(config.run, RunConfig::parse("model = \"t5\"\n", Path::new("a.toml")).unwrap());
    let problem = RunConfig::parse(WHOLE, Path::new("a.toml")).unwrap_err().to_string();
    assert_eq!(problem, "`a.toml`: expected a single run, found the stage `teachers`; remove it");
}

#[test]
fn a_distillation_without_teachers_table_has_teachers() {
    let text = "model = \"t5\"\n[training]\nsteps = 30\ntask_learning_rate = 0.4\n[distillation]\n";
    let config = parse(text).unwrap();
    let teachers = config.teachers().unwrap();
    assert_eq!((teachers.training.steps, teachers.training.task_learning_rate), (30, None));
    let text = "model = \"t5\"\n[teachers]\nprompts = \"old.safetensors\"\n[distillation]\n";
    let teachers = parse(text).unwrap().teachers().unwrap();
    let prompts = teachers.prompts.unwrap();
    // The path is absolute, so that it doesn't depend on the directory.
    assert!(prompts.is_absolute() && prompts.ends_with("some/old.safetensors"), "{prompts:?}");
}

#[test]
fn problems_name_the_key_and_the_line() {
    let refused = |text: &str, expected: &[&str]| {
        let problem = parse(&format!("model = \"t5\"\n{text}")).unwrap_err();
        assert!(problem.starts_with("`some/mpt.toml`"), "{problem}");
        for part in expected {
            assert!(problem.contains(part), "{problem}: {part}");
        }
    };
    refused("[teachers.training]\nstepz = 3\n", &["line 2", "`teachers.training`", "`stepz`"]);
    refused(
        "[adaptation]\ntargets = [\"a\"]\n[adaptation.training]\nsteps = \"many\"\n",
        &[
            "line 4",
            "`adaptation.training`",
            "expected a whole number, 0 or more, in `steps = \"many\"`",
        ],
    );
    refused("[teachers.training]\nsteps = 0\n", &["`[teachers]`", "`training.steps`"]);
    refused("[distillation]\ntemperature = 0.0\n", &["`distillation.temperature`", "positive"]);
    refused("[distillation]\nweight = -1.0\n", &["`distillation.weight`", "at least 0"]);
    refused("[distillation]\nstates = [\"middle\"]\n", &["line 3", "middle"]);
    refused("[distilation]\n", &["distilation", "distillation"]);
    refused(
        "[adaptation]\ntargets = [\"a\"]\n[adaptation.few_shot]\nrows = [0]\n",
        &["`adaptation.few_shot.rows`"],
    );
    refused(
        "[adaptation]\ntargets = [\"a\"]\n[adaptation.nearest]\nsteps = 0\n",
        &["`adaptation.nearest.steps`"],
    );
}
