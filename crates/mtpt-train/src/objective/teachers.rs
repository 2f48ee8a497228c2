use std::path::Path;

use burn::tensor::Device;
use mtpt_compose::Composition;
use mtpt_core::{Compose, TaskIndex};
use mtpt_tasks::TaskId;

use crate::error::Result;
use crate::objective::error::TeacherError;
use mtpt_infer::Prompts;
use mtpt_io::layout::f32_values;

/// A trained plain prompt for each task, for distillation.
#[derive(Clone, Debug)]
pub struct Teachers {
    /// A plain prompt for each task, in the order of the run.
    composition: Composition,
    checksum: u32,
}

impl Teachers {
    /// Creates the teachers of tasks from trained prompts: each task's from the first prompts that
    /// have a task of its name. The prompts are composed once.
    ///
    /// # Errors
    ///
    /// [`TeacherError::NoTeacher`] when no prompts have a task,
    /// [`mtpt_compose::Error::ReadsInputs`] when prompts depend on the input, and
    /// [`TeacherError::Shapes`] when prompts differ in shape.
    pub fn new<'a>(
        prompts: &[Prompts],
        tasks: impl IntoIterator<Item = &'a TaskId>,
    ) -> Result<Self> {
        let mut composed = Vec::new();
        let mut shapes = Vec::new();
        let mut names: Vec<TaskId> = Vec::new();
        for task in tasks {
            let known = prompts.iter().find_map(|prompts| {
                let position = prompts.tasks().iter().position(|known| known.name == *task)?;
                Some((prompts, TaskIndex::new(position)))
            });
            let Some((prompts, found)) = known else {
                let of_one = |prompts: &Prompts| -> Vec<TaskId> {
                    prompts.tasks().iter().map(|task| task.name.clone()).collect()
                };
                let known = prompts.iter().flat_map(of_one).collect();
                return Err(TeacherError::NoTeacher { task: task.clone(), known }.into());
            };
            let prompt = prompts.composition().plain_prompt(found)?;
            let [total, d_model] = prompt.dims();
            let decoder_length = prompts.composition().decoder_vectors().len();
            shapes.push([total - decoder_length, decoder_length, d_model]);
            composed.push(prompt);
            names.push(task.clone());
        }
        if let Some(other) = shapes.iter().position(|shape| *shape != shapes[0]) {
            let [first, second] = [0, other].map(|task| names[task].clone());
            let [expected, found] = [0, other].map(|task| shapes[task]);
            return Err(
                TeacherError::Shapes { tasks: Box::new([first, second]), expected, found }.into()
            );
        }
        let mut checksum = crc32fast::Hasher::new();
        for prompt in &composed {
            let values = prompt.to_data();
            f32_values(&values).iter().for_each(|value| checksum.update(&value.to_le_bytes()));
        }
        let decoder_length = shapes.first().map_or(0, |[_, decoder_length, _]| *decoder_length);
        let composition = Composition::plain(composed)?.with_decoder_length(decoder_length);
        Ok(Self { composition, checksum: checksum.finalize() })
    }

    /// Reads the teachers of tasks from one prompt file, or prompts in another supported format.
    ///
    /// # Errors
    ///
    /// Those of [`Prompts::read`] and [`new`](Self::new).
    pub fn read<'a>(
        path: &Path,
        tasks: impl IntoIterator<Item = &'a TaskId>,
        device: &Device,
    ) -> Result<Self> {
        Self::new(&[Prompts::read(path, &device.clone().without_autodiff())?], tasks)
    }

    /// Returns the prompts of the run's tasks, in order.
    pub fn composition(&self) -> &Composition {
        &self.composition
    }

    /// Returns a checksum of the prompts' values.
    pub(crate) fn checksum(&self) -> u32 {
        self.checksum
    }
}
