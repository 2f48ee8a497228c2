use mtpt::burn::tensor::Tensor;

/// Cosine similarity of every pair of prompts, in the order of the tasks.
#[derive(Debug, PartialEq)]
pub(crate) struct Similarity {
    /// Similarity of the mean vectors of the prompts, independent of position (Vu et al., 2022,
    /// "SPoT", section 4.2).
    pub(crate) of_means: Vec<Vec<f64>>,
    /// Similarity of the whole prompts, position by position.
    pub(crate) of_prompts: Vec<Vec<f64>>,
}

impl Similarity {
    /// Compares prompts of shape `[prompt_length, d_model]`.
    pub(crate) fn new(prompts: &[Tensor<2>]) -> Self {
        let values = |tensor: Tensor<2>| -> Vec<f64> {
            tensor.into_data().iter::<f32>().map(f64::from).collect()
        };
        let whole: Vec<Vec<f64>> = prompts.iter().cloned().map(values).collect();
        let width = prompts.first().map_or(1, |prompt| prompt.dims()[1]);
        let mean = |prompt: &Vec<f64>| -> Vec<f64> {
            let length = (prompt.len() / width).max(1) as f64;
            let column = |column| prompt.iter().skip(column).step_by(width).sum::<f64>() / length;
            (0..width).map(column).collect()
        };
        let means: Vec<Vec<f64>> = whole.iter().map(mean).collect();
        Self { of_means: cosines(&means), of_prompts: cosines(&whole) }
    }
}

/// Returns the cosine of every pair of vectors, or 0 if one of them is zero.
fn cosines(vectors: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let product = |first: &[f64], second: &[f64]| -> f64 {
        first.iter().zip(second).map(|(first, second)| first * second).sum()
    };
    let norms: Vec<f64> = vectors.iter().map(|vector| product(vector, vector).sqrt()).collect();
    let cosine = |first: usize, second: usize| match norms[first] * norms[second] {
        0.0 => 0.0,
        norms => product(&vectors[first], &vectors[second]) / norms,
    };
    let row = |first| (0..vectors.len()).map(|second| cosine(first, second)).collect();
    (0..vectors.len()).map(row).collect()
}

#[cfg(test)]
mod tests {
    use mtpt::burn::tensor::Device;

    use super::*;

    #[test]
    fn similarities_are_cosines() {
        let device = Device::default();
        let prompts = [
            Tensor::from_data([[1.0, 0.0], [0.0, 1.0]], &device),
            Tensor::from_data([[0.0, 1.0], [1.0, 0.0]], &device),
            Tensor::from_data([[-1.0, 0.0], [0.0, -1.0]], &device),
            Tensor::from_data([[0.0, 0.0], [0.0, 0.0]], &device),
        ];
        let Similarity { of_means, of_prompts } = Similarity::new(&prompts);
        let close = |found: &[f64], expected: [f64; 4]| {
            found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-12)
        };
        // The first two prompts have the same vectors in a different order.
        assert!(close(&of_means[0], [1.0, 1.0, -1.0, 0.0]), "{of_means:?}");
        assert!(close(&of_prompts[0], [1.0, 0.0, -1.0, 0.0]), "{of_prompts:?}");
        assert!(close(&of_prompts[3], [0.0; 4]), "{of_prompts:?}");
    }
}
