use std::path::Path;

use burn::tensor::Device;
use mtpt_compose::Composition;
use mtpt_tasks::TaskId;

use crate::error::Result;
use crate::objective::error::TeacherError;
use mtpt_infer::Prompts;
use mtpt_io::layout::f32_values;

/// A plain, learned prompt for each task, which a student learns from.
#[derive(Clone, Debug)]
pub struct Teachers {
    /// A plain prompt for each task, in the order of the run.
    composition: Composition,
    checksum: u32,
}

impl Teachers {
    /// The teachers of tasks, out of prompts that are composed once and for all: each task's from the first of them that has a
    /// task of its name.
    ///
    /// # Errors
    ///
    /// [`TeacherError::NoTeacher`] for a task that none of them knows; [`mtpt_compose::Error::ReadsInputs`] for prompts that depend on
    /// the inputs; [`TeacherError::Shapes`] when prompts differ in shape.
    pub fn new<'a>(
        prompts: &[Prompts],
        tasks: impl IntoIterator<Item = &'a TaskId>,
    ) -> Result<Self> {
        let mut composed = Vec::new();
        let mut names: Vec<TaskId> = Vec::new();
        for task in tasks {
            let known = prompts.iter().find_map(|prompts| {
                let found = prompts.find(task.as_str()).ok()?;
                Some((prompts, found))
            });
            let Some((prompts, found)) = known else {
                let of_one = |prompts: &Prompts| -> Vec<TaskId> {
                    prompts.tasks().iter().map(|task| task.name.clone()).collect()
                };
                let known = prompts.iter().flat_map(of_one).collect();
                return Err(TeacherError::NoTeacher { task: task.clone(), known }.into());
            };
            composed.push(prompts.composition().plain_prompt(found)?);
            names.push(task.clone());
        }
        let mut shapes = composed.iter().map(|prompt| prompt.dims());
        if let Some(other) = shapes.position(|shape| shape != composed[0].dims()) {
            let [first, second] = [0, other].map(|task| names[task].clone());
            let [expected, found] = [0, other].map(|task| composed[task].dims());
            return Err(
                TeacherError::Shapes { tasks: Box::new([first, second]), expected, found }.into()
            );
        }
        let mut checksum = crc32fast::Hasher::new();
        for prompt in &composed {
            let values = prompt.to_data();
            f32_values(&values).iter().for_each(|value| checksum.update(&value.to_le_bytes()));
        }
        let composition = Composition::plain(composed)?;
        Ok(Self { composition, checksum: checksum.finalize() })
    }

    /// The teachers of tasks from one prompt file, or what another program wrote.
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

    /// The prompts, of the run's tasks in their order.
    pub fn composition(&self) -> &Composition {
        &self.composition
    }

    /// A checksum of their values.
    pub(crate) fn checksum(&self) -> u32 {
        self.checksum
    }
}
