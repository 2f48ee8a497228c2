use clap::Args;
use mtpt::core::WeightFormat;

/// Format of the model's weights.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct WeightArgs {
    /// Format of the model's weights in memory: `f32`, `bf16`, `f16`, or `int8` on the CPU
    /// [default: `f32`, or that of the configuration]
    #[arg(long, value_name = "FORMAT")]
    weights: Option<WeightFormat>,
}

impl WeightArgs {
    /// Returns the given format, or another one.
    pub(crate) fn or(self, default: WeightFormat) -> WeightFormat {
        self.weights.unwrap_or(default)
    }
}
