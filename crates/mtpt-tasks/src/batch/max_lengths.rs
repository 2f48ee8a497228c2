/// Maximum lengths of inputs and targets in tokens, end of sentence included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxLengths {
    /// Maximum length of inputs.
    pub input: usize,
    /// Maximum length of targets.
    pub target: usize,
}
