use burn::tensor::Tensor;
use mtpt_core::TaskIndex;
use mtpt_infer::Prompts;
use mtpt_tasks::TaskId;

use crate::error::Result;

/// Returns the source task whose prompt is nearest to a target's, and their cosine similarity
/// (SPoT, Vu et al., 2022, section 3): prompts are compared by the means of their vectors.
pub(crate) fn nearest_source(target: Tensor<2>, sources: &Prompts) -> Result<(TaskId, f64)> {
    let target = mean_vector(target);
    let mut best: Option<(TaskId, f64)> = None;
    for (position, task) in (0..).zip(sources.tasks()) {
        let source = sources.composition().plain_prompt(TaskIndex::new(position))?;
        let cosine = cosine(&target, &mean_vector(source));
        if best.as_ref().is_none_or(|(_, highest)| cosine > *highest) {
            best = Some((task.name.clone(), cosine));
        }
    }
    Ok(best.expect("invariant: prompts have at least one task"))
}

/// Returns the mean of `[length, d_model]` over the length.
fn mean_vector(prompt: Tensor<2>) -> Vec<f64> {
    let mean = prompt.mean_dim(0).into_data();
    mean.iter::<f32>().map(f64::from).collect()
}

/// Returns the cosine similarity of two vectors, or 0 if one of them is zero.
fn cosine(first: &[f64], second: &[f64]) -> f64 {
    let product = |first: &[f64], second: &[f64]| -> f64 {
        first.iter().zip(second).map(|(first, second)| first * second).sum()
    };
    let norms = (product(first, first) * product(second, second)).sqrt();
    if norms > 0.0 { product(first, second) / norms } else { 0.0 }
}
