use burn::tensor::TensorData;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Samples values uniformly from `[-bound, bound)`.
pub(crate) fn uniform<const D: usize>(
    rng: &mut ChaCha8Rng,
    shape: [usize; D],
    bound: f32,
) -> TensorData {
    let values: Vec<f32> =
        (0..shape.iter().product()).map(|_| rng.random_range(-bound..bound)).collect();
    TensorData::new(values, shape)
}
