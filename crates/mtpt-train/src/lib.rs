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

pub use config::backbone::BackboneConfig;
pub use config::distillation::{DistillationConfig, KeepStates, Reduction, Stack};
pub use config::error::ConfigError;
pub use config::evaluation::EvaluationConfig;
pub use config::optimizer::{AdafactorConfig, AdamWConfig, OptimizerConfig};
pub use config::pretraining::{PretrainingConfig, PretrainingEvaluationConfig};
pub use config::prompt::{InitializerConfig, PromptConfig};
pub use config::run::RunConfig;
pub use config::schedule::{Decay, Schedule};
pub use config::stages::{
    AdaptationConfig, FewShotConfig, NearestConfig, StagedRunConfig, TeachersConfig,
};
pub use config::task_parts::TaskParts;
pub use config::training::TrainingConfig;
pub use data::error::DataError;
pub use data::pretraining_data::{PretrainingData, PretrainingDataReader};
pub use error::{Error, Result, error_line};
pub use init::error::InitError;
pub use init::initial::initial_composition;
pub use init::start_from::check_start_from;
pub use objective::cross_entropy::token_losses;
pub use objective::distillation::Distillation;
pub use objective::error::TeacherError;
pub use objective::fine_tuning::{FullFineTuning, mean_loss};
pub use objective::loss::{Objective, TokenLosses};
pub use objective::prompt_tuning::PromptTuning;
pub use objective::teachers::Teachers;
pub use optim::adafactor::{Adafactor, AdafactorState};
pub use optim::clip::{clip_global_norm, global_norm};
pub use optim::parameter_group::GroupOptions;
pub use output::error::CheckpointError;
pub use output::metrics_log::MetricsLog;
pub use output::run_dir::RunDir;
pub use output::tensorboard::TensorBoard;
pub use run::non_finite::{NotFinite, TrainingExample};
pub use run::observer::{BeginEvent, EvaluationEvent, MeanEvent, Observer, ReadyEvent, StepEvent};
pub use run::pretraining::{Pretrained, PretrainingRun};
pub use run::prompt_tuning::{PromptTuningRun, Trained};
pub use run::trainer::{StepReport, Trainer};
pub use stages::data_cache::DataCache;
pub use stages::error::StageError;
pub use stages::pipeline::Pipeline;
pub use stages::report::{FewShotResult, PipelineReport, StageOutcome};
pub use stages::stage::Stage;
pub use stages::validate::check_run;
