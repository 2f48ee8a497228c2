//! Prompts in T5X checkpoints. Tests against files that flax wrote are in `mtpt-io`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use mtpt_compose::CompositionConfig;
use mtpt_core::{Compose, TaskIndex};
use mtpt_infer::Error;
use mtpt_infer::{ArrayComposition, PromptFormat, Prompts};
use mtpt_io::TensorSource;
use mtpt_io::t5x::{self, Checkpoint};

use crate::small_world::{SmallWorld, config};

/// The name under which prompt-tuning looks for a prompt of the encoder.
const PROMPT_NAME: &str = "target.encoder.prompt.prompt.prompt";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/prompt_tuning").join(name)
}

fn read(path: &Path) -> Result<Prompts, Error> {
    Prompts::read(path, &Device::flex())
}

fn numbers(prompts: &Prompts) -> Vec<Vec<f32>> {
    let composition = prompts.composition();
    (0..composition.task_count())
        .map(|task| composition.compose(TaskIndex::new(task)).into_data().try_to_vec().unwrap())
        .collect()
}

fn write(prompts: &Prompts, path: &Path) {
    PromptFormat::T5x.files(prompts, None, path).unwrap().write().unwrap();
}

#[test]
fn parts_that_are_added_joined_or_projected_come_back_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    for (name, told) in [
        ("add", ArrayComposition::Add),
        ("concat", ArrayComposition::Concat),
        ("concat_features", ArrayComposition::ConcatFeatures),
        ("project", ArrayComposition::Project),
    ] {
        let prompts = Prompts::read_arrays(&fixture(name), told, &Device::flex()).unwrap();
        let path = folder.path().join(name);
        write(&prompts, &path);
        assert_eq!(PromptFormat::of(&path).unwrap(), Some(PromptFormat::T5x));
        let back = read(&path).unwrap();
        assert_eq!(back.header(), prompts.header());
        assert_eq!(numbers(&back), numbers(&prompts), "{name}");
        // The checkpoint alone does not tell how its arrays are composed.
        fs::remove_file(path.join("mtpt_tasks.json")).unwrap();
        assert!(matches!(read(&path).unwrap_err(), Error::UnknownComposition { .. }));
        let told = Prompts::read_arrays(&path, told, &Device::flex()).unwrap();
        assert_eq!(numbers(&told), numbers(&prompts), "{name}");
    }
}

#[test]
fn the_prompt_of_one_task_stands_where_prompt_tuning_looks_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint_20");
    let prompts = read(&fixture("prompt.npy")).unwrap();
    write(&prompts, &path);
    let checkpoint = Checkpoint::open(&path).unwrap();
    assert_eq!(checkpoint.names().collect::<Vec<_>>(), [PROMPT_NAME]);
    assert_eq!(checkpoint.shape(PROMPT_NAME).unwrap(), [5, 16]);
    assert_eq!(numbers(&read(&path).unwrap()), numbers(&prompts));
}

#[test]
fn any_composition_is_written_task_by_task() {
    let world = SmallWorld::new();
    for composition in CompositionConfig::catalogue() {
        let config = config(composition);
        let start = world.composition(&config);
        let reads_inputs = start.reads_inputs();
        let trained =
            mtpt_train::PromptTuningRun::new(&config, &world.data, &world.t5).train(start).unwrap();
        let path = world.folder.path().join(config.composition.name());
        let files = PromptFormat::T5x.files(&trained.prompts, Some(TaskIndex::new(1)), &path);
        if reads_inputs {
            let refused = files.unwrap_err().to_string();
            assert!(refused.contains("depend on the input"), "{refused}");
            continue;
        }
        files.unwrap().write().unwrap();
        let [alone] = &numbers(&read(&path).unwrap())[..] else { panic!("one task") };
        assert_eq!(alone, &numbers(&trained.prompts)[1], "{}", config.composition.name());
    }
}

#[test]
fn what_holds_no_prompt_is_refused() {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mtpt-t5/tests/fixtures/t5x/v1_1");
    let refused = read(&model).unwrap_err();
    assert!(matches!(refused, Error::Tensors(_)), "{refused}");
    assert!(refused.to_string().contains("prompt"), "{refused}");

    let world = SmallWorld::new();
    let prompts = {
        let config = config(CompositionConfig::default());
        let start = world.composition(&config);
        mtpt_train::PromptTuningRun::new(&config, &world.data, &world.t5).train(start).unwrap()
    };
    let path = world.folder.path().join("checkpoint");
    let refused = PromptFormat::T5x.files(&prompts.prompts, None, &path).unwrap_err();
    assert!(matches!(refused, Error::NoForm { strategy: "low_rank", .. }), "{refused}");
}

/// A checkpoint that flax wrote.
fn flax(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../mtpt-io/tests/fixtures/t5x").join(name)
}

#[test]
fn prompts_are_found_by_their_names() {
    let expected: Vec<f32> = (0..12).map(|value| (value as f32 - 5.0) / 8.0).collect();
    assert_eq!(numbers(&read(&flax("prompt")).unwrap()), [expected]);

    let prompts =
        Prompts::read_arrays(&flax("multitask"), ArrayComposition::Add, &Device::flex()).unwrap();
    assert_eq!(prompts.tasks().len(), 3);
    assert_eq!((prompts.header().length, prompts.header().d_model), (2, 4));
    let error = PromptFormat::T5x.read(&flax("kinds"), &Device::flex()).unwrap_err();
    assert!(matches!(error, Error::NoT5xPrompt { .. }), "{error}");
    let message = error.to_string();
    assert!(message.contains("kinds` has no prompt"), "{message}");
    assert!(message.contains("`.prompt.prompt`"), "{message}");
}

#[test]
fn prompts_of_the_decoder_are_rejected() {
    let place = tempfile::tempdir().unwrap();
    let of_decoder = "target.decoder.prompt.prompt.prompt";
    let array = Checkpoint::open(&flax("prompt")).unwrap().read(PROMPT_NAME).unwrap();
    let alone = BTreeMap::from([(of_decoder.to_owned(), array.clone())]);
    let both = alone.clone().into_iter().chain([(PROMPT_NAME.to_owned(), array)]).collect();
    for (name, arrays) in [("alone", alone), ("both", both)] {
        let folder = place.path().join(name);
        t5x::write(&folder, &arrays, 7).unwrap();
        let message = read(&folder).unwrap_err().to_string();
        let expected = format!("{name}` has a prompt for the decoder, `{of_decoder}`");
        assert!(message.contains(&expected), "{message}");
    }
}
