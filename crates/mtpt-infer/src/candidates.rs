use burn::tensor::{Bool, Tensor, activation};
use mtpt_core::{Backbone, TokenTree};
use mtpt_tasks::{Error as TaskError, Instance, TaskId, Tokenize, truncate};

use crate::device_batch::int;
use crate::error::{Error, Result};

/// Most positions whose logits are in memory at a time. With 32,128 entries this is 66 MB in single precision.
const POSITIONS_AT_A_TIME: usize = 512;

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
    /// [`Error::Tokenize`] when a word cannot be tokenized, [`Error::SameTokens`] when two words have the same tokens.
    pub fn new(task: &TaskId, words: &[String], tokenizer: &impl Tokenize) -> Result<Self> {
        let mut ids: Vec<Vec<u32>> = Vec::with_capacity(words.len());
        for word in words {
            let tokens = tokenizer.tokenize(word).map_err(|source| Error::Tokenize {
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
        Ok(Self::of_tokens(ids))
    }

    /// Candidates by their tokens, the end of sentence last.
    pub fn of_tokens(ids: Vec<Vec<u32>>) -> Self {
        let plan = Plan::new(&ids);
        Self { ids, plan }
    }

    /// The tokens of a row's own candidates, cut to the longest target.
    ///
    /// Candidates with the same tokens are allowed here: they have the same probability, and the first of them wins.
    ///
    /// # Errors
    ///
    /// [`Error::Tasks`] with the row's location, when a candidate cannot be tokenized.
    pub fn of_row(instance: &Instance, tokenizer: &impl Tokenize, longest: usize) -> Result<Self> {
        let location = || instance.location.clone();
        let tokens = |text: &String| {
            let ids = tokenizer.tokenize(text);
            let mut ids =
                ids.map_err(|problem| TaskError::Tokenize { location: location(), problem })?;
            truncate(&mut ids, longest);
            Ok(ids)
        };
        Ok(Self::of_tokens(instance.choices.iter().map(tokens).collect::<Result<_>>()?))
    }

    /// The tokens of each candidate, in the order of the words, the end of sentence last.
    pub fn ids(&self) -> &[Vec<u32>] {
        &self.ids
    }

    /// Log-probability of each candidate in nats, end of sentence included, for each encoded row, all of which have these
    /// candidates: one pass of the decoder.
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
        let [batch, _, _] = encoded.dims();
        Self::log_probabilities_of_rows(&vec![self; batch], backbone, encoded, mask)
    }

    /// The same where each row has candidates of its own, in any number: still one pass of the decoder.
    ///
    /// # Shapes
    ///
    /// - `rows`: candidates for each row of the batch
    /// - `encoded`: `[batch, length, d_model]`
    /// - `mask`: `[batch, length]`
    /// - output: for each row, a number for each of its candidates
    ///
    /// # Panics
    ///
    /// When there are candidates for more or fewer rows than are encoded.
    pub fn log_probabilities_of_rows<B: Backbone>(
        rows: &[&Self],
        backbone: &B,
        encoded: Tensor<3>,
        mask: Tensor<2, Bool>,
    ) -> Vec<Vec<f64>> {
        let [batch, _, d_model] = encoded.dims();
        assert_eq!(rows.len(), batch, "candidates for each row");
        let device = encoded.device();
        let trees: Vec<&TokenTree> = rows.iter().map(|row| &row.plan.tree).collect();
        let hidden = backbone.decode_trees(&trees, encoded, mask);
        let [_, nodes, _] = hidden.dims();
        let (mut positions, mut picks) = (Vec::new(), Vec::new());
        for (number, row) in rows.iter().enumerate() {
            let before = positions.len();
            positions.extend((0..row.plan.tree.len()).map(|node| (number * nodes + node) as i64));
            picks
                .extend(row.plan.tokens.iter().map(|&(_, prefix, token)| (before + prefix, token)));
        }
        let hidden = hidden.reshape([batch * nodes, d_model]);
        let mut scores = vec![0.0_f32; picks.len()];
        for (slice, positions) in positions.chunks(POSITIONS_AT_A_TIME).enumerate() {
            let count = positions.len();
            let asked = hidden.clone().select(0, int(positions, [count], &device));
            let slice_scores = activation::log_softmax(backbone.logits(asked), 1);
            let [_, vocab_size] = slice_scores.dims();
            let first = slice * POSITIONS_AT_A_TIME;
            // A later candidate may pick from a distribution of an earlier one, so that picks are not in the order of slices.
            let (places, within): (Vec<usize>, Vec<i64>) = picks
                .iter()
                .enumerate()
                .filter(|(_, (distribution, _))| (first..first + count).contains(distribution))
                .map(|(place, &(distribution, token))| {
                    (place, ((distribution - first) * vocab_size) as i64 + i64::from(token))
                })
                .unzip();
            let picked = int(&within, [within.len()], &device);
            let slice_scores = slice_scores.reshape([count * vocab_size]).select(0, picked);
            for (place, score) in places.into_iter().zip(slice_scores.into_data().iter::<f32>()) {
                scores[place] = score;
            }
        }
        let mut scores = scores.into_iter();
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

/// Which distributions are needed, and which token's log-probability is taken from which.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Plan {
    /// The distinct beginnings of the candidates.
    tree: TokenTree,
    /// Candidate, node after which the token comes, and token.
    tokens: Vec<(usize, usize, u32)>,
}

impl Plan {
    fn new(ids: &[Vec<u32>]) -> Self {
        let mut plan = Self { tree: TokenTree::new(), tokens: Vec::new() };
        for (candidate, ids) in ids.iter().enumerate() {
            let mut node = TokenTree::ROOT;
            for (place, &token) in ids.iter().enumerate() {
                plan.tokens.push((candidate, node, token));
                // Of the last token only its own probability is asked for, and not what comes after it.
                if place + 1 < ids.len() {
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
