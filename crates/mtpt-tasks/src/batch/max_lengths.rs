/// Longest input and target, in tokens, the end of sentence included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxLengths {
    /// Longest input.
    pub input: usize,
    /// Longest target.
    pub target: usize,
}
