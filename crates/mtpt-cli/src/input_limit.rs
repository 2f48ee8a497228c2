use std::cell::Cell;
use std::path::Path;

use mtpt::infer::Prompts;
use mtpt::t5::max_input_length;
use mtpt::tasks::truncate;

use crate::args::values::TruncationSide;
use crate::number_format::counted;
use crate::stdio::message;

/// The maximum length of inputs, and the number of inputs that exceeded it.
pub(crate) struct InputLimit {
    length: usize,
    side: TruncationSide,
    origin: Origin,
    truncated: Cell<usize>,
}

/// Where a maximum length comes from.
enum Origin {
    /// `--max-input-length`.
    Option,
    /// The prompts, which record the length used in training.
    Prompts,
    /// The files of the model, or its default.
    Model,
}

impl InputLimit {
    /// Returns the length that is given, otherwise that of the prompts, otherwise that of the model
    /// in a folder.
    pub(crate) fn new(given: Option<usize>, prompts: Option<&Prompts>, model: &Path) -> Self {
        let of_prompts = prompts.map_or(0, |prompts| prompts.header().max_input_length);
        let (length, origin) = match (given, of_prompts) {
            (Some(given), _) => (given, Origin::Option),
            (None, 0) => (max_input_length(model), Origin::Model),
            (None, of_prompts) => (of_prompts, Origin::Prompts),
        };
        Self { length, side: TruncationSide::Right, origin, truncated: Cell::new(0) }
    }

    /// Truncates inputs on this side. Training truncates on the right.
    #[must_use]
    pub(crate) fn on_side(self, side: TruncationSide) -> Self {
        Self { side, ..self }
    }

    /// Returns the length in tokens.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// Truncates an input, and counts it if it is too long.
    pub(crate) fn truncate(&self, ids: &mut Vec<u32>) {
        self.count(usize::from(ids.len() > self.length));
        match self.side {
            TruncationSide::Right => truncate(ids, self.length),
            TruncationSide::Left => {
                let excess = ids.len().saturating_sub(self.length.max(1));
                ids.drain(..excess);
            }
        }
    }

    /// Counts inputs that were truncated elsewhere.
    pub(crate) fn count(&self, truncated: usize) {
        self.truncated.set(self.truncated.get() + truncated);
    }

    /// Prints how many inputs were truncated, if any.
    pub(crate) fn report(&self) {
        let truncated = self.truncated.get();
        if truncated == 0 {
            return;
        }
        let verb = if truncated == 1 { "was" } else { "were" };
        let origin = match self.origin {
            Origin::Option => "as set with `--max-input-length`",
            Origin::Prompts => "the limit used in training",
            Origin::Model => {
                "the maximum length of the model; set another one with `--max-input-length`"
            }
        };
        message(&format!(
            "warning: {} {verb} truncated to {}, {origin}",
            counted(truncated, "input"),
            counted(self.length, "token")
        ));
    }
}
