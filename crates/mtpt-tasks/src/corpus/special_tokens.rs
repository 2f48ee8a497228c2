/// The tokens that an objective puts into a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecialTokens {
    /// Ends inputs and targets.
    pub end_of_sentence: u32,
    /// Stand for what is missing, the first one (`<extra_id_0>` of T5) for the first span.
    pub sentinels: Vec<u32>,
}
