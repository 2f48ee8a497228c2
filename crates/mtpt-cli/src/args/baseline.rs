use clap::Args;

/// Arguments of commands that compare results with a linear model on TF-IDF features.
#[derive(Debug, Args)]
pub(crate) struct BaselineArgs {
    /// Compare with a linear model on TF-IDF features, however many training examples there are
    /// [default: for tasks with at most 5,000 training examples]
    #[arg(long)]
    baseline: bool,
    /// Do not compare with a linear model on TF-IDF features
    #[arg(long, conflicts_with = "baseline")]
    no_baseline: bool,
}

impl BaselineArgs {
    /// Returns whether to evaluate the baseline; none if it depends on the number of examples.
    pub(crate) fn choice(&self) -> Option<bool> {
        if self.no_baseline { Some(false) } else { self.baseline.then_some(true) }
    }
}
