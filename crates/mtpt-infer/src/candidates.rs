use burn::tensor::{Tensor, activation};
use mtpt_core::{Backbone, Encoded, TokenTree};
use mtpt_tasks::{TaskId, Tokenize, TokenizeError, excerpt, truncate};

use crate::device_batch::int;
use crate::error::{Error, Result};

/// Maximum number of positions whose logits are in memory at once. With a vocabulary of 32,128
/// entries, these are 66 MB in single precision.
const POSITIONS_AT_A_TIME: usize = 512;

/// Tokenized target texts that are ranked for a row, such as the label words of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidates {
    ids: Vec<Vec<u32>>,
    plan: Plan,
}

impl Candidates {
    /// Tokenizes the label words of a task.
    ///
    /// # Errors
    ///
    /// - [`Error::Tokenize`] when a word cannot be tokenized.
    /// - [`Error::SameTokens`] when two words have the same tokens.
    pub fn new(task: &TaskId, words: &[String], tokenizer: &impl Tokenize) -> Result<Self> {
        let mut ids: Vec<Vec<u32>> = Vec::with_capacity(words.len());
        for word in words {
            let tokens = tokenizer.tokenize(word).map_err(|source| Error::Tokenize {
                what: format!("the label word `{}` of task `{task}`", excerpt(word)),
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
        Ok(Self::from_ids(ids))
    }

    /// Creates candidates from their tokens, each with the end-of-sentence token last.
    pub fn from_ids(ids: Vec<Vec<u32>>) -> Self {
        let plan = Plan::new(&ids);
        Self { ids, plan }
    }

    /// Tokenizes texts, each truncated to `max_length` tokens.
    ///
    /// Texts with the same tokens are allowed. They have the same probability, so the first of them
    /// wins.
    ///
    /// # Errors
    ///
    /// When a text cannot be tokenized.
    pub fn from_texts(
        texts: &[String],
        tokenizer: &impl Tokenize,
        max_length: usize,
    ) -> Result<Self, TokenizeError> {
        let tokens = |text: &String| {
            let mut ids = tokenizer.tokenize(text)?;
            truncate(&mut ids, max_length);
            Ok(ids)
        };
        Ok(Self::from_ids(texts.iter().map(tokens).collect::<Result<_, TokenizeError>>()?))
    }

    /// Returns the tokens of each candidate, with the end-of-sentence token last.
    pub fn ids(&self) -> &[Vec<u32>] {
        &self.ids
    }

    /// Returns the log-probability of each candidate for each encoded row in nats, including the
    /// end-of-sentence token, with one decoder pass.
    ///
    /// The distribution after a common prefix of candidates is computed once.
    ///
    /// # Shapes
    ///
    /// - output: one value per candidate, for each row
    pub fn log_probabilities<B: Backbone>(&self, backbone: &B, encoded: Encoded) -> Vec<Vec<f64>> {
        Self::log_probabilities_of_rows(&vec![self; encoded.rows()], backbone, encoded)
    }

    /// Returns the log-probability of each row's own candidates, of which rows may have different
    /// numbers, with one decoder pass. See [`log_probabilities`](Self::log_probabilities).
    ///
    /// # Shapes
    ///
    /// - `rows`: one set of candidates per row
    /// - output: one value per candidate, for each row
    ///
    /// # Panics
    ///
    /// When the number of candidate sets is not the number of encoded rows.
    pub fn log_probabilities_of_rows<B: Backbone>(
        rows: &[&Self],
        backbone: &B,
        encoded: Encoded,
    ) -> Vec<Vec<f64>> {
        let [batch, _, d_model] = encoded.states.dims();
        assert_eq!(rows.len(), batch, "one set of candidates per row");
        let trees: Vec<&TokenTree> = rows.iter().map(|row| &row.plan.tree).collect();
        let hidden = backbone.decode_trees(&trees, encoded);
        let [_, nodes, _] = hidden.dims();
        let (mut positions, mut lookups) = (Vec::new(), Vec::new());
        for (index, row) in rows.iter().enumerate() {
            let before = positions.len();
            positions.extend((0..row.plan.tree.len()).map(|node| (index * nodes + node) as i64));
            lookups.extend(row.plan.tokens.iter().map(|&(_, node, token)| (before + node, token)));
        }
        let hidden = hidden.reshape([batch * nodes, d_model]);
        let mut scores = token_scores(backbone, &hidden, &positions, &lookups).into_iter();
        rows.iter()
            .map(|row| {
                let mut sums = vec![0.0; row.ids.len()];
                for (&(candidate, _, _), score) in row.plan.tokens.iter().zip(scores.by_ref()) {
                    sums[candidate] += f64::from(score);
                }
                sums
            })
            .collect()
    }
}

/// Returns the log-probability of each looked-up token, a slice of positions at a time.
///
/// # Shapes
///
/// - `hidden`: `[rows, d_model]`
/// - `positions`: rows of `hidden` to compute distributions at
/// - `lookups`: index into `positions`, and token
/// - output: one value per lookup
fn token_scores<B: Backbone>(
    backbone: &B,
    hidden: &Tensor<2>,
    positions: &[i64],
    lookups: &[(usize, u32)],
) -> Vec<f32> {
    let device = hidden.device();
    let mut scores = vec![0.0_f32; lookups.len()];
    for (slice, positions) in positions.chunks(POSITIONS_AT_A_TIME).enumerate() {
        let count = positions.len();
        let hidden = hidden.clone().select(0, int(positions, [count], &device));
        let log_probabilities = activation::log_softmax(backbone.logits(hidden), 1);
        let [_, vocab_size] = log_probabilities.dims();
        let first = slice * POSITIONS_AT_A_TIME;
        // A later candidate may share a prefix with an earlier one, so the lookups of a slice need
        // not be contiguous.
        let (slots, offsets): (Vec<usize>, Vec<i64>) = lookups
            .iter()
            .enumerate()
            .filter(|(_, (position, _))| (first..first + count).contains(position))
            .map(|(slot, &(position, token))| {
                (slot, ((position - first) * vocab_size) as i64 + i64::from(token))
            })
            .unzip();
        let offsets = int(&offsets, [offsets.len()], &device);
        let found = log_probabilities.reshape([count * vocab_size]).select(0, offsets);
        for (slot, score) in slots.into_iter().zip(found.into_data().iter::<f32>()) {
            scores[slot] = score;
        }
    }
    scores
}

/// The distributions to compute, and the tokens to look up in each.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Plan {
    /// The distinct prefixes of the candidates.
    tree: TokenTree,
    /// Candidate, node of the prefix before the token, and token.
    tokens: Vec<(usize, usize, u32)>,
}

impl Plan {
    fn new(ids: &[Vec<u32>]) -> Self {
        let mut plan = Self { tree: TokenTree::new(), tokens: Vec::new() };
        for (candidate, ids) in ids.iter().enumerate() {
            let mut node = TokenTree::ROOT;
            for (position, &token) in ids.iter().enumerate() {
                plan.tokens.push((candidate, node, token));
                // Nothing follows the last token, so it needs no node.
                if position + 1 < ids.len() {
                    node = plan.tree.child(node, token);
                }
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
        let prefixes: Vec<Vec<u32>> =
            (0..plan.tree.len()).map(|node| plan.tree.path(node)).collect();
        assert_eq!(prefixes, [vec![], vec![4], vec![4, 7], vec![4, 8], vec![5]]);
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
