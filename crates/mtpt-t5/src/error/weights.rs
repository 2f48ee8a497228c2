use std::path::{Path, PathBuf};

/// A model whose files are missing or invalid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The model is neither a folder nor available from the hub.
    #[cfg_attr(
        feature = "hub",
        error(
            "no model at `{model}`: expected a folder with `config.json`, or a hub id, `owner/name`"
        )
    )]
    #[cfg_attr(
        not(feature = "hub"),
        error(
            "no model at `{model}`: expected a folder with `config.json`; for a hub id, rebuild \
             this program with the feature `hub`"
        )
    )]
    ModelNotFound {
        /// The path or id as given.
        model: String,
    },

    /// The model cannot be downloaded from the hub.
    #[cfg(feature = "hub")]
    #[error("there is no folder `{model}`, and downloading it as a hub id failed")]
    Hub {
        /// The id as given.
        model: String,
        /// Why it failed.
        source: Box<mtpt_io::hub::DownloadError>,
    },

    /// A file of a model on the hub is not usable.
    #[cfg(feature = "hub")]
    #[error(transparent)]
    HubFile(#[from] mtpt_io::hub::DownloadError),

    /// A folder lacks a required file.
    #[error("`{}` contains none of the expected files: {expected}", folder.display())]
    MissingFile {
        /// The folder.
        folder: PathBuf,
        /// The accepted names. One of them is enough.
        expected: &'static str,
    },

    /// A folder has several files of which one may be the weights.
    #[error(
        "`{}` contains several files that may be weights: {}; rename one of them to one of \
         {expected}",
        folder.display(),
        listed(found)
    )]
    SeveralFiles {
        /// The folder.
        folder: PathBuf,
        /// The files.
        found: Vec<String>,
        /// The accepted names.
        expected: &'static str,
    },

    /// A weight file is a link to a file that doesn't exist.
    #[error(
        "`{}` is a link to `{}`, which does not exist; download or copy the model again",
        link.display(),
        target.display()
    )]
    BrokenLink {
        /// The link.
        link: PathBuf,
        /// The missing file.
        target: PathBuf,
    },

    /// A folder has weights of another program only.
    #[error("`{}` has weights in the format of {format}, which is not supported; {advice}", file.display())]
    OtherFormat {
        /// The weights.
        file: PathBuf,
        /// Name of the format.
        format: &'static str,
        /// Instructions for converting them.
        advice: &'static str,
    },

    /// A folder has an adapter of PEFT in place of a model.
    #[error(
        "`{}` is a PEFT adapter{}, not a model; the model that it was trained for is {}",
        folder.display(),
        if kind.is_empty() { String::new() } else { format!(" of type `{kind}`") },
        if base.is_empty() { "not recorded".to_owned() } else { format!("`{base}`") }
    )]
    Adapter {
        /// The folder.
        folder: PathBuf,
        /// Its type, or empty if unknown.
        kind: String,
        /// The model that it was trained for, or empty if unknown.
        base: String,
    },

    /// A checkpoint contains no T5.
    #[error(
        "`{}` contains no T5: expected tensors such as `encoder.final_layer_norm.weight`, found {}",
        path.display(),
        listed(found)
    )]
    NoT5 {
        /// The checkpoint.
        path: PathBuf,
        /// Names of its tensors.
        found: Vec<String>,
    },

    /// A checkpoint contains several models.
    #[error(
        "`{}` contains several models, whose tensors start with {}; save one of them separately",
        path.display(),
        listed(prefixes)
    )]
    SeveralModels {
        /// The checkpoint.
        path: PathBuf,
        /// Starts of the names of each model's tensors.
        prefixes: Vec<String>,
    },

    /// A checkpoint has the same tensor under several names.
    #[error("`{}` contains the same tensor several times: {}", path.display(), listed(tensors))]
    SameTensor {
        /// The checkpoint.
        path: PathBuf,
        /// The names.
        tensors: Vec<String>,
    },

    /// A checkpoint contains LoRA adapters that are not merged.
    #[error(
        "`{}` contains LoRA adapters, such as `{tensor}`; merge them into the model with PEFT's \
         `merge_and_unload` and save it",
        path.display()
    )]
    Lora {
        /// The checkpoint.
        path: PathBuf,
        /// A tensor of an adapter.
        tensor: String,
    },

    /// Several tensors of a checkpoint are missing, or have other shapes than its configuration
    /// says.
    #[error(
        "`{}` does not match the configuration of its model: {}",
        path.display(),
        mismatches(missing, shapes, unused)
    )]
    Mismatch {
        /// The checkpoint.
        path: PathBuf,
        /// Names of missing tensors.
        missing: Vec<String>,
        /// Names, expected and found shapes of tensors with other shapes.
        shapes: Vec<(String, Vec<usize>, Vec<usize>)>,
        /// Names of tensors that the model doesn't use.
        unused: Vec<String>,
    },

    /// A configuration claims many more blocks than a checkpoint has.
    #[error(
        "`{}` has {} of the {stack}, but `{field}` of its configuration is {claimed}; use the \
         `config.json` of this checkpoint",
        path.display(), counted(*found, "block")
    )]
    BlockCount {
        /// The checkpoint.
        path: PathBuf,
        /// The encoder or the decoder.
        stack: &'static str,
        /// Name of the configuration's field.
        field: &'static str,
        /// Number of blocks by the configuration.
        claimed: usize,
        /// Number of blocks that the checkpoint has tensors of.
        found: usize,
    },

    /// A value of a checkpoint is too large for the precision in which the model is loaded.
    #[error(
        "tensor `{tensor}` in `{}`: {value} exceeds the range of {dtype}; load the model in f32",
        path.display()
    )]
    ExceedsPrecision {
        /// The checkpoint.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The value.
        value: f32,
        /// The precision.
        dtype: String,
    },

    /// Only the CPU computes with int8 weights.
    #[error("device `{device}` doesn't compute with int8 weights; choose the CPU, or bf16 weights")]
    Int8Device {
        /// The device.
        device: String,
    },

    /// Weights that are integers have no gradients.
    #[error(
        "int8 weights can't be trained; load the model on a device without autodiff, or in f32"
    )]
    Int8Training,

    /// A checkpoint cannot be read, or lacks a tensor of the expected shape.
    #[error(transparent)]
    Tensors(#[from] mtpt_io::TensorError),

    /// The folder may hold a T5X checkpoint, but the feature `t5x` is not enabled.
    #[cfg(not(feature = "t5x"))]
    #[error(
        "`{}` contains no transformers weights; its file `checkpoint` may be a T5X checkpoint: \
         rebuild this program with the feature `t5x` to read it",
        folder.display()
    )]
    T5xFeature {
        /// The folder.
        folder: PathBuf,
    },

    /// The arrays of a T5X checkpoint are not those of a supported T5.
    #[cfg(feature = "t5x")]
    #[error("`{}` is not a supported T5: expected {expected}, found {found}", path.display())]
    UnsupportedT5x {
        /// Folder of the checkpoint.
        path: PathBuf,
        /// The supported arrays.
        expected: String,
        /// The arrays of the checkpoint.
        found: String,
    },

    /// The checkpoint has tensors that the model doesn't use.
    #[error("`{}` contains tensors that a T5 of this configuration does not use: {}", path.display(), listed(tensors))]
    UnusedTensors {
        /// The checkpoint.
        path: PathBuf,
        /// Names of the tensors.
        tensors: Vec<String>,
    },

    /// Two embedding tables that must be equal are not.
    #[error(
        "`{}` has different values in `{first}` and `{second}`, expected one embedding table for \
         the encoder and the decoder",
        path.display()
    )]
    TablesDiffer {
        /// The checkpoint.
        path: PathBuf,
        /// Name of one table.
        first: String,
        /// Name of the other table.
        second: String,
    },
}

impl WeightsError {
    /// Returns an error if a checkpoint has unused tensors.
    pub(crate) fn unless_all_used(path: &Path, unused: Vec<String>) -> Result<(), Self> {
        if unused.is_empty() {
            Ok(())
        } else {
            Err(Self::UnusedTensors { path: path.to_owned(), tensors: unused })
        }
    }
}

/// Describes the differences between a checkpoint and the parameters of a model.
fn mismatches(
    missing: &[String],
    shapes: &[(String, Vec<usize>, Vec<usize>)],
    unused: &[String],
) -> String {
    let mut parts = Vec::new();
    if !missing.is_empty() {
        parts.push(format!("{} missing ({})", counted(missing.len(), "tensor"), listed(missing)));
    }
    if !shapes.is_empty() {
        let shown: Vec<String> = shapes
            .iter()
            .take(SHOWN_SHAPES)
            .map(|(name, expected, found)| {
                format!("`{name}`: expected shape {expected:?}, found {found:?}")
            })
            .collect();
        let more = match shapes.len().saturating_sub(SHOWN_SHAPES) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let count = counted(shapes.len(), "tensor");
        parts.push(format!("{count} of another shape ({}{more})", shown.join(", ")));
        // DeepSpeed stores weights that are distributed over several devices as empty tensors.
        if shapes.iter().all(|(.., found)| found.contains(&0)) {
            parts.push("they are empty; join the parts with DeepSpeed's `zero_to_fp32.py`".into());
        }
    }
    if !unused.is_empty() {
        parts.push(format!(
            "{} without a use ({})",
            counted(unused.len(), "tensor"),
            listed(unused)
        ));
    }
    parts.join(", ")
}

/// Number of shapes that a message lists.
const SHOWN_SHAPES: usize = 3;

fn counted(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Joins the first names of a list that may be long.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 5;
    if names.is_empty() {
        return "none".to_owned();
    }
    let mut text =
        names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}
