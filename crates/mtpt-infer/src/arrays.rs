//! A shared prompt and the parts of all tasks, as `prompt_tuning/extended/multitask_prompts.py` of
//! google-research/prompt-tuning keeps them: `shared_prompt` `[length, features]`, and `task_prompts`, an embedding of
//! `[tasks, numbers]` with each task's part laid out in a row.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, TensorData};
use mtpt_compose::{
    AddConfig, CompositionConfig, ConcatConfig, ConcatFeaturesConfig, ProjectConfig,
};
use mtpt_io::npy::read_npy;

use crate::error::{Error, Result};
use crate::npy;
use crate::npy::matrix_shape;
use crate::prompt_files::PromptFiles;
use crate::prompts::{PromptHeader, Prompts};
use crate::sidecar;
use mtpt_io::layout::{f32_values, stack, transpose, unstack};

/// How a shared prompt and parts of tasks that lie in arrays are composed, which the arrays themselves do not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrayComposition {
    /// `AddMultiTaskPrompt`: a part `[length, d_model]` is added. Our `add`.
    Add,
    /// `ConcatMultiTaskPrompt`: a part `[task_length, d_model]` follows along the sequence. Our `concat`.
    Concat,
    /// `ConcatFeaturesMultiTaskPrompt`: a part `[length, task_width]` follows along the width. Our `concat_features`.
    ConcatFeatures,
    /// `ProjectMultiTaskPrompt`: a part is a kernel `[d_model, features]`, then a bias `[d_model]`. Our `project`.
    Project,
}

/// A composition and the shapes that follow from it.
struct Layout {
    composition: CompositionConfig,
    d_model: usize,
}

impl ArrayComposition {
    /// The way of composing that has a form in arrays, if prompts are composed so.
    pub(crate) fn of(composition: &CompositionConfig) -> Option<Self> {
        match composition {
            CompositionConfig::Add(_) => Some(Self::Add),
            CompositionConfig::Concat(_) => Some(Self::Concat),
            CompositionConfig::ConcatFeatures(_) => Some(Self::ConcatFeatures),
            CompositionConfig::Project(_) => Some(Self::Project),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Concat => "concat",
            Self::ConcatFeatures => "concat_features",
            Self::Project => "project",
        }
    }

    /// What a shared prompt and parts of so many numbers are together; none where the numbers do not come out even.
    fn layout(self, [length, features]: [usize; 2], numbers: usize) -> Option<Layout> {
        let divided = |by: usize| numbers.is_multiple_of(by).then_some(numbers / by);
        match self {
            Self::Add => (numbers == length * features).then(|| Layout {
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
            // A kernel and a bias: for each number of an output, one for each number of an input and one more.
            Self::Project => divided(features + 1).map(|d_model| Layout {
                composition: CompositionConfig::Project(ProjectConfig {
                    shared_width: Some(features),
                }),
                d_model,
            }),
        }
    }

    /// How many numbers a task's part must have, in words.
    fn expected(self, [length, features]: [usize; 2]) -> String {
        match self {
            Self::Add => format!("{} numbers", length * features),
            Self::Concat => format!("a multiple of {features} numbers"),
            Self::ConcatFeatures => format!("a multiple of {length} numbers"),
            Self::Project => format!("a multiple of {} numbers", features + 1),
        }
    }

    /// A task's part as the tensors of a composition, by what follows `tasks.0` in their names.
    fn take_apart(
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

    /// The tensors of a task's part in a row.
    fn put_together(self, tensors: &BTreeMap<String, TensorData>, task: usize) -> TensorData {
        let tensor = |name: &str| &tensors[&format!("tasks.{task}{name}")];
        let values = match self {
            Self::Project => {
                let weight = tensor(".weight");
                let shape = [weight.shape()[0], weight.shape()[1]];
                [&transpose(f32_values(weight), shape), f32_values(tensor(".bias"))].concat()
            }
            _ => f32_values(tensor("")).to_vec(),
        };
        let count = values.len();
        TensorData::new(values, [count])
    }
}

/// What a folder of arrays holds.
pub(crate) enum Arrays {
    /// `prompt`, the prompt of one task.
    Prompt(PathBuf),
    /// `shared_prompt` and `task_prompts`.
    Multitask { shared: PathBuf, tasks: PathBuf },
}

impl Arrays {
    /// Looks for arrays in a folder by their names, with or without `.npy`; scopes before the name do not matter, so that
    /// numpy checkpoints of that project are found too (`encoder.prompt.prompt.shared_prompt`,
    /// `encoder.prompt.prompt.task_prompts.embedding`).
    pub(crate) fn find(folder: &Path) -> Result<Option<Self>> {
        let failed = |source| Error::File { action: "read", path: folder.to_owned(), source };
        let (mut prompt, mut shared, mut tasks) = (None, None, None);
        let mut entries = fs::read_dir(folder)
            .and_then(|entries| entries.collect::<std::io::Result<Vec<_>>>())
            .map_err(failed)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for path in entries.into_iter().map(|entry| entry.path()).filter(|path| path.is_file()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let name = name.strip_suffix(".npy").unwrap_or(&name);
            let name = name.strip_suffix(".embedding").unwrap_or(name);
            let place = match name.rsplit('.').next() {
                Some("prompt") => &mut prompt,
                Some("shared_prompt") => &mut shared,
                Some("task_prompts") => &mut tasks,
                _ => continue,
            };
            if let Some(other) = place.replace(path.clone()) {
                let message = format!("the same array as `{}`; remove one", other.display());
                return Err(Error::PromptArray { path, message });
            }
        }
        Ok(match (prompt, shared, tasks) {
            (_, Some(shared), Some(tasks)) => Some(Self::Multitask { shared, tasks }),
            (Some(prompt), None, None) => Some(Self::Prompt(prompt)),
            _ => None,
        })
    }
}

/// Reads a shared prompt and the parts of all tasks.
///
/// Its tasks are those that the file beside it names, or else `task0`, `task1`, ...; how they are composed is told, or
/// stands there too.
///
/// # Errors
///
/// When a file is missing or malformed, nothing tells how they are composed ([`Error::UnknownComposition`]), or the shapes
/// of the arrays do not fit together.
pub(crate) fn read(
    folder: &Path,
    composition: Option<ArrayComposition>,
    device: &Device,
) -> Result<Prompts> {
    let (shared_path, tasks_path) = match Arrays::find(folder)? {
        Some(Arrays::Multitask { shared, tasks }) => (shared, tasks),
        Some(Arrays::Prompt(prompt)) => return npy::read(&prompt, device),
        None => return Err(Error::NoPrompts { path: folder.to_owned() }),
    };
    let shared = read_npy(&shared_path)?;
    matrix_shape(&shared, "[length, features]", &shared_path)?;
    let tasks = (read_npy(&tasks_path)?, tasks_path.as_path());
    compose(folder, composition, shared, tasks, device)
}

/// Prompts of a shared prompt `[length, features]` and the parts of all tasks with their path, which lie in a folder.
///
/// # Errors
///
/// When nothing tells how they are composed ([`Error::UnknownComposition`]), or the shapes do not fit together.
pub(crate) fn compose(
    folder: &Path,
    composition: Option<ArrayComposition>,
    shared: TensorData,
    (tasks, tasks_path): (TensorData, &Path),
    device: &Device,
) -> Result<Prompts> {
    let told = match composition {
        Some(composition) => Some(composition),
        None => sidecar::read(folder)?.and_then(|header| ArrayComposition::of(&header.composition)),
    };
    let Some(told) = told else {
        return Err(Error::UnknownComposition { path: folder.to_owned() });
    };
    let (header, tensors) = take_apart(told, shared, &tasks, tasks_path)?;
    let header = sidecar::read_or(folder, header)?;
    Prompts::from_tensors(tensors, header, device)
}

/// The header, without names, and the tensors of prompts from a shared prompt `[length, features]` and the parts of all
/// tasks; the path of these is for messages.
fn take_apart(
    told: ArrayComposition,
    shared: TensorData,
    tasks: &TensorData,
    path: &Path,
) -> Result<(PromptHeader, BTreeMap<String, TensorData>)> {
    let shape = [shared.shape()[0], shared.shape()[1]];
    let [count, numbers] = matrix_shape(tasks, "[tasks, numbers]", path)?;
    let Some(Layout { composition, d_model }) = told.layout(shape, numbers) else {
        let message = format!(
            "expected {} for each task that is composed by `{}` with a shared prompt {shape:?}, found {numbers}",
            told.expected(shape),
            told.name(),
        );
        return Err(Error::PromptArray { path: path.to_owned(), message });
    };
    let mut tensors = BTreeMap::from([("shared".to_owned(), shared)]);
    for (task, part) in unstack(tasks).iter().enumerate() {
        for (name, data) in told.take_apart(shape, part) {
            tensors.insert(format!("tasks.{task}{name}"), data);
        }
    }
    Ok((PromptHeader::unnamed(composition, shape[0], d_model, count), tensors))
}

/// The two arrays of prompts that are composed in one of the ways that they have, and the names of the tasks beside them.
///
/// # Panics
///
/// When the prompts are not composed so: see [`ArrayComposition::of`].
pub(crate) fn files(
    prompts: &Prompts,
    composition: ArrayComposition,
    folder: &Path,
) -> Result<PromptFiles> {
    let MultitaskArrays { header, shared, tasks } = arrays(prompts, composition);
    Ok(PromptFiles::new(vec![
        npy::file(&folder.join("task_prompts.npy"), &tasks),
        sidecar::file(folder, &header)?,
        npy::file(&folder.join("shared_prompt.npy"), &shared),
    ]))
}

/// Prompts as two arrays.
pub(crate) struct MultitaskArrays {
    pub(crate) header: PromptHeader,
    /// `[length, features]`.
    pub(crate) shared: TensorData,
    /// `[tasks, numbers]`.
    pub(crate) tasks: TensorData,
}

/// The two arrays of prompts that are composed in one of the ways that they have.
///
/// # Panics
///
/// When the prompts are not composed so: see [`ArrayComposition::of`].
pub(crate) fn arrays(prompts: &Prompts, composition: ArrayComposition) -> MultitaskArrays {
    let mut tensors = prompts.tensors();
    let parts: Vec<TensorData> =
        (0..prompts.tasks().len()).map(|task| composition.put_together(&tensors, task)).collect();
    let shared = tensors.remove("shared").expect("invariant: these compositions share a prompt");
    let mut header = prompts.header().clone();
    // What the arrays themselves say of it, where the header leaves a width to its default.
    let layout = composition.layout([shared.shape()[0], shared.shape()[1]], parts[0].shape()[0]);
    header.composition = layout.expect("invariant: parts of this composition").composition;
    MultitaskArrays { header, shared, tasks: stack(&parts) }
}
