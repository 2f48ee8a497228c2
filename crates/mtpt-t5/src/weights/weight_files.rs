//! The weight files of a folder in the layout of transformers.

use std::path::{Path, PathBuf};

use mtpt_io::TensorSource;

use crate::error::{Result, WeightsError};

/// Names of weight files. The first that exists is used, in the order of transformers.
const WEIGHT_FILES: [&str; 4] = [
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
];

const EXPECTED_FILES: &str = "`model.safetensors`, `model.safetensors.index.json`, `pytorch_model.bin`, \
                              `pytorch_model.bin.index.json`";

/// Extensions of weight files with other names.
const EXTENSIONS: [&str; 5] = ["safetensors", "bin", "pt", "pth", "ckpt"];

/// Starts of the names of files with these extensions that are not a model.
const NOT_WEIGHTS: [&str; 9] = [
    "adapter_model",
    "optimizer",
    "prompts",
    "random_states",
    "rng_state",
    "scaler",
    "scheduler",
    "sentencepiece",
    "training_args",
];

/// Formats of other programs: end of the file's name, name of the format, and advice.
#[rustfmt::skip]
const OTHER_FORMATS: &[(&str, &str, &str)] = &[
    ("tf_model.h5",        "TensorFlow",         "convert them with transformers 4: `T5ForConditionalGeneration.from_pretrained(FOLDER, from_tf=True).save_pretrained(FOLDER)`"),
    ("flax_model.msgpack", "Flax",               "convert them with transformers 4: `T5ForConditionalGeneration.from_pretrained(FOLDER, from_flax=True).save_pretrained(FOLDER)`"),
    (".ckpt.index",        "TensorFlow 1",       "convert them with `transformers.models.t5.convert_t5_original_tf_checkpoint_to_pytorch`"),
    (".gguf",              "GGUF",               "use the original model"),
    (".onnx",              "ONNX",               "use the original model"),
    ("rust_model.ot",      "rust-bert",          "use the original model"),
    (".tflite",            "TensorFlow Lite",    "use the original model"),
];

/// Opens the weights of a folder.
///
/// If none of the usual files exists, the only other file with the extension of weights is used.
pub(crate) fn open_weights(folder: &Path) -> Result<Box<dyn TensorSource>> {
    let path = match usual_file(folder) {
        Some(path) => path,
        None => other_file(folder)?,
    };
    Ok(mtpt_io::open(&path)?)
}

fn usual_file(folder: &Path) -> Option<PathBuf> {
    WEIGHT_FILES.iter().map(|name| folder.join(name)).find(|path| path.is_file())
}

/// Returns the only file of a folder that is named like weights, though not as usual.
fn other_file(folder: &Path) -> Result<PathBuf, WeightsError> {
    let folder = folder.to_owned();
    let paths = WEIGHT_FILES.iter().map(|name| folder.join(name));
    // A cache whose files were removed still has the links to them.
    if let Some(link) = paths.into_iter().find(|path| path.is_symlink()) {
        let target = link.read_link().unwrap_or_default();
        return Err(WeightsError::BrokenLink { link, target });
    }
    let names = file_names(&folder);
    let mut candidates = names.clone();
    candidates.retain(|name| {
        let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| EXTENSIONS.contains(&extension))
            && !NOT_WEIGHTS.iter().any(|start| name.starts_with(start))
    });
    match candidates.as_slice() {
        [name] => return Ok(folder.join(name)),
        [] => {}
        _ => {
            return Err(WeightsError::SeveralFiles {
                folder,
                found: candidates,
                expected: EXPECTED_FILES,
            });
        }
    }
    check_adapter(&folder)?;
    for (end, format, advice) in OTHER_FORMATS {
        if let Some(file) = names.iter().find(|name| name.ends_with(end)) {
            let file = folder.join(file);
            return Err(WeightsError::OtherFormat { file, format, advice });
        }
    }
    Err(WeightsError::MissingFile { folder, expected: EXPECTED_FILES })
}

/// Rejects a folder that contains an adapter of PEFT, which needs another model.
pub(crate) fn check_adapter(folder: &Path) -> Result<(), WeightsError> {
    let Ok(text) = mtpt_io::fs::read(&folder.join("adapter_config.json")) else { return Ok(()) };
    let config: Option<serde_json::Value> = serde_json::from_slice(&text).ok();
    let field = |name: &str| {
        let value = config.as_ref()?.get(name)?.as_str()?;
        Some(value.to_owned())
    };
    Err(WeightsError::Adapter {
        folder: folder.to_owned(),
        kind: field("peft_type").unwrap_or_default(),
        base: field("base_model_name_or_path").unwrap_or_default(),
    })
}

/// Returns the names of a folder's files in alphabetical order.
fn file_names(folder: &Path) -> Vec<String> {
    let paths = mtpt_io::fs::read_dir(folder).unwrap_or_default();
    let files = paths.into_iter().filter(|path| path.is_file());
    files.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect()
}

/// Returns whether a folder has weights in the layout of transformers.
pub(crate) fn has_weights(folder: &Path) -> bool {
    usual_file(folder).is_some()
}

/// Returns the weight file to use among the files of a folder.
#[cfg(feature = "hub")]
pub(crate) fn weight_file(files: &[String]) -> Option<&'static str> {
    WEIGHT_FILES.into_iter().find(|name| files.iter().any(|file| file == name))
}
