//! Tests of the public interface, one module per subject.
//!
//! | subject | modules |
//! |---|---|
//! | configurations | `config`, `staged_config`, `pretraining_config` |
//! | initial values | `initial`, `start_from` |
//! | prompts of the decoder | `decoder_prompts` |
//! | losses and gradients | `distillation`, `peft_losses` |
//! | steps | `steps`, `uploads`, `adafactor`, `task_rate`, `peft_training` |
//! | the frozen model | `frozen` |
//! | runs | `early_stopping`, `not_finite`, `pretraining`, `own_strategy`, `plain`, `answers`, `run_prompts` |
//! | interrupted, extended and damaged runs | `resume`, `stopping`, `extension`, `damage` |
//! | pipelines | `stages` |
//! | logs | `tensorboard` |

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

mod adafactor;
mod answers;
mod config;
mod damage;
mod decoder_prompts;
mod distillation;
mod early_stopping;
mod extension;
mod frozen;
mod initial;
mod not_finite;
mod own_strategy;
mod peft_losses;
mod peft_training;
mod plain;
mod pretraining;
mod pretraining_config;
mod resume;
mod run_prompts;
mod small_world;
mod staged_config;
mod stages;
mod start_from;
mod steps;
mod stopping;
mod task_rate;
mod tensorboard;
#[path = "../../mtpt-infer/tests/text_tasks.rs"]
mod text_tasks;
mod uploads;
