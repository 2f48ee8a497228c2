//! The distribution that tokens are sampled from: transformers' logits warpers.

use crate::generate::strategy::Sampling;

/// Number of most probable tokens that `top_h` considers, like in transformers.
const TOP_H_TOKENS: usize = 100;

impl Sampling {
    /// Returns the probability of each token after the temperature and all filters.
    ///
    /// # Examples
    ///
    /// ```
    /// let sampling = mtpt_t5::Sampling { top_k: Some(2), ..Default::default() };
    /// let probabilities = sampling.probabilities(&[1.0, 0.0, 1.0]);
    /// assert_eq!(probabilities, [0.5, 0.0, 0.5]);
    /// ```
    pub fn probabilities(&self, logits: &[f32]) -> Vec<f64> {
        let mut scores = logits.to_vec();
        self.filter(&mut scores, 1);
        softmax(&scores)
    }

    /// Divides scores by the temperature, and sets those of removed tokens to negative infinity.
    ///
    /// Every filter keeps the `at_least` most probable tokens.
    pub(super) fn filter(&self, scores: &mut [f32], at_least: usize) {
        if self.temperature != 1.0 {
            let temperature = self.temperature as f32;
            scores.iter_mut().for_each(|score| *score /= temperature);
        }
        if let Some(top_h) = self.top_h {
            keep_entropy(scores, top_h);
        }
        if let Some(top_k) = self.top_k {
            let lowest = nth_highest(scores, top_k.max(at_least));
            remove(scores, |_, score| score < lowest);
        }
        if let Some(top_p) = self.top_p.filter(|top_p| *top_p < 1.0) {
            keep_mass(scores, top_p, at_least);
        }
        if let Some(min_p) = self.min_p {
            let probabilities = softmax(scores);
            let limit = min_p * probabilities.iter().copied().fold(0.0, f64::max);
            remove_improbable(scores, &probabilities, limit, at_least);
        }
        if let Some(typical_p) = self.typical_p.filter(|typical_p| *typical_p < 1.0) {
            keep_typical(scores, typical_p, at_least);
        }
        if let Some(epsilon) = self.epsilon_cutoff {
            remove_improbable(scores, &softmax(scores), epsilon, at_least);
        }
        if let Some(epsilon) = self.eta_cutoff {
            let probabilities = softmax(scores);
            let limit = epsilon.min(epsilon.sqrt() * (-entropy(&probabilities)).exp());
            remove_improbable(scores, &probabilities, limit, at_least);
        }
    }
}

/// Returns the probabilities of scores. If all are negative infinity, so are all probabilities 0.
pub(super) fn softmax(scores: &[f32]) -> Vec<f64> {
    let highest = f64::from(scores.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    if highest == f64::NEG_INFINITY {
        return vec![0.0; scores.len()];
    }
    let mut weights: Vec<f64> =
        scores.iter().map(|score| (f64::from(*score) - highest).exp()).collect();
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= total);
    weights
}

/// Replaces scores by the logarithms of their probabilities.
pub(super) fn log_softmax_of(scores: &mut [f32]) {
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if highest > f32::NEG_INFINITY {
        let total: f32 = scores.iter().map(|score| (score - highest).exp()).sum();
        scores.iter_mut().for_each(|score| *score -= highest + total.ln());
    }
}

/// Returns the tokens that are not removed, by descending score, equal ones by ascending id.
pub(super) fn descending(scores: &[f32]) -> Vec<usize> {
    let mut tokens: Vec<usize> = remaining(scores).collect();
    tokens.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    tokens
}

/// Returns the tokens that are not removed. After top-k these are few, and quick to sort.
fn remaining(scores: &[f32]) -> impl DoubleEndedIterator<Item = usize> {
    (0..scores.len()).filter(|&token| scores[token] > f32::NEG_INFINITY)
}

/// Returns the entropy of a distribution, in nats.
fn entropy(probabilities: &[f64]) -> f64 {
    probabilities.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum()
}

fn nth_highest(scores: &[f32], rank: usize) -> f32 {
    let mut scores = scores.to_vec();
    let rank = rank.clamp(1, scores.len()) - 1;
    let (_, score, _) = scores.select_nth_unstable_by(rank, |a, b| b.total_cmp(a));
    *score
}

fn remove(scores: &mut [f32], is_removed: impl Fn(usize, f32) -> bool) {
    for (token, score) in scores.iter_mut().enumerate() {
        if is_removed(token, *score) {
            *score = f32::NEG_INFINITY;
        }
    }
}

/// Removes tokens below a probability.
fn remove_improbable(scores: &mut [f32], probabilities: &[f64], limit: f64, at_least: usize) {
    let kept = nth_highest(scores, at_least);
    remove(scores, |token, score| probabilities[token] < limit && score < kept);
}

/// Keeps the most probable tokens, including the one with which their total probability reaches
/// `mass`.
fn keep_mass(scores: &mut [f32], mass: f64, at_least: usize) {
    let probabilities = softmax(scores);
    // Of equal scores, transformers keeps those of the highest ids.
    let mut order: Vec<usize> = remaining(scores).rev().collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    let mut before = 0.0;
    for (rank, token) in order.into_iter().enumerate() {
        if before >= mass && rank >= at_least {
            scores[token] = f32::NEG_INFINITY;
        }
        before += probabilities[token];
    }
}

/// Keeps the tokens whose information is closest to the entropy, up to the one with which their
/// total probability reaches `mass`, and those equally close.
fn keep_typical(scores: &mut [f32], mass: f64, at_least: usize) {
    let probabilities = softmax(scores);
    let entropy = entropy(&probabilities);
    let distances: Vec<f64> = probabilities.iter().map(|p| (-p.ln() - entropy).abs()).collect();
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| distances[*a].total_cmp(&distances[*b]));
    let mut reached = 0.0;
    let last = order.iter().find(|token| {
        reached += probabilities[**token];
        reached >= mass
    });
    let limit = last.map_or(f64::INFINITY, |token| distances[*token]);
    for token in order.into_iter().skip(at_least) {
        if distances[token] > limit {
            scores[token] = f32::NEG_INFINITY;
        }
    }
}

/// Keeps the most probable tokens that have at most a fraction of the entropy.
fn keep_entropy(scores: &mut [f32], fraction: f64) {
    let mut order = descending(scores);
    order.truncate(TOP_H_TOKENS);
    let top: Vec<f32> = order.iter().map(|token| scores[*token]).collect();
    let probabilities = softmax(&top);
    let limit = entropy(&probabilities) * fraction;
    let mut reached = 0.0;
    let mut kept = vec![false; scores.len()];
    for (rank, (token, probability)) in order.into_iter().zip(probabilities).enumerate() {
        if probability > 0.0 {
            reached -= probability * probability.ln();
        }
        kept[token] = rank == 0 || reached <= limit;
    }
    remove(scores, |token, _| !kept[token]);
}
