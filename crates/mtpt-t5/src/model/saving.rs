/// Whether a forward pass saves the activations that its backward pass needs.
///
/// An evaluation saves nothing, so that every intermediate tensor is freed as early as possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Saving {
    Nothing,
    Activations,
}

impl Saving {
    /// Returns the given activations if they are to be saved.
    pub(crate) fn save<T>(self, activations: impl FnOnce() -> T) -> Option<T> {
        (self == Self::Activations).then(activations)
    }
}
