//! Prompts in checkpoints of T5X; that flax reads what is written, and writes what is read, is held in `mtpt-core`.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use mtpt_compose::CompositionConfig;
use mtpt_core::{Compose, TaskIndex};
use mtpt_infer::Error;
use mtpt_infer::{ArrayComposition, PromptFormat, Prompts};
use mtpt_io::t5x::{Checkpoint, PROMPT_NAME};

use crate::small_world::{SmallWorld, config};

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
            mtpt_train::train(&config, &world.data, &world.t5, start, None, &mut ()).unwrap();
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
    assert!(matches!(refused, Error::T5x(_)), "{refused}");
    assert!(refused.to_string().contains("prompt"), "{refused}");

    let world = SmallWorld::new();
    let prompts = {
        let config = config(CompositionConfig::default());
        let start = world.composition(&config);
        mtpt_train::train(&config, &world.data, &world.t5, start, None, &mut ()).unwrap()
    };
    let path = world.folder.path().join("checkpoint");
    let refused = PromptFormat::T5x.files(&prompts.prompts, None, &path).unwrap_err();
    assert!(matches!(refused, Error::NoForm { strategy: "low_rank", .. }), "{refused}");
}
