/// Special tokens of the objectives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecialTokens {
    /// End of inputs and targets.
    pub end_of_sentence: u32,
    /// Sentinels that replace spans, the first one (`<extra_id_0>` of T5) for the first span.
    pub sentinels: Vec<u32>,
}
