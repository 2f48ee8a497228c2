use std::ops::AddAssign;

/// Numbers of texts that were longer than the maximum length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Truncated {
    /// Number of inputs.
    pub inputs: usize,
    /// Number of targets.
    pub targets: usize,
}

impl AddAssign for Truncated {
    fn add_assign(&mut self, other: Self) {
        self.inputs += other.inputs;
        self.targets += other.targets;
    }
}
