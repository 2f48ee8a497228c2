use serde::{Deserialize, Serialize};

use crate::config::optimizer::{not_negative, positive};
use crate::error::Result;

/// What is learned from teachers besides the targets: the loss is that of the task plus
/// `weight (logits KL + hidden MSE)` (Wang et al., 2023, section 3.2; its equations 3 to 5).
///
/// | Key | Default | Purpose | Range |
/// |---|---|---|---|
/// | `weight` | 0.9 | λ, the weight of both terms together | from 0 |
/// | `logits` | 1.0 | weight of the divergence of the student's distributions of tokens from the teachers' | from 0 |
/// | `hidden` | 1.0 | weight of the squared difference of last hidden states | from 0 |
/// | `temperature` | 1.0 | logits of both are divided by it, and their divergence, so that gradients keep their size, multiplied by its square (Hinton et al., 2015) | above 0 |
/// | `states` | `["encoder", "decoder"]` | whose hidden states count | |
/// | `reduction` | `"mean"` | how squared differences add up, see [`Reduction`] | `"mean"`, `"sum"` |
/// | `keep_states` | `"auto"` | whether the teachers read every row once and what they make of it is kept on disk, see [`KeepStates`] | `"auto"`, `"always"`, `"never"` |
///
/// The paper's own values of `weight` and `temperature` are known from memory alone, and how it adds up squared differences is
/// not known: all are to be chosen here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DistillationConfig {
    /// Weight of both terms together.
    pub weight: f64,
    /// Weight of the divergence of distributions.
    pub logits: f64,
    /// Weight of the squared difference of hidden states.
    pub hidden: f64,
    /// What logits are divided by.
    pub temperature: f64,
    /// Whose hidden states count.
    pub states: Vec<Stack>,
    /// How squared differences add up.
    pub reduction: Reduction,
    /// Whether what teachers make of rows is kept on disk.
    pub keep_states: KeepStates,
}

/// A half of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stack {
    /// Its states at the tokens of the input, those of the prompt left out: teachers and students may have prompts of different
    /// lengths.
    Encoder,
    /// Its states where it writes the tokens of the target.
    Decoder,
}

/// How the squared differences of hidden states add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    /// Their mean over the width, and over the tokens of an input: each target token of a row counts the row's encoder states
    /// once, and its own decoder state.
    #[default]
    Mean,
    /// Their sum over the width, and over the tokens of an input: a row's encoder states count once for the row.
    Sum,
}

/// When what teachers make of rows is kept on disk, in a file without a name that is gone with the program: a teacher's hidden
/// states never change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeepStates {
    /// When training reads more rows than there are, and the file has at most 4 GiB.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never: teachers read each batch again.
    Never,
}

impl Default for DistillationConfig {
    fn default() -> Self {
        Self {
            weight: 0.9,
            logits: 1.0,
            hidden: 1.0,
            temperature: 1.0,
            states: vec![Stack::Encoder, Stack::Decoder],
            reduction: Reduction::default(),
            keep_states: KeepStates::default(),
        }
    }
}

impl DistillationConfig {
    /// Checks every number.
    ///
    /// # Errors
    ///
    /// When one is out of its range, which the error names.
    pub fn check(&self) -> Result<()> {
        not_negative("distillation.weight", self.weight)?;
        not_negative("distillation.logits", self.logits)?;
        not_negative("distillation.hidden", self.hidden)?;
        positive("distillation.temperature", self.temperature)
    }

    /// Whether hidden states of a half of the model count.
    pub(crate) fn reads(&self, stack: Stack) -> bool {
        self.weight * self.hidden > 0.0 && self.states.contains(&stack)
    }
}
