use std::path::PathBuf;

use clap::Args;

use crate::args::baseline::BaselineArgs;
use crate::args::device::DeviceArgs;
use crate::args::values::{Stage, positive};
use crate::args::weights::WeightArgs;

/// Arguments of every command that trains.
#[derive(Clone, Debug, Args)]
pub(crate) struct Run {
    /// Run configuration
    #[arg(value_name = "CONFIG.toml")]
    pub(crate) config: PathBuf,
    /// Override a value of the configuration, for example `training.steps=500`; several values
    /// with commas, `training.learning_rate=0.1,0.3,1`, make a run each and compare them
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Continue the run in the output folder from its newest checkpoint
    #[arg(long)]
    pub(crate) resume: bool,
    /// Overwrite the run in the output folder
    #[arg(long, conflicts_with = "resume")]
    pub(crate) force: bool,
    /// Run folder [default: `runs/` and the name of the configuration without its extension]
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Train {
    #[command(flatten)]
    pub(crate) run: Run,
    #[command(flatten)]
    pub(crate) weights: WeightArgs,
    #[command(flatten)]
    pub(crate) baseline: BaselineArgs,
    /// Run only this stage of the configuration; can be repeated
    #[arg(long, value_enum, value_name = "STAGE")]
    pub(crate) stage: Vec<Stage>,
}

#[derive(Debug, Args)]
pub(crate) struct Adapt {
    #[command(flatten)]
    pub(crate) run: Run,
    #[command(flatten)]
    pub(crate) weights: WeightArgs,
    #[command(flatten)]
    pub(crate) baseline: BaselineArgs,
    /// Prompts to start from: a run folder, a prompt file, or prompts in PEFT, NumPy or T5X format
    #[arg(long, value_name = "PATH")]
    pub(crate) prompts: PathBuf,
    /// Initial values of task-specific parameters: `average` over the known tasks, `fresh`, `own`
    /// (the task of the same name), or the name of a known task [default: set by the
    /// configuration, or `average`]
    #[arg(long, value_name = "WHERE", conflicts_with = "nearest")]
    pub(crate) task_parts: Option<String>,
    /// Start from the known task whose prompt is most similar to a prompt trained on the target for
    /// this many steps
    #[arg(long, value_name = "STEPS", value_parser = positive)]
    pub(crate) nearest: Option<usize>,
    /// Train the target tasks jointly from a shared starting point
    #[arg(long)]
    pub(crate) together: bool,
    /// Train on this many sampled examples, repeated for several draws; separate several numbers
    /// with commas
    #[arg(long, value_name = "ROWS", value_delimiter = ',', value_parser = positive)]
    pub(crate) few_shot: Vec<usize>,
    /// Sample this many examples per label instead of in total
    #[arg(long, requires = "few_shot")]
    pub(crate) per_label: bool,
    /// Number of draws for each number of examples [default: 10]
    #[arg(long, value_name = "N", requires = "few_shot", value_parser = positive)]
    pub(crate) draws: Option<usize>,
}
