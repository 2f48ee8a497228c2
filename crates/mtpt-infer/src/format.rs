use std::fs::File;
use std::io::Read;
use std::path::Path;

use burn::tensor::Device;
use mtpt_core::{Compose, TaskIndex};
use mtpt_io::npy::is_npy;

use crate::arrays;
use crate::arrays::{ArrayComposition, Arrays};
use crate::error::{Error, Result};
use crate::npy;
use crate::peft::adapter;
use crate::prompt_files::PromptFiles;
use crate::prompts::Prompts;
#[cfg(feature = "t5x")]
use crate::t5x;

/// A format in which other programs keep prompts, read and written here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PromptFormat {
    /// The folder of an adapter of PEFT, of type `PROMPT_TUNING` or `MULTITASK_PROMPT_TUNING`.
    Peft,
    /// Arrays of numpy, as google-research/prompt-tuning keeps them: the prompt of one task in a file, or a shared prompt and
    /// the parts of all tasks in two files of a folder.
    Npy,
    /// A checkpoint of T5X that holds prompts, beside a model or alone, as google-research/prompt-tuning trains them.
    #[cfg(feature = "t5x")]
    T5x,
}

impl PromptFormat {
    /// The format of what lies at a path; none for a file that is none of another program's.
    ///
    /// # Errors
    ///
    /// When the path cannot be read, or is a folder without prompts ([`Error::NoPrompts`]).
    pub fn of(path: &Path) -> Result<Option<Self>> {
        let failed = |source| Error::File { action: "read", path: path.to_owned(), source };
        if path.is_dir() {
            if adapter::is_adapter(path) {
                return Ok(Some(Self::Peft));
            }
            #[cfg(feature = "t5x")]
            if mtpt_io::t5x::Checkpoint::is_at(path) {
                return Ok(Some(Self::T5x));
            }
            return match Arrays::find(path)? {
                Some(_) => Ok(Some(Self::Npy)),
                None => Err(Error::NoPrompts { path: path.to_owned() }),
            };
        }
        let mut beginning = Vec::new();
        File::open(path)
            .and_then(|file| file.take(8).read_to_end(&mut beginning))
            .map_err(failed)?;
        Ok(is_npy(&beginning).then_some(Self::Npy))
    }

    /// Reads prompts onto a device. Tasks without names are `task0`, `task1`, ...; see [`Prompts::with_tasks`].
    ///
    /// # Errors
    ///
    /// When a file cannot be read or is not as the format has it, or what it holds cannot be used as prompts of an encoder.
    pub fn read(self, path: &Path, device: &Device) -> Result<Prompts> {
        match self {
            Self::Peft => adapter::read(path, device),
            Self::Npy if path.is_dir() => arrays::read(path, None, device),
            Self::Npy => npy::read(path, device),
            #[cfg(feature = "t5x")]
            Self::T5x => t5x::read(path, None, device),
        }
    }

    /// The files of prompts at a path, ready to be written: of one task, which is composed and frozen for that, or of all.
    ///
    /// Arrays of several tasks make a folder; a path that ends in `.npy` asks for the prompt of one task.
    ///
    /// # Errors
    ///
    /// [`Error::NoForm`] when the format has no form for several tasks that are composed so;
    /// [`mtpt_compose::Error::ReadsInputs`] for prompts that depend on the inputs.
    ///
    /// # Panics
    ///
    /// When the task is none of the prompts'.
    pub fn files(
        self,
        prompts: &Prompts,
        task: Option<TaskIndex>,
        path: &Path,
    ) -> Result<PromptFiles> {
        if prompts.composition().reads_inputs() {
            return Err(mtpt_compose::Error::ReadsInputs.into());
        }
        let files = |prompts: &Prompts| match self {
            Self::Peft => adapter::files(prompts, path),
            Self::Npy => match ArrayComposition::of(&prompts.header().composition) {
                Some(composition) if path.extension().is_none_or(|ending| ending != "npy") => {
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
                // The prompt of an only task need not be told apart from others: it can always be composed.
                Err(Error::NoForm { .. }) if prompts.tasks().len() == 1 => {
                    files(&prompts.one_task(TaskIndex::new(0))?)
                }
                outcome => outcome,
            },
        }
    }
}
