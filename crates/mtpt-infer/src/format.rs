use std::path::Path;

use burn::tensor::Device;
use mtpt_core::{Compose, TaskIndex};
use mtpt_io::fs::read_start;
use mtpt_io::npy::is_npy_or_zip;

use crate::arrays;
use crate::arrays::{ArrayComposition, Arrays};
use crate::error::{Error, Result};
use crate::exported_files::PromptFiles;
use crate::format_error::FormatError;
use crate::npy;
use crate::peft::adapter;
use crate::peft::adapter::DecoderPrompt;
use crate::peft::folder::{adapter_folder, check_config};
use crate::prompt_search::{check_checkpoint, no_prompts, prompt_file};
use crate::prompts::Prompts;
#[cfg(feature = "t5x")]
use crate::t5x;

/// A prompt format of another program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PromptFormat {
    /// A PEFT adapter of type `PROMPT_TUNING` or `MULTITASK_PROMPT_TUNING`: its folder, or one of
    /// its files.
    Peft,
    /// NumPy arrays of google-research/prompt-tuning: a file with the prompt of one task, or a
    /// folder with a shared prompt and the parts of all tasks.
    Npy,
    /// A T5X checkpoint of google-research/prompt-tuning that contains prompts, with or without the
    /// model.
    #[cfg(feature = "t5x")]
    T5x,
}

impl Prompts {
    /// Reads prompts in any format: a prompt file, the folder of a training run, or a
    /// [`PromptFormat`].
    ///
    /// Tasks without names are called `task0`, `task1`, ...
    ///
    /// # Errors
    ///
    /// - [`Error::Header`] and [`Error::Version`] for a prompt file with an invalid header.
    /// - [`FormatError::NoPrompts`] for a folder without prompts.
    /// - When a file cannot be read, or its tensors are not the ones that its header describes.
    /// - Any error of [`PromptFormat::read`].
    pub fn read(path: &Path, device: &Device) -> Result<Self> {
        match PromptFormat::detect(path)? {
            Some(format) => format.read(path, device),
            None => Self::read_as(path, |header| header.zeros(device)),
        }
    }

    /// Reads a shared prompt and task parts from a folder of NumPy arrays or a T5X checkpoint,
    /// which are composed as given.
    ///
    /// # Errors
    ///
    /// When a file is missing or malformed, or the shapes don't fit together
    /// ([`FormatError::Malformed`]).
    pub fn read_arrays(
        folder: &Path,
        composition: ArrayComposition,
        device: &Device,
    ) -> Result<Self> {
        #[cfg(feature = "t5x")]
        if mtpt_io::t5x::Checkpoint::is_at(folder) {
            return t5x::read(folder, Some(composition), device);
        }
        arrays::read(folder, Some(composition), device)
    }
}

impl PromptFormat {
    /// Detects the format of a path. Returns `None` for a file that is neither a `.npy` nor a
    /// `.npz` file, which may be a prompt file, and for the folder of a run with a prompt file.
    ///
    /// # Errors
    ///
    /// - [`FormatError::NoPrompts`] for a folder without prompts.
    /// - [`FormatError::Checkpoint`] for a checkpoint of a training run, or a file in it.
    /// - [`FormatError::NoAdapterConfig`] for the weights of a PEFT adapter without its
    ///   configuration.
    /// - When the path cannot be read.
    pub fn detect(path: &Path) -> Result<Option<Self>> {
        if adapter_folder(path).is_some() {
            return Ok(Some(Self::Peft));
        }
        check_checkpoint(path)?;
        check_config(path)?;
        if path.is_dir() {
            #[cfg(feature = "t5x")]
            if mtpt_io::t5x::Checkpoint::is_at(path) {
                return Ok(Some(Self::T5x));
            }
            return match Arrays::find(path)? {
                Some(_) => Ok(Some(Self::Npy)),
                None if *prompt_file(path) != *path => Ok(None),
                None => Err(no_prompts(path).into()),
            };
        }
        Ok(is_npy_or_zip(&read_start(path, 8)?).then_some(Self::Npy))
    }

    /// Reads prompts in this format.
    ///
    /// Tasks without names are called `task0`, `task1`, ... See [`Prompts::with_tasks`].
    ///
    /// # Errors
    ///
    /// When a file cannot be read or is malformed, or its content is not a prompt of an encoder.
    pub fn read(self, path: &Path, device: &Device) -> Result<Prompts> {
        match self {
            Self::Peft => Self::read_adapter(path, DecoderPrompt::Used, device),
            Self::Npy if path.is_dir() => arrays::read(path, None, device),
            Self::Npy => npy::read(path, device),
            #[cfg(feature = "t5x")]
            Self::T5x => t5x::read(path, None, device),
        }
    }

    /// Reads a PEFT adapter, optionally without its prompt for the decoder.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn read_adapter(path: &Path, decoder: DecoderPrompt, device: &Device) -> Result<Prompts> {
        check_config(path)?;
        if path.is_dir() && adapter_folder(path).is_none() {
            check_checkpoint(path)?;
            return Err(no_prompts(path).into());
        }
        adapter::read(path, decoder, device)
    }

    /// Exports prompts in this format: of one task, composed into plain values, or of all tasks.
    ///
    /// Arrays of several tasks are written to a folder. A path that ends in `.npy` is for the
    /// prompt of one task.
    ///
    /// # Errors
    ///
    /// - [`FormatError::NotRepresentable`] for several tasks with an unsupported composition.
    /// - [`FormatError::NoDecoderVectors`] and [`FormatError::DecoderLength`] for prompts of the
    ///   decoder that the format doesn't support.
    /// - [`mtpt_compose::Error::ReadsInputs`] for prompts that depend on the inputs.
    ///
    /// # Panics
    ///
    /// When the task index is out of range.
    pub fn files(
        self,
        prompts: &Prompts,
        task: Option<TaskIndex>,
        path: &Path,
    ) -> Result<PromptFiles> {
        if prompts.composition().reads_inputs() {
            return Err(mtpt_compose::Error::ReadsInputs.into());
        }
        let decoder_length = prompts.header().decoder_length;
        if decoder_length > 0 && self != Self::Peft {
            return Err(FormatError::NoDecoderVectors { decoder_length }.into());
        }
        let files = |prompts: &Prompts| match self {
            Self::Peft => adapter::files(prompts, path),
            Self::Npy => match ArrayComposition::from_config(&prompts.header().composition) {
                Some(composition)
                    if path.extension().is_none_or(|extension| extension != "npy") =>
                {
                    arrays::files(prompts, composition, path)
                }
                _ => npy::files(prompts, path),
            },
            #[cfg(feature = "t5x")]
            Self::T5x => t5x::files(prompts, path),
        };
        match task {
            Some(task) => files(&prompts.one_task(task)?),
            None => match files(prompts) {
                // With a single task, its composed prompt is all there is to export.
                Err(Error::Format(FormatError::NotRepresentable { .. }))
                    if prompts.tasks().len() == 1 =>
                {
                    files(&prompts.one_task(TaskIndex::new(0))?)
                }
                outcome => outcome,
            },
        }
    }
}
