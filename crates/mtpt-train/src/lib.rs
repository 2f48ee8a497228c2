#![doc = include_str!("../README.md")]

mod config;
mod data;
mod error;
mod init;
mod objective;
mod optim;
mod output;
mod run;
mod stages;

pub use config::distillation::{DistillationConfig, KeepStates, Reduction, Stack};
pub use config::optimizer::{AdafactorConfig, AdamWConfig, OptimizerConfig};
pub use config::pretraining::{PretrainingConfig, PretrainingEvaluationConfig};
pub use config::run::{
    EvaluationConfig, InitializerConfig, PromptConfig, RunConfig, TrainingConfig,
};
pub use config::schedule::{Decay, Schedule};
pub use config::stages::{
    AdaptationConfig, FewShotConfig, NearestConfig, StagedRunConfig, TeachersConfig,
};
pub use config::task_parts::TaskParts;
pub use data::pretraining_data::PretrainingData;
pub use error::{Error, Result, error_line};
pub use init::initial::initial_composition;
pub use objective::cross_entropy::token_losses;
pub use objective::distillation::Distillation;
pub use objective::mean_loss::mean_loss;
pub use objective::teachers::Teachers;
pub use objective::{FullFineTuning, Objective, PromptTuning, TokenLosses};
pub use optim::adafactor::{Adafactor, AdafactorState};
pub use optim::clip::{clip_global_norm, global_norm};
pub use optim::trainer::{GroupOptions, StepReport, Trainer};
pub use output::metrics_log::MetricsLog;
pub use output::run_dir::RunFolder;
pub use output::tensorboard::TensorBoard;
pub use run::non_finite::{NotFinite, TrainingRow};
pub use run::observer::{BeginEvent, EvaluationEvent, MeanEvent, Observer, StepEvent};
pub use run::pretrain::{Pretrained, pretrain};
pub use run::train::{Output, Trained, train, train_on};
pub use stages::execute::{Stage, StageRun, Stages, StagesDone};
pub use stages::few_shot::FewShotFigure;
