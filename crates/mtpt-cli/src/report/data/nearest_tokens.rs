use mtpt::ModelTokenizer;
use mtpt::burn::tensor::{Int, Tensor, TensorData};
use mtpt::core::Backbone;
use mtpt::t5::T5;

/// The token whose embedding is most similar to a vector of a prompt.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NearestToken {
    /// Spelling in the vocabulary, or `#` and the id of a token that the tokenizer doesn't know.
    pub(crate) token: String,
    /// Cosine similarity of the embedding and the vector.
    pub(crate) cosine: f64,
}

/// Maximum number of positions per prompt.
pub(crate) const POSITIONS: usize = 10;

/// Returns the nearest tokens of the first [`POSITIONS`] vectors of each prompt, of shape
/// `[prompt_length, d_model]`.
pub(crate) fn nearest_tokens(
    prompts: &[Tensor<2>],
    t5: &T5,
    tokenizer: Option<&ModelTokenizer>,
) -> Vec<Vec<NearestToken>> {
    let device = t5.device();
    let (count, d_model) = (t5.config().vocab_size, t5.config().d_model);
    let ids: Vec<i64> = (0..count as i64).collect();
    let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [1, count]), &device);
    let vocabulary = unit(t5.embed(ids).reshape([count, d_model])).transpose();
    let of_prompt = |prompt: &Tensor<2>| {
        let shown = prompt.dims()[0].min(POSITIONS);
        let vectors = prompt.clone().into_data();
        let vectors = Tensor::<2>::from_data(vectors, &device).narrow(0, 0, shown);
        let (cosines, tokens) = unit(vectors).matmul(vocabulary.clone()).max_dim_with_indices(1);
        let (cosines, tokens) = (cosines.into_data(), tokens.into_data());
        let named = |(cosine, id): (f32, i64)| {
            let token = tokenizer.and_then(|tokenizer| tokenizer.token(id as u32));
            NearestToken {
                token: token.unwrap_or_else(|| format!("#{id}")),
                cosine: f64::from(cosine),
            }
        };
        cosines.iter::<f32>().zip(tokens.iter::<i64>()).map(named).collect()
    };
    prompts.iter().map(of_prompt).collect()
}

/// Normalizes vectors to length 1. Zero vectors stay zero.
fn unit(vectors: Tensor<2>) -> Tensor<2> {
    let length = vectors.clone().powi_scalar(2).sum_dim(1).sqrt();
    vectors / length.clamp_min(1e-12)
}
