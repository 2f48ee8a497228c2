#![doc = include_str!("../README.md")]

mod candidates;
mod checkpoint;
mod clip;
mod composed_tree;
mod config;
mod cross_entropy;
mod cut_rows;
mod device_batch;
mod distillation;
mod distillation_config;
mod error;
mod evaluate;
mod few_shot;
mod initial;
mod mean_loss;
mod metrics_log;
mod micro_batches;
mod multitask_arrays;
mod nearest;
mod objective;
mod observer;
mod overlay;
mod peft_adapter;
mod peft_config;
mod peft_weights;
mod pretrain;
mod pretraining_config;
mod pretraining_data;
mod prompt_array;
mod prompt_files;
mod prompt_format;
mod prompts;
mod run_folder;
mod run_identity;
mod schedule;
mod stacked;
mod staged_config;
mod stages;
mod start_from;
#[cfg(feature = "t5x")]
mod t5x_prompts;
mod target_states;
mod task_data;
mod task_parts;
mod tasks_beside;
mod teacher_states;
mod teachers;
mod train;
mod trainer;

pub use candidates::Candidates;
pub use clip::{clip_global_norm, global_norm};
pub use config::{
    EvaluationConfig, InitializerConfig, OptimizerConfig, PromptConfig, RunConfig, TrainingConfig,
};
pub use cross_entropy::token_losses;
pub use device_batch::DeviceBatch;
pub use distillation::Distillation;
pub use distillation_config::{DistillationConfig, KeepStates, Reduction, Stack};
pub use error::{Error, Result};
pub use evaluate::{check_width, evaluate, generate_rows, rank_choices, rank_rows};
pub use few_shot::FewShotFigure;
pub use initial::initial_composition;
pub use mean_loss::mean_loss;
pub use metrics_log::MetricsLog;
pub use multitask_arrays::ArrayComposition;
pub use objective::{FullFineTuning, Objective, PromptTuning, TokenLosses};
pub use observer::{EvaluationEvent, Observer, StepEvent};
pub use pretrain::{Pretrained, pretrain};
pub use pretraining_config::PretrainingConfig;
pub use pretraining_data::PretrainingData;
pub use prompt_files::PromptFiles;
pub use prompt_format::PromptFormat;
pub use prompts::{PromptHeader, PromptTask, Prompts};
pub use run_folder::RunFolder;
pub use schedule::{Decay, Schedule};
pub use staged_config::{
    AdaptationConfig, FewShotConfig, NearestConfig, StagedRunConfig, TeachersConfig,
};
pub use stages::{Stage, StageRun, Stages, StagesDone};
pub use task_data::TaskData;
pub use task_parts::TaskParts;
pub use teachers::Teachers;
pub use train::{Output, Trained, train, train_on};
pub use trainer::{StepReport, Trainer};
