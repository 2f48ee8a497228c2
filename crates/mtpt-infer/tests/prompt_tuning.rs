//! Prompts of google-research/prompt-tuning, see `scripts/generate_prompt_tuning_reference.py`.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, TensorData};
use mtpt_compose::CompositionConfig;
use mtpt_core::{Compose, TaskIndex};
use mtpt_infer::{ArrayComposition, Error, FormatError, PromptFormat, PromptTask, Prompts};
use mtpt_io::npy::{npy_bytes, read_npy};

use crate::small_world::SmallWorld;
use crate::untrained;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/prompt_tuning")
}

fn read(path: &Path) -> Result<Prompts, Error> {
    Prompts::read(path, &Device::flex())
}

fn values(prompts: &Prompts, task: usize) -> Vec<f32> {
    let prompt = prompts.composition().compose(TaskIndex::new(task));
    prompt.into_data().try_to_vec().unwrap()
}

fn floats(path: &Path) -> Vec<f32> {
    read_npy(path).unwrap().try_to_vec().unwrap()
}

#[test]
fn a_numpy_prompt_is_the_prompt_of_one_task() {
    let expected = floats(&fixtures().join("prompt.npy"));
    assert_eq!(expected.len(), 5 * 16);
    let names = [
        "prompt.npy",
        "prompt_f8.npy",
        "prompt_fortran.npy",
        "prompt_big_endian.npy",
        "prompt.npz",
        "checkpoint_20",
        "checkpoint_20/encoder.prompt.prompt.prompt",
    ];
    for name in names {
        let prompts = read(&fixtures().join(name)).unwrap();
        assert_eq!(values(&prompts, 0), expected, "{name}");
        assert_eq!(prompts.composition().prompt_length(), 5);
        assert_eq!(prompts.tasks()[0].name.as_str(), "task0");
        assert_eq!(prompts.tasks().len(), 1);
    }
}

#[test]
fn a_written_prompt_has_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prompt.npy");
    let prompts = read(&fixtures().join("prompt.npy")).unwrap();
    PromptFormat::Npy.files(&prompts, None, &path).unwrap().write().unwrap();
    let numpy = fs::read(fixtures().join("prompt.npy")).unwrap();
    let ours = fs::read(&path).unwrap();
    // Headers may differ in spaces. The array follows.
    assert_eq!(ours[ours.len() - 320..], numpy[numpy.len() - 320..]);
    assert_eq!(ours.len() % 64, 0);
    assert_eq!(floats(&path), floats(&fixtures().join("prompt.npy")));
}

#[test]
fn any_task_is_exported_to_an_array() {
    for composition in CompositionConfig::catalogue() {
        let world = SmallWorld::new();
        let prompts = untrained::prompts(&composition, &world.tasks);
        let path = world.folder.path().join("wet.npy");
        let wet = Some(TaskIndex::new(1));
        if prompts.composition().reads_inputs() {
            let error = PromptFormat::Npy.files(&prompts, wet, &path).unwrap_err();
            assert!(error.to_string().contains("depend on the input"), "{error}");
            continue;
        }
        PromptFormat::Npy.files(&prompts, wet, &path).unwrap().write().unwrap();
        assert_eq!(values(&read(&path).unwrap(), 0), values(&prompts, 1));
        // A `.npy` file has one prompt, and there are two.
        let error = PromptFormat::Npy.files(&prompts, None, &path).unwrap_err().to_string();
        assert!(error.contains("export one task at a time: `mood`, `wet`"));
    }
}

#[test]
fn arrays_that_are_not_prompts_are_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prompt.npy");
    let check = |bytes: &[u8], expected: &str| {
        fs::write(&path, bytes).unwrap();
        let error = PromptFormat::Npy.read(&path, &Device::flex()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("`{}`", path.display())), "{error}");
        assert!(error.contains(expected), "{error}");
    };
    let array =
        |values: Vec<f32>, shape: &[usize]| npy_bytes(&TensorData::new(values, shape.to_vec()));
    check(b"hello", "is not a `.npy` file: found text that starts with `hello`");
    let whole = array(vec![1.0; 6], &[2, 3]);
    check(&whole[..whole.len() - 4], "is truncated or damaged");
    check(&whole[..whole.len() - 24], "is truncated or damaged");
    let text = String::from_utf8_lossy(&whole[10..]).into_owned();
    let end = text.find("(2, 3").unwrap() + 10;
    let mut huge = whole.clone();
    huge[end..end + 5].copy_from_slice(b"(9**9");
    check(&huge, "its header is malformed");
    huge[end..end + 5].copy_from_slice(b"(9999");
    check(&huge, "is truncated or damaged");
    check(&array(vec![1.0; 6], &[6]), "expected an array `[length, d_model]`, found shape [6]");
    let three = "expected an array `[length, d_model]`, found shape [1, 2, 3]";
    check(&array(vec![1.0; 6], &[1, 2, 3]), three);
    check(&array(vec![1.0], &[]), "expected an array `[length, d_model]`, found shape []");
    let empty = "expected an array `[length, d_model]`, found shape [0, 3]";
    check(&array(Vec::new(), &[0, 3]), empty);
    let mut values = vec![1.0; 6];
    values[4] = f32::INFINITY;
    check(&array(values, &[2, 3]), "expected finite values, found inf at [1, 1]");
    let integers = fs::read(fixtures().join("integers.npy")).unwrap();
    check(&integers, "expected floats of 16, 32 or 64 bits, or bfloat16, found '<i8'");
}

/// The prompts that prompt-tuning released.
#[test]
fn released_prompts_are_read_and_written_bit_for_bit() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/prompts");
    if !shared.exists() {
        println!("skipped: `{}` is absent", shared.display());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, shape) in [
        ("mrpc", [100, 768]),
        ("rte", [100, 768]),
        ("sst2", [100, 768]),
        ("prompt_5x256", [5, 256]),
    ] {
        let path = shared.join(format!("{name}.npy"));
        let prompts = read(&path).unwrap();
        assert_eq!([prompts.header().length, prompts.header().d_model], shape);
        let written = folder.path().join(name);
        let alone = Some(TaskIndex::new(0));
        PromptFormat::Npy.files(&prompts, alone, &written).unwrap().write().unwrap();
        let bits = |path: &Path| floats(path).iter().map(|value| value.to_bits()).collect();
        let [found, expected]: [Vec<u32>; 2] = [bits(&written), bits(&path)];
        assert_eq!(found, expected, "{name}");
    }
}

const COMPOSITIONS: [(&str, ArrayComposition); 4] = [
    ("add", ArrayComposition::Add),
    ("concat", ArrayComposition::Concat),
    ("concat_features", ArrayComposition::ConcatFeatures),
    ("project", ArrayComposition::Project),
];

#[test]
fn arrays_of_several_tasks_match_prompt_tuning() {
    for (name, composition) in COMPOSITIONS {
        let prompts =
            Prompts::read_arrays(&fixtures().join(name), composition, &Device::flex()).unwrap();
        assert_eq!(prompts.header().composition.name(), name);
        let composed = read_npy(&fixtures().join(format!("{name}.composed.npy"))).unwrap();
        let [tasks, length, d_model] = composed.shape()[..] else { panic!("three dimensions") };
        assert_eq!(prompts.tasks().len(), tasks);
        assert_eq!(prompts.composition().prompt_length(), length);
        assert_eq!(prompts.composition().d_model(), d_model);
        let expected: Vec<f32> = composed.try_to_vec().unwrap();
        let found: Vec<f32> = (0..tasks).flat_map(|task| values(&prompts, task)).collect();
        for (found, expected) in found.iter().zip(&expected) {
            // Sums of at most seven values around one, in f32 here and in f64 in the reference.
            assert!((found - expected).abs() < 1e-5, "{name}: {found} {expected}");
        }
    }
}

#[test]
fn arrays_of_several_tasks_are_exported_with_their_names() {
    for (name, composition) in COMPOSITIONS {
        let folder = tempfile::tempdir().unwrap();
        let names = ["mood", "sky/wet", "topic"].map(|name| PromptTask {
            template: Some("{text}".into()),
            ..PromptTask::named(name.parse().unwrap())
        });
        let arrays = fixtures().join(name);
        let prompts = Prompts::read_arrays(&arrays, composition, &Device::flex()).unwrap();
        let prompts = prompts.with_tasks(names.to_vec()).unwrap();
        let file = folder.path().join("prompts.safetensors");
        prompts.write(&file).unwrap();
        let prompts = read(&file).unwrap();
        let output = folder.path().join("arrays");
        PromptFormat::Npy.files(&prompts, None, &output).unwrap().write().unwrap();
        for array in ["shared_prompt", "task_prompts"] {
            let theirs = fs::read_dir(&arrays)
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .find(|path| path.file_name().unwrap().to_str().unwrap().contains(array))
                .unwrap();
            assert_eq!(floats(&output.join(format!("{array}.npy"))), floats(&theirs), "{name}");
        }
        // The sidecar file specifies the composition and the tasks.
        let again = read(&output).unwrap();
        assert_eq!(again.header(), prompts.header());
        for task in 0..3 {
            assert_eq!(values(&again, task), values(&prompts, task));
        }
    }
}

#[test]
fn arrays_of_other_shapes_are_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let error = read(&fixtures().join("concat")).unwrap_err();
    assert!(matches!(error, Error::Format(FormatError::UnknownComposition { .. })), "{error}");
    let write = |name: &str, shape: [usize; 2]| {
        let values = vec![1.0_f32; shape[0] * shape[1]];
        fs::write(folder.path().join(name), npy_bytes(&TensorData::new(values, shape))).unwrap();
    };
    write("shared_prompt.npy", [3, 4]);
    let error = read(folder.path()).unwrap_err();
    assert!(matches!(error, Error::Format(FormatError::NoPrompts { .. })), "{error}");
    write("task_prompts.npy", [2, 17]);
    for (name, composition, expected) in [
        ("add", ArrayComposition::Add, "12 values"),
        ("concat", ArrayComposition::Concat, "a multiple of 4 values"),
        ("concat_features", ArrayComposition::ConcatFeatures, "a multiple of 3 values"),
        ("project", ArrayComposition::Project, "a multiple of 5 values"),
    ] {
        let error = Prompts::read_arrays(folder.path(), composition, &Device::flex()).unwrap_err();
        let path = folder.path().join("task_prompts.npy");
        let expected = format!(
            "`{}`: expected {expected} per task for `{name}` with a shared prompt [3, 4], found 17",
            path.display()
        );
        assert_eq!(error.to_string(), expected);
    }
    write("encoder.shared_prompt", [3, 4]);
    let error = read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("the same array as `"), "{error}");
}
