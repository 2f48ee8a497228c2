use std::io;

use mtpt_tasks::{TaskId, did_you_mean};

/// Errors of distillation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TeacherError {
    /// A task has no teacher.
    #[error(
        "no teacher for task `{task}`; there are teachers for {}{}",
        quoted(known), did_you_mean(task.as_str(), known.iter().map(TaskId::as_str))
    )]
    NoTeacher {
        /// The task.
        task: TaskId,
        /// The tasks with a teacher.
        known: Vec<TaskId>,
    },
    /// The prompts of two teachers differ in shape.
    #[error(
        "teachers must have prompts of the same shape: that of `{}` has {}, that of `{}` {}",
        tasks[0], shape(expected), tasks[1], shape(found)
    )]
    Shapes {
        /// Two tasks.
        tasks: Box<[TaskId; 2]>,
        /// Numbers of vectors for the encoder and the decoder, and width, of the prompt of the
        /// first one's teacher.
        expected: [usize; 3],
        /// Those of the second one's.
        found: [usize; 3],
    },
    /// The teachers' hidden states cannot be stored in a temporary file.
    #[error(
        "cannot store the teachers' hidden states in a temporary file: set TMPDIR to a directory \
         with enough space, or `distillation.keep_states = \"never\"`"
    )]
    Cache {
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
}

fn shape([length, decoder_length, d_model]: &[usize; 3]) -> String {
    match decoder_length {
        0 => format!("[{length}, {d_model}]"),
        _ => format!("[{length} + {decoder_length} for the decoder, {d_model}]"),
    }
}

fn quoted(tasks: &[TaskId]) -> String {
    tasks.iter().map(|task| format!("`{task}`")).collect::<Vec<_>>().join(", ")
}
