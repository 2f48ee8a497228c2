use std::collections::HashMap;

use burn::tensor::{Bool, Tensor, activation};
use mtpt_core::Backbone;
use mtpt_tasks::{Encode, TaskId};

use crate::device_batch::int;
use crate::{Error, Result};

/// Target texts that compete for each row of a task: the tokens of its label words, ready to be scored together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidates {
    ids: Vec<Vec<u32>>,
    plan: Plan,
}

impl Candidates {
    /// The tokens of a task's label words, each with its end of sentence.
    ///
    /// # Errors
    ///
    /// [`Error::Encode`] when a word cannot be tokenized, [`Error::SameTokens`] when two words have the same tokens.
    pub fn new(task: &TaskId, words: &[String], encoder: &impl Encode) -> Result<Self> {
        let mut ids: Vec<Vec<u32>> = Vec::with_capacity(words.len());
        for word in words {
            let tokens = encoder.encode(word).map_err(|source| Error::Encode {
                what: format!("the label word `{word}` of task `{task}`"),
                source,
            })?;
            if let Some(first) = ids.iter().position(|other| *other == tokens) {
                return Err(Error::SameTokens {
                    task: task.clone(),
                    first: words[first].clone(),
                    second: word.clone(),
                });
            }
            ids.push(tokens);
        }
        let plan = Plan::new(&ids);
        Ok(Self { ids, plan })
    }

    /// The tokens of each candidate, in the order of the words, the end of sentence last.
    pub fn ids(&self) -> &[Vec<u32>] {
        &self.ids
    }

    /// Log-probability of each candidate in nats, end of sentence included, for each encoded row: one pass of the decoder.
    ///
    /// All candidates of a row share its encoding, and candidates that begin alike share the distribution over what
    /// follows, which is computed once.
    ///
    /// # Shapes
    ///
    /// - `encoded`: `[batch, length, d_model]`
    /// - `mask`: `[batch, length]`
    /// - output: for each row, a number for each candidate
    pub fn log_probabilities<B: Backbone>(
        &self,
        backbone: &B,
        encoded: Tensor<3>,
        mask: Tensor<2, Bool>,
    ) -> Vec<Vec<f64>> {
        let [batch, _, d_model] = encoded.dims();
        let device = encoded.device();
        let plan = &self.plan;
        let (candidates, length) = (self.ids.len(), plan.length);
        let inputs: Vec<u32> = (0..batch)
            .flat_map(|_| &self.ids)
            .flat_map(|ids| {
                std::iter::once(backbone.decoder_start_token_id())
                    .chain(ids.iter().copied())
                    .chain(std::iter::repeat(backbone.pad_token_id()))
                    .take(length)
            })
            .collect();
        let inputs = int(&inputs, [batch * candidates, length], &device);
        let hidden = backbone.decode(inputs, encoded, mask);
        let positions: Vec<i64> = (0..batch)
            .flat_map(|row| {
                plan.positions.iter().map(move |at| (row * candidates * length + at) as i64)
            })
            .collect();
        let prefixes = plan.positions.len();
        let positions = int(&positions, [batch * prefixes], &device);
        let hidden = hidden.reshape([batch * candidates * length, d_model]).select(0, positions);
        let scores = activation::log_softmax(backbone.logits(hidden), 1);
        let [_, vocab_size] = scores.dims();
        let picks: Vec<i64> = (0..batch)
            .flat_map(|row| {
                plan.tokens.iter().map(move |&(_, prefix, token)| {
                    ((row * prefixes + prefix) * vocab_size) as i64 + i64::from(token)
                })
            })
            .collect();
        let picked = batch * plan.tokens.len();
        let scores = scores
            .reshape([batch * prefixes * vocab_size])
            .select(0, int(&picks, [picked], &device));
        let scores: Vec<f32> = scores.into_data().iter::<f32>().collect();
        scores
            .chunks_exact(plan.tokens.len())
            .map(|scores| {
                let mut sums = vec![0.0; candidates];
                for (&(candidate, _, _), &score) in plan.tokens.iter().zip(scores) {
                    sums[candidate] += f64::from(score);
                }
                sums
            })
            .collect()
    }
}

/// Which distributions are needed, and which token's log-probability is taken from which.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Plan {
    /// Tokens of the longest candidate.
    length: usize,
    /// Where each distinct prefix ends, among `candidates * length` positions.
    positions: Vec<usize>,
    /// Candidate, number of the prefix that comes before, and token.
    tokens: Vec<(usize, usize, u32)>,
}

impl Plan {
    fn new(ids: &[Vec<u32>]) -> Self {
        let length = ids.iter().map(Vec::len).max().unwrap_or(0);
        let mut seen: HashMap<&[u32], usize> = HashMap::new();
        let mut plan = Self { length, positions: Vec::new(), tokens: Vec::new() };
        for (candidate, ids) in ids.iter().enumerate() {
            for (at, &token) in ids.iter().enumerate() {
                let prefix = *seen.entry(&ids[..at]).or_insert_with(|| {
                    plan.positions.push(candidate * length + at);
                    plan.positions.len() - 1
                });
                plan.tokens.push((candidate, prefix, token));
            }
        }
        plan
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_prefixes_are_computed_once() {
        let plan = Plan::new(&[vec![4, 7, 1], vec![4, 8, 1], vec![5, 1]]);
        // The empty prefix, `4`, `4 7`, `4 8` and `5`.
        assert_eq!(plan.positions, [0, 1, 2, 5, 7]);
        assert_eq!(
            plan.tokens,
            [
                (0, 0, 4),
                (0, 1, 7),
                (0, 2, 1),
                (1, 0, 4),
                (1, 1, 8),
                (1, 3, 1),
                (2, 0, 5),
                (2, 4, 1)
            ]
        );
    }
}
