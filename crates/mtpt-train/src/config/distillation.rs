use serde::{Deserialize, Serialize};

use crate::config::range::{not_negative, positive};
use crate::error::Result;

/// Settings of distillation: the loss is that of the task plus `weight (logits KL + hidden MSE)`
/// (Wang et al., 2023, section 3.2, equations 3 to 5).
///
/// The defaults of `weight` and `temperature` are the paper's as far as we remember, and the paper
/// doesn't state how squared differences are reduced, so all three can be set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DistillationConfig {
    /// Λ, the weight of both terms together.
    ///
    /// Default: 0.9; range: from 0.
    pub weight: f64,
    /// Weight of the KL divergence of the student's token distributions from the teachers'.
    ///
    /// Default: 1.0; range: from 0.
    pub logits: f64,
    /// Weight of the squared difference of the final hidden states.
    ///
    /// Default: 1.0; range: from 0.
    pub hidden: f64,
    /// Divides the logits of both; the divergence is multiplied by its square, so that gradients
    /// keep their scale (Hinton et al., 2015).
    ///
    /// Default: 1.0; range: above 0.
    pub temperature: f64,
    /// Which hidden states are compared.
    ///
    /// Default: `["encoder", "decoder"]`.
    pub states: Vec<Stack>,
    /// How squared differences are reduced, see [`Reduction`].
    ///
    /// Default: `"mean"`; range: `"mean"`, `"sum"`.
    pub reduction: Reduction,
    /// Whether the teachers' hidden states are computed once and cached on disk, see
    /// [`KeepStates`].
    ///
    /// Default: `"auto"`; range: `"auto"`, `"always"`, `"never"`.
    pub keep_states: KeepStates,
}

/// A half of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stack {
    /// States at the tokens of the input, without the prompt: prompts of teachers and students may
    /// differ in length.
    Encoder,
    /// States that predict the tokens of the target.
    Decoder,
}

/// How the squared differences of hidden states are reduced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    /// Mean over the width and over the tokens of an input. The loss of each target token includes
    /// the mean for its example's encoder states and for its own decoder state.
    #[default]
    Mean,
    /// Sum over the width and over the tokens of an input. The sum for an example's encoder states
    /// is divided evenly among its target tokens.
    Sum,
}

/// When the teachers' hidden states, which never change, are cached in an unnamed temporary file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeepStates {
    /// If training uses more examples than there are, and the file has at most 4 GiB.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never: teachers run a forward pass on each batch.
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
    /// Checks every value.
    ///
    /// # Errors
    ///
    /// When a value is out of range; the error names the option.
    pub fn check(&self) -> Result<()> {
        not_negative("distillation.weight", self.weight)?;
        not_negative("distillation.logits", self.logits)?;
        not_negative("distillation.hidden", self.hidden)?;
        positive("distillation.temperature", self.temperature)
    }

    /// Returns whether the hidden states of a stack are compared.
    pub(crate) fn reads(&self, stack: Stack) -> bool {
        self.weight * self.hidden > 0.0 && self.states.contains(&stack)
    }
}
