//! A shared prompt and the task parts of several tasks in two arrays, the format of
//! `prompt_tuning/extended/multitask_prompts.py` in google-research/prompt-tuning.
//!
//! `shared_prompt` is `[length, features]`. `task_prompts` is an embedding `[tasks, size]` with one
//! flattened task part per row.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, TensorData};
use mtpt_compose::{
    AddConfig, CompositionConfig, ConcatConfig, ConcatFeaturesConfig, ProjectConfig,
};
use mtpt_io::fs::read_dir;
use mtpt_io::layout::{f32_values, stack, transpose, unstack};
use mtpt_io::npy::read_npy;

use crate::error::Result;
use crate::exported_files::PromptFiles;
use crate::format_error::FormatError;
use crate::header::PromptHeader;
use crate::npy;
use crate::npy::matrix_shape;
use crate::prompt_search::no_prompts;
use crate::prompts::Prompts;
use crate::sidecar;

/// Composition of a shared prompt and task parts in arrays, which the arrays don't specify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrayComposition {
    /// `AddMultiTaskPrompt`: a part `[length, d_model]` is added. Our `add`.
    Add,
    /// `ConcatMultiTaskPrompt`: a part `[task_length, d_model]` is appended along the sequence. Our
    /// `concat`.
    Concat,
    /// `ConcatFeaturesMultiTaskPrompt`: a part `[length, task_width]` is appended along the width.
    /// Our `concat_features`.
    ConcatFeatures,
    /// `ProjectMultiTaskPrompt`: a part is a kernel `[d_model, features]`, then a bias `[d_model]`.
    /// Our `project`.
    Project,
}

/// A composition and the model width that follow from the shapes of the arrays.
struct Layout {
    composition: CompositionConfig,
    d_model: usize,
}

impl ArrayComposition {
    /// Returns the array form of a composition, if it has one.
    pub(crate) fn from_config(composition: &CompositionConfig) -> Option<Self> {
        match composition {
            CompositionConfig::Add(_) => Some(Self::Add),
            CompositionConfig::Concat(_) => Some(Self::Concat),
            CompositionConfig::ConcatFeatures(_) => Some(Self::ConcatFeatures),
            CompositionConfig::Project(_) => Some(Self::Project),
            _ => None,
        }
    }

    /// Returns the name of the strategy and the expected size of a task part in words.
    fn expected(self, [length, features]: [usize; 2]) -> (&'static str, String) {
        match self {
            Self::Add => ("add", format!("{} values", length * features)),
            Self::Concat => ("concat", format!("a multiple of {features} values")),
            Self::ConcatFeatures => ("concat_features", format!("a multiple of {length} values")),
            Self::Project => ("project", format!("a multiple of {} values", features + 1)),
        }
    }

    /// Returns the composition of a shared prompt and task parts of `size` values, or `None` if the
    /// sizes don't fit together.
    fn layout(self, [length, features]: [usize; 2], size: usize) -> Option<Layout> {
        let divided = |by: usize| size.is_multiple_of(by).then_some(size / by);
        match self {
            Self::Add => (size == length * features).then(|| Layout {
                composition: CompositionConfig::Add(AddConfig::default()),
                d_model: features,
            }),
            Self::Concat => divided(features).map(|task_length| Layout {
                composition: CompositionConfig::Concat(ConcatConfig { task_length }),
                d_model: features,
            }),
            Self::ConcatFeatures => divided(length).map(|width| Layout {
                composition: CompositionConfig::ConcatFeatures(ConcatFeaturesConfig {
                    task_width: Some(width),
                }),
                d_model: features + width,
            }),
            // A kernel and a bias: `features` weights and one bias per output.
            Self::Project => divided(features + 1).map(|d_model| Layout {
                composition: CompositionConfig::Project(ProjectConfig {
                    shared_width: Some(features),
                }),
                d_model,
            }),
        }
    }

    /// Converts a row of `task_prompts` to the parameters of a task part, by the suffix of their
    /// names after `tasks.0`.
    fn unflatten(
        self,
        [length, features]: [usize; 2],
        part: &TensorData,
    ) -> Vec<(&'static str, TensorData)> {
        let values = f32_values(part);
        let matrix = |[rows, columns]: [usize; 2]| {
            vec![("", TensorData::new(values.to_vec(), [rows, columns]))]
        };
        match self {
            Self::Add => matrix([length, features]),
            Self::Concat => matrix([values.len() / features, features]),
            Self::ConcatFeatures => matrix([length, values.len() / length]),
            Self::Project => {
                let d_model = values.len() / (features + 1);
                let (kernel, bias) = values.split_at(d_model * features);
                let kernel = transpose(kernel, [d_model, features]);
                let weight = TensorData::new(kernel, [features, d_model]);
                let bias = TensorData::new(bias.to_vec(), [d_model]);
                vec![(".weight", weight), (".bias", bias)]
            }
        }
    }

    /// Converts the parameters of a task part to a row of `task_prompts`.
    fn flatten(self, tensors: &BTreeMap<String, TensorData>, task: usize) -> TensorData {
        let tensor = |suffix: &str| &tensors[&format!("tasks.{task}{suffix}")];
        let values = match self {
            Self::Project => {
                let weight = tensor(".weight");
                let shape = [weight.shape()[0], weight.shape()[1]];
                [&transpose(f32_values(weight), shape), f32_values(tensor(".bias"))].concat()
            }
            _ => f32_values(tensor("")).to_vec(),
        };
        let size = values.len();
        TensorData::new(values, [size])
    }
}

/// Paths of the arrays in a folder.
pub(crate) enum Arrays {
    /// `prompt`, the prompt of one task.
    Prompt(PathBuf),
    /// `shared_prompt` and `task_prompts`.
    Multitask { shared: PathBuf, tasks: PathBuf },
}

impl Arrays {
    /// Finds the arrays in a folder by their names, with or without `.npy`.
    ///
    /// Scopes before the name are ignored, so the numpy checkpoints of prompt-tuning are found too
    /// (`encoder.prompt.prompt.shared_prompt`, `encoder.prompt.prompt.task_prompts.embedding`).
    pub(crate) fn find(folder: &Path) -> Result<Option<Self>> {
        let (mut prompt, mut shared, mut tasks) = (None, None, None);
        for path in read_dir(folder)?.into_iter().filter(|path| path.is_file()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let name = name.strip_suffix(".npy").unwrap_or(&name);
            let name = name.strip_suffix(".embedding").unwrap_or(name);
            let slot = match name.rsplit('.').next() {
                Some("prompt") => &mut prompt,
                Some("shared_prompt") => &mut shared,
                Some("task_prompts") => &mut tasks,
                _ => continue,
            };
            if let Some(other) = slot.replace(path.clone()) {
                let message = format!("the same array as `{}`; remove one", other.display());
                return Err(FormatError::Malformed { path, message }.into());
            }
        }
        Ok(match (prompt, shared, tasks) {
            (_, Some(shared), Some(tasks)) => Some(Self::Multitask { shared, tasks }),
            (Some(prompt), None, None) => Some(Self::Prompt(prompt)),
            _ => None,
        })
    }
}

/// Reads the arrays in a folder.
///
/// Task names, and the composition unless it is given, come from the sidecar file. Without one, the
/// tasks are `task0`, `task1`, ...
///
/// # Errors
///
/// - [`FormatError::NoPrompts`] when an array is missing.
/// - [`FormatError::UnknownComposition`] when no composition is specified.
/// - [`FormatError::Malformed`] when the shapes don't fit together.
pub(crate) fn read(
    folder: &Path,
    composition: Option<ArrayComposition>,
    device: &Device,
) -> Result<Prompts> {
    let (shared_path, tasks_path) = match Arrays::find(folder)? {
        Some(Arrays::Multitask { shared, tasks }) => (shared, tasks),
        Some(Arrays::Prompt(prompt)) => return npy::read(&prompt, device),
        None => return Err(no_prompts(folder).into()),
    };
    let shared = read_npy(&shared_path)?;
    matrix_shape(&shared, "[length, features]", &shared_path)?;
    let tasks = (read_npy(&tasks_path)?, tasks_path.as_path());
    from_arrays(folder, composition, shared, tasks, device)
}

/// Creates prompts from a shared prompt `[length, features]` and the task parts `[tasks, size]`
/// with their path.
///
/// # Errors
///
/// - [`FormatError::UnknownComposition`] when no composition is specified.
/// - [`FormatError::Malformed`] when the shapes don't fit together.
pub(crate) fn from_arrays(
    folder: &Path,
    composition: Option<ArrayComposition>,
    shared: TensorData,
    (tasks, tasks_path): (TensorData, &Path),
    device: &Device,
) -> Result<Prompts> {
    let composition = match composition {
        Some(composition) => Some(composition),
        None => sidecar::read(folder)?
            .and_then(|header| ArrayComposition::from_config(&header.composition)),
    };
    let Some(composition) = composition else {
        return Err(FormatError::UnknownComposition { path: folder.to_owned() }.into());
    };
    let (header, tensors) = to_parameters(composition, shared, &tasks, tasks_path)?;
    let header = sidecar::read_or(folder, header)?;
    Prompts::from_tensors(tensors, header, device)
}

/// Converts arrays to the parameters of a composition and a header without task names. `path` is
/// used in error messages only.
fn to_parameters(
    array_composition: ArrayComposition,
    shared: TensorData,
    tasks: &TensorData,
    path: &Path,
) -> Result<(PromptHeader, BTreeMap<String, TensorData>)> {
    let shape = [shared.shape()[0], shared.shape()[1]];
    let [count, size] = matrix_shape(tasks, "[tasks, size]", path)?;
    let Some(Layout { composition, d_model }) = array_composition.layout(shape, size) else {
        let (strategy, expected) = array_composition.expected(shape);
        let message = format!(
            "expected {expected} per task for `{strategy}` with a shared prompt {shape:?}, \
             found {size}"
        );
        return Err(FormatError::malformed(path, message).into());
    };
    let mut tensors = BTreeMap::from([("shared".to_owned(), shared)]);
    for (task, part) in unstack(tasks).iter().enumerate() {
        for (suffix, data) in array_composition.unflatten(shape, part) {
            tensors.insert(format!("tasks.{task}{suffix}"), data);
        }
    }
    Ok((PromptHeader::unnamed(composition, shape[0], d_model, count), tensors))
}

/// Exports prompts to a folder with two arrays and a sidecar file.
///
/// # Panics
///
/// When the prompts are not composed with `composition`: see [`ArrayComposition::from_config`].
pub(crate) fn files(
    prompts: &Prompts,
    composition: ArrayComposition,
    folder: &Path,
) -> Result<PromptFiles> {
    let MultitaskArrays { header, shared, tasks } = to_arrays(prompts, composition);
    Ok(PromptFiles::new(vec![
        npy::file(&folder.join("task_prompts.npy"), &tasks),
        sidecar::file(folder, &header)?,
        npy::file(&folder.join("shared_prompt.npy"), &shared),
    ]))
}

/// Prompts in two arrays.
pub(crate) struct MultitaskArrays {
    pub(crate) header: PromptHeader,
    /// `[length, features]`.
    pub(crate) shared: TensorData,
    /// `[tasks, size]`.
    pub(crate) tasks: TensorData,
}

/// Converts prompts to two arrays.
///
/// # Panics
///
/// When the prompts are not composed with `composition`: see [`ArrayComposition::from_config`].
pub(crate) fn to_arrays(prompts: &Prompts, composition: ArrayComposition) -> MultitaskArrays {
    let mut tensors = prompts.tensors();
    let parts: Vec<TensorData> =
        (0..prompts.tasks().len()).map(|task| composition.flatten(&tensors, task)).collect();
    let shared = tensors.remove("shared").expect("invariant: these compositions share a prompt");
    let mut header = prompts.header().clone();
    // The arrays have explicit widths where the header may rely on a default.
    let layout = composition.layout([shared.shape()[0], shared.shape()[1]], parts[0].shape()[0]);
    header.composition = layout.expect("invariant: parts of this composition").composition;
    MultitaskArrays { header, shared, tasks: stack(&parts) }
}
