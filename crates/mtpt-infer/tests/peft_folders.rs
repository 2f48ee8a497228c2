//! Folders of PEFT adapters as people have them: of other versions, incomplete, renamed, or a
//! level too high.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use mtpt_infer::{Error, FormatError, PromptFormat, Prompts};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};
use tempfile::TempDir;

fn config() -> Value {
    json!({
        "peft_type": "PROMPT_TUNING", "task_type": "SEQ_2_SEQ_LM", "num_virtual_tokens": 2,
        "token_dim": 3, "num_transformer_submodules": 1, "inference_mode": true,
        "base_model_name_or_path": null,
    })
}

/// Writes an adapter with tensors of ones.
fn write(folder: &Path, config: &Value, tensors: &[(&str, &[usize])]) {
    fs::create_dir_all(folder).unwrap();
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, shape)| 1.0_f32.to_le_bytes().repeat(shape.iter().product()))
        .collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape), bytes)| {
        (*name, TensorView::new(Dtype::F32, shape.to_vec(), bytes).unwrap())
    });
    let weights = safetensors::serialize(views.collect::<Vec<_>>(), None).unwrap();
    fs::write(folder.join("adapter_model.safetensors"), weights).unwrap();
    fs::write(folder.join("adapter_config.json"), config.to_string()).unwrap();
}

const PROMPT: (&str, &[usize]) = ("prompt_embeddings", &[2, 3]);

fn read(path: &Path) -> Result<Prompts, String> {
    Prompts::read(path, &Device::flex()).map_err(|error| error.to_string())
}

/// Reads an adapter with a changed configuration.
fn with(change: impl FnOnce(&mut Value), tensors: &[(&str, &[usize])]) -> Result<Prompts, String> {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config();
    change(&mut config);
    write(folder.path(), &config, tensors);
    let path = format!("{}/", folder.path().display());
    read(folder.path()).map_err(|error| error.replace(&path, ""))
}

#[test]
fn unknown_and_missing_fields_are_accepted() {
    let changes: [fn(&mut Value); 6] = [
        |_| {},
        |config| config["corda_config"] = json!({ "x": [1, 2] }),
        |config| config["peft_version"] = json!("0.99.0"),
        |config| config["inference_mode"] = json!(false),
        |config| config["task_type"] = Value::Null,
        |config| {
            config.as_object_mut().unwrap().remove("token_dim");
        },
    ];
    for change in changes {
        let prompts = with(change, &[PROMPT]).unwrap();
        assert_eq!((prompts.header().length, prompts.header().d_model), (2, 3));
        assert_eq!(prompts.header().model, "");
    }
}

#[test]
fn adapters_of_other_types_are_rejected_with_advice() {
    let refused = |kind: &str| with(|config| config["peft_type"] = json!(kind), &[]).unwrap_err();
    for (kind, advice) in [
        ("LORA", "merge it into the model with PEFT's `merge_and_unload`"),
        ("ADALORA", "merge it into the model"),
        ("P_TUNING", "train a prompt with `mtpt train`"),
        ("PREFIX_TUNING", "train a prompt with `mtpt train`"),
        ("CPT", "train a prompt with `mtpt train`"),
        ("LN_TUNING", "save the result with `save_pretrained`, and pass it as `--model`"),
    ] {
        let failure = refused(kind);
        assert!(failure.contains(&format!("found `{kind}`")), "{failure}");
        assert!(failure.contains(advice), "{failure}");
    }
    for task in ["CAUSAL_LM", "SEQ_CLS", "TOKEN_CLS"] {
        let failure = with(|config| config["task_type"] = json!(task), &[PROMPT]).unwrap_err();
        let expected = format!(
            "`adapter_config.json`: expected an adapter with `task_type` \"SEQ_2_SEQ_LM\", found \
             \"{task}\"; T5 is a sequence-to-sequence model, so use an adapter that was trained \
             for one"
        );
        assert_eq!(failure, expected);
    }
}

#[test]
fn trained_modules_of_the_model_are_rejected_by_name() {
    let modules = |config: &mut Value| config["modules_to_save"] = json!(["lm_head"]);
    let failure = with(modules, &[("base_model.lm_head.weight", &[2, 2]), PROMPT]).unwrap_err();
    let expected = "`adapter_model.safetensors`: the adapter contains the module `lm_head` of the \
                    model (`modules_to_save`), which was trained with the prompt";
    assert!(failure.starts_with(expected), "{failure}");
    // Without such tensors, the model is unchanged.
    with(modules, &[PROMPT]).unwrap();
    with(|config| config["modules_to_save"] = json!([]), &[PROMPT]).unwrap();
}

#[test]
fn malformed_fields_are_named() {
    let missing = |key: &'static str| {
        with(move |config| drop(config.as_object_mut().unwrap().remove(key)), &[PROMPT])
            .unwrap_err()
    };
    for key in ["peft_type", "num_virtual_tokens"] {
        let expected = format!(
            "`adapter_config.json`: expected the key `{key}`, which PEFT writes, found none"
        );
        assert_eq!(missing(key), expected);
    }
    for (key, value, expected) in [
        (
            "num_virtual_tokens",
            json!("2"),
            "a positive integer as `num_virtual_tokens`, found \"2\"",
        ),
        ("num_virtual_tokens", json!(2.5), "a positive integer as `num_virtual_tokens`, found 2.5"),
        ("num_virtual_tokens", json!(0), "a positive integer as `num_virtual_tokens`, found 0"),
        ("token_dim", json!(-3), "a positive integer as `token_dim`, found -3"),
        ("peft_type", json!(["LORA"]), "a text as `peft_type`, found [\"LORA\"]"),
        ("modules_to_save", json!("head"), "a list of texts as `modules_to_save`, found \"head\""),
        ("num_transformer_submodules", json!(3), "`num_transformer_submodules` 1 or 2, found 3"),
    ] {
        let failure = with(|config| config[key] = value, &[PROMPT]).unwrap_err();
        assert_eq!(failure, format!("`adapter_config.json`: expected {expected}"));
    }
}

#[test]
fn a_configuration_that_is_no_json_is_located() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &config(), &[PROMPT]);
    let path = folder.path().join("adapter_config.json");
    for (text, expected) in [
        ("{\"peft_type\": \"LORA\",\n oops}", "found no JSON at line 2, column 2"),
        ("{\"peft_type\": \"PROMPT_TUN", "found the file ends early at line 1"),
        ("", "found the file ends early at line 1, column 0"),
        ("[1]", "expected a JSON object with `peft_type`"),
        ("<!doctype html>", "found no JSON at line 1, column 1"),
    ] {
        fs::write(&path, text).unwrap();
        let failure = read(folder.path()).unwrap_err();
        assert!(failure.contains("adapter_config.json`: expected"), "{failure}");
        assert!(failure.contains(expected), "{failure}");
    }
    // Some editors add a byte order mark.
    fs::write(&path, format!("\u{feff}{}", config())).unwrap();
    read(folder.path()).unwrap();
}

#[test]
fn tensors_of_other_shapes_and_names_are_explained() {
    let shape = with(|config| config["num_virtual_tokens"] = json!(5), &[PROMPT]).unwrap_err();
    assert_eq!(
        shape,
        "tensor `prompt_embeddings` in `adapter_model.safetensors`: expected shape [5, 3], found \
         [2, 3]; `adapter_config.json` specifies `num_virtual_tokens` 5 and \
         `num_transformer_submodules` 1, so use the configuration that was saved with these weights"
    );
    let halves = with(|config| config["num_transformer_submodules"] = json!(2), &[PROMPT]);
    assert!(halves.unwrap_err().contains("expected shape [4, 3], found [2, 3]"));
    for shape in [&[0][..], &[0, 3], &[2, 0]] {
        let failure = with(|_| {}, &[("prompt_embeddings", shape)]).unwrap_err();
        assert!(failure.contains("`prompt_embeddings`"), "{failure}");
        assert!(failure.contains("DeepSpeed ZeRO-3"), "{failure}");
    }
    let multitask = |config: &mut Value| config["peft_type"] = json!("MULTITASK_PROMPT_TUNING");
    let tensors: [(&str, &[usize]); 3] =
        [PROMPT, ("prefix_task_cols", &[0]), ("prefix_task_rows", &[1, 1, 3])];
    assert!(with(multitask, &tensors).unwrap_err().contains("tensor `prefix_task_cols`"));
    for name in [
        "base_model.model.prompt_embeddings",
        "module.prompt_embeddings",
        "base_model.prompt_encoder.default.embedding.weight",
        "prompt_encoder.mood.embedding.weight",
    ] {
        let failure = with(|_| {}, &[(name, &[2, 3])]).unwrap_err();
        let expected = format!(
            "`adapter_model.safetensors` has no tensor `prompt_embeddings`, but `{name}`, so it \
             was not written by PEFT's `save_pretrained`, and PEFT doesn't read it: save the \
             adapter with `save_pretrained`, or rename the tensor to `prompt_embeddings`"
        );
        assert_eq!(failure, expected);
    }
    let tensors: [(&str, &[usize]); 3] =
        [PROMPT, ("model.prefix_task_cols", &[1, 2, 1]), ("model.prefix_task_rows", &[1, 1, 3])];
    assert!(
        with(multitask, &tensors).unwrap_err().contains("rename the tensor to `prefix_task_cols`")
    );
}

#[test]
fn an_adapter_is_found_by_any_of_its_files() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &config(), &[PROMPT]);
    for name in ["adapter_config.json", "adapter_model.safetensors"] {
        let path = folder.path().join(name);
        assert_eq!(PromptFormat::detect(&path).unwrap(), Some(PromptFormat::Peft));
        assert_eq!(read(&path).unwrap().header().length, 2);
    }
    fs::remove_file(folder.path().join("adapter_model.safetensors")).unwrap();
    let failure = read(folder.path()).unwrap_err();
    let expected = format!(
        "`{}` contains an `adapter_config.json`, but no weights: expected \
         `adapter_model.safetensors` or `adapter_model.bin`; copy all files of the adapter",
        folder.path().display()
    );
    assert_eq!(failure, expected);
}

#[test]
fn weights_without_a_configuration_are_named() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &config(), &[PROMPT]);
    fs::remove_file(folder.path().join("adapter_config.json")).unwrap();
    let expected = format!(
        "`{}` contains the weights of an adapter, but no `adapter_config.json`; copy all files of \
         the adapter",
        folder.path().display()
    );
    for path in [folder.path().to_owned(), folder.path().join("adapter_model.safetensors")] {
        assert_eq!(read(&path).unwrap_err(), expected);
    }
}

/// Returns the error for the parent of folders with adapters, and the suggested paths.
fn suggestions(folder: &TempDir) -> (String, Vec<PathBuf>) {
    let failure = Prompts::read(folder.path(), &Device::flex()).unwrap_err();
    let text = failure.to_string();
    let Error::Format(FormatError::NoPrompts { below, .. }) = failure else { panic!("{text}") };
    let below = below.iter().map(|path| path.strip_prefix(folder.path()).unwrap().to_owned());
    (text, below.collect())
}

#[test]
fn the_folder_above_adapters_suggests_them() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(suggestions(&folder).1, <[PathBuf; 0]>::default());
    fs::write(folder.path().join("config.json"), "{}").unwrap();
    let expected = format!(
        "`{}` contains no prompts, but a model: pass it as `--model`",
        folder.path().display()
    );
    assert_eq!(suggestions(&folder).0, expected);
    fs::remove_file(folder.path().join("config.json")).unwrap();
    fs::write(folder.path().join("README.md"), "an adapter").unwrap();
    write(&folder.path().join("mood"), &config(), &[PROMPT]);
    let (text, below) = suggestions(&folder);
    assert_eq!(below, [Path::new("mood")]);
    let expected = format!(
        "`{0}` contains no prompts, but `{0}/mood` does: pass that path",
        folder.path().display()
    );
    assert_eq!(text, expected);
    // The output of a trainer, with named adapters in its checkpoints.
    for step in [50, 100] {
        let checkpoint = folder.path().join(format!("checkpoint-{step}"));
        write(&checkpoint.join("mood"), &config(), &[PROMPT]);
        fs::write(checkpoint.join("trainer_state.json"), "{}").unwrap();
    }
    let (text, below) = suggestions(&folder);
    let expected = ["checkpoint-100/mood", "checkpoint-50/mood", "mood"].map(PathBuf::from);
    assert_eq!(below, expected);
    assert!(
        text.contains("contains no prompts, but these paths do; pass one of them: `"),
        "{text}"
    );
    // The same without names.
    let checkpoint = folder.path().join("checkpoint-50");
    write(&checkpoint, &config(), &[PROMPT]);
    assert_eq!(read(&checkpoint).unwrap().header().length, 2);
}

#[test]
fn the_folder_of_a_run_suggests_its_prompt_file() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("adapter"), &config(), &[PROMPT]);
    let prompts = read(&folder.path().join("adapter")).unwrap();
    fs::remove_dir_all(folder.path().join("adapter")).unwrap();
    fs::create_dir(folder.path().join("first")).unwrap();
    prompts.write(&folder.path().join("first/prompts.safetensors")).unwrap();
    let (_, below) = suggestions(&folder);
    assert_eq!(below, [Path::new("first/prompts.safetensors")]);
    assert!(read(&folder.path().join(&below[0])).is_ok());
}
