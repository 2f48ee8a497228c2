#![doc = include_str!("../README.md")]

mod device;
mod error;
mod model;
mod predictor;
mod run_file;
mod tokenizer;

pub use device::{ChosenDevice, DeviceError, choose_device, device, device_names, devices};
pub use error::{Error, Result};
pub use model::{Model, resolve_model};
pub use predictor::Predictor;
pub use run_file::{RunFile, Training};
pub use tokenizer::ModelTokenizer;

pub use burn;
pub use mtpt_compose as compose;
pub use mtpt_core as core;
pub use mtpt_infer as infer;
pub use mtpt_io as io;
pub use mtpt_t5 as t5;
pub use mtpt_tasks as tasks;
pub use mtpt_train as train;

/// The names that most programs import.
pub mod prelude {
    pub use crate::{Model, ModelTokenizer, Predictor, RunFile, device};
    pub use burn::module::Module;
    pub use burn::tensor::{Device, Tensor};
    pub use mtpt_compose::{Composition, CompositionConfig};
    pub use mtpt_core::{Backbone, Compose, Frozen, TaskIndex, prepend};
    pub use mtpt_infer::{Answer, Prompted, Prompts, TaskData};
    pub use mtpt_t5::{T5, T5Config, T5Tokenizer};
    pub use mtpt_tasks::{Split, Task, TaskConfig, TaskId};
    pub use mtpt_train::{Observer, RunConfig};
}

/// README of the workspace, whose example is a test.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct WorkspaceReadme;

/// Chapter of the book on strategies, whose example is a test.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/src/adding-a-strategy.md")]
struct AddingAStrategy;
