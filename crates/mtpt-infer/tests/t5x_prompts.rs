//! Prompts in T5X checkpoints. The tests of `mtpt-io` check that flax reads and writes them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use mtpt_compose::CompositionConfig;
use mtpt_core::{Compose, TaskIndex};
use mtpt_infer::{ArrayComposition, Error, FormatError, PromptFormat, Prompts};
use mtpt_io::TensorSource;
use mtpt_io::t5x::{self, Checkpoint};

use crate::small_world::SmallWorld;
use crate::untrained;

/// Name of the prompt that prompt-tuning reads for the encoder.
const PROMPT_NAME: &str = "target.encoder.prompt.prompt.prompt";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/prompt_tuning").join(name)
}

fn read(path: &Path) -> Result<Prompts, Error> {
    Prompts::read(path, &Device::flex())
}

fn values(prompts: &Prompts) -> Vec<Vec<f32>> {
    let composition = prompts.composition();
    (0..composition.task_count())
        .map(|task| composition.compose(TaskIndex::new(task)).into_data().try_to_vec().unwrap())
        .collect()
}

fn write(prompts: &Prompts, path: &Path) {
    PromptFormat::T5x.files(prompts, None, path).unwrap().write().unwrap();
}

#[test]
fn array_compositions_are_restored_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    for (name, composition) in [
        ("add", ArrayComposition::Add),
        ("concat", ArrayComposition::Concat),
        ("concat_features", ArrayComposition::ConcatFeatures),
        ("project", ArrayComposition::Project),
    ] {
        let prompts = Prompts::read_arrays(&fixture(name), composition, &Device::flex()).unwrap();
        let path = folder.path().join(name);
        write(&prompts, &path);
        assert_eq!(PromptFormat::detect(&path).unwrap(), Some(PromptFormat::T5x));
        let restored = read(&path).unwrap();
        assert_eq!(restored.header(), prompts.header());
        assert_eq!(values(&restored), values(&prompts), "{name}");
        // The checkpoint alone does not specify the composition.
        fs::remove_file(path.join("mtpt_tasks.json")).unwrap();
        assert!(matches!(
            read(&path).unwrap_err(),
            Error::Format(FormatError::UnknownComposition { .. })
        ));
        let again = Prompts::read_arrays(&path, composition, &Device::flex()).unwrap();
        assert_eq!(values(&again), values(&prompts), "{name}");
    }
}

#[test]
fn the_prompt_of_one_task_has_the_name_of_prompt_tuning() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint_20");
    let prompts = read(&fixture("prompt.npy")).unwrap();
    write(&prompts, &path);
    let checkpoint = Checkpoint::open(&path).unwrap();
    assert_eq!(checkpoint.names().collect::<Vec<_>>(), [PROMPT_NAME]);
    assert_eq!(checkpoint.shape(PROMPT_NAME).unwrap(), [5, 16]);
    assert_eq!(values(&read(&path).unwrap()), values(&prompts));
}

#[test]
fn any_composition_is_exported_task_by_task() {
    let world = SmallWorld::new();
    for composition in CompositionConfig::catalogue() {
        let prompts = untrained::prompts(&composition, &world.tasks);
        let path = world.folder.path().join(composition.name());
        let files = PromptFormat::T5x.files(&prompts, Some(TaskIndex::new(1)), &path);
        if prompts.composition().reads_inputs() {
            let error = files.unwrap_err().to_string();
            assert!(error.contains("depend on the input"), "{error}");
            continue;
        }
        files.unwrap().write().unwrap();
        let [alone] = &values(&read(&path).unwrap())[..] else { panic!("one task") };
        assert_eq!(alone, &values(&prompts)[1], "{}", composition.name());
    }
}

#[test]
fn missing_prompts_and_unsupported_compositions_are_rejected() {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mtpt-t5/tests/fixtures/t5x/v1_1");
    let error = read(&model).unwrap_err();
    assert!(matches!(error, Error::Format(FormatError::NoT5xPrompt { .. })), "{error}");
    assert!(error.to_string().contains("prompt"), "{error}");

    let world = SmallWorld::new();
    let prompts = untrained::prompts(&CompositionConfig::default(), &world.tasks);
    let path = world.folder.path().join("checkpoint");
    let error = PromptFormat::T5x.files(&prompts, None, &path).unwrap_err();
    let Error::Format(FormatError::NotRepresentable { strategy, .. }) = error else {
        panic!("{error}")
    };
    assert_eq!(strategy, "low_rank");
}

/// Returns the path of a checkpoint that flax wrote.
fn flax(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../mtpt-io/tests/fixtures/t5x").join(name)
}

#[test]
fn prompts_are_found_by_their_names() {
    let expected: Vec<f32> = (0..12).map(|value| (value as f32 - 5.0) / 8.0).collect();
    assert_eq!(values(&read(&flax("prompt")).unwrap()), [expected]);

    let prompts =
        Prompts::read_arrays(&flax("multitask"), ArrayComposition::Add, &Device::flex()).unwrap();
    assert_eq!(prompts.tasks().len(), 3);
    assert_eq!((prompts.header().length, prompts.header().d_model), (2, 4));
    let error = PromptFormat::T5x.read(&flax("kinds"), &Device::flex()).unwrap_err();
    assert!(matches!(error, Error::Format(FormatError::NoT5xPrompt { .. })), "{error}");
    let message = error.to_string();
    assert!(message.contains("kinds` has no prompt"), "{message}");
    assert!(message.contains("`.prompt.prompt`"), "{message}");
}

#[test]
fn prompts_of_the_decoder_are_rejected() {
    let parent = tempfile::tempdir().unwrap();
    let decoder_prompt = "target.decoder.prompt.prompt.prompt";
    let array = Checkpoint::open(&flax("prompt")).unwrap().read(PROMPT_NAME).unwrap();
    let alone = BTreeMap::from([(decoder_prompt.to_owned(), array.clone())]);
    let both = alone.clone().into_iter().chain([(PROMPT_NAME.to_owned(), array)]).collect();
    for (name, arrays) in [("alone", alone), ("both", both)] {
        let folder = parent.path().join(name);
        t5x::write(&folder, &arrays, 7).unwrap();
        let message = read(&folder).unwrap_err().to_string();
        let expected = format!("{name}` has a prompt for the decoder, `{decoder_prompt}`");
        assert!(message.contains(&expected), "{message}");
    }
}
