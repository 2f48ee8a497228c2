use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor, TensorData};
use mtpt_core::{Backbone, Encoded};

use crate::error::Result;
use crate::generate::config::{Beam, EarlyStopping};
use crate::generate::step::{next_logits, read_back};
use crate::model::t5::T5;

/// Score of an impossible beam, like in transformers. No sum of log-probabilities is this low.
const IMPOSSIBLE: f32 = -1.0e9;

/// Returns the best text of each row.
pub(super) fn decode(
    model: &T5,
    encoded: Encoded,
    max_new_tokens: usize,
    beam: Beam,
) -> Result<Vec<Vec<u32>>> {
    let config = model.config();
    let batch = encoded.rows();
    let num_beams = beam.num_beams;
    let mut cache = model.start_decoding(encoded);
    let mut searches: Vec<Search> =
        (0..batch).map(|_| Search::new(beam, max_new_tokens, config.eos_token_id)).collect();
    let mut last = vec![config.decoder_start_token_id; batch * num_beams];
    loop {
        let logits = next_logits(model, &last, &mut cache);
        let log_probabilities = read_back(log_softmax(logits, 1))?;
        let of_row = log_probabilities.chunks_exact(num_beams * config.vocab_size);
        let mut parents = Vec::with_capacity(batch * num_beams);
        for (row, (search, log_probabilities)) in searches.iter_mut().zip(of_row).enumerate() {
            let first = row * num_beams;
            if !search.is_done {
                search.advance(log_probabilities, config.vocab_size);
            }
            for (number, open) in search.open.iter().enumerate() {
                last[first + number] = open.tokens.last().copied().unwrap_or(config.pad_token_id);
                parents.push((first + open.parent) as i32);
            }
        }
        if searches.iter().all(|search| search.is_done) {
            return Ok(searches.into_iter().map(Search::best).collect());
        }
        let count = parents.len();
        cache.reorder(Tensor::<1, Int>::from_data(
            TensorData::new(parents, [count]),
            &model.device(),
        ));
    }
}

/// An unfinished text.
#[derive(Debug, Clone, Default)]
struct Open {
    tokens: Vec<u32>,
    /// Sum of the log-probabilities.
    score: f32,
    /// Index of the beam that the last token was appended to.
    parent: usize,
}

/// A finished text.
#[derive(Debug, Clone, Default)]
struct Finished {
    tokens: Vec<u32>,
    /// Sum of the log-probabilities, divided by the length to the power of the penalty.
    score: f32,
}

/// The search of one row, independent of other rows.
#[derive(Debug)]
struct Search {
    beam: Beam,
    max_new_tokens: usize,
    eos_token_id: u32,
    /// One for each beam, best first.
    open: Vec<Open>,
    /// At most one for each beam, best first.
    finished: Vec<Finished>,
    length: usize,
    is_done: bool,
}

/// One of the best continuations.
struct Candidate {
    parent: usize,
    token: u32,
    score: f32,
}

impl Search {
    fn new(beam: Beam, max_new_tokens: usize, eos_token_id: u32) -> Self {
        // All beams start equal. Only one is possible at first, so that no text is found twice.
        let open = (0..beam.num_beams)
            .map(|number| Open {
                score: if number == 0 { 0.0 } else { IMPOSSIBLE },
                ..Default::default()
            })
            .collect();
        Self {
            beam,
            max_new_tokens,
            eos_token_id,
            open,
            finished: Vec::new(),
            length: 0,
            is_done: false,
        }
    }

    /// Appends one token to every beam.
    fn advance(&mut self, log_probabilities: &[f32], vocab_size: usize) {
        let num_beams = self.beam.num_beams;
        let candidates = self.candidates(log_probabilities, vocab_size);
        self.length += 1;
        let at_limit = self.length == self.max_new_tokens;
        let scale = (self.length as f64).powf(self.beam.length_penalty) as f32;

        let mut open = Vec::with_capacity(num_beams);
        for (rank, candidate) in candidates.iter().enumerate() {
            let ends = at_limit || candidate.token == self.eos_token_id;
            let tokens = || {
                let mut tokens = self.open[candidate.parent].tokens.clone();
                tokens.push(candidate.token);
                tokens
            };
            if !ends && open.len() < num_beams {
                open.push(Open {
                    tokens: tokens(),
                    score: candidate.score,
                    parent: candidate.parent,
                });
            } else if ends && rank < num_beams {
                // Only the best candidates may finish. The others replace those in the open beams.
                self.finished.push(Finished { tokens: tokens(), score: candidate.score / scale });
            }
        }
        // The sort is stable: of equal scores the earlier text is kept.
        self.finished.sort_by(|a, b| b.score.total_cmp(&a.score));
        self.finished.truncate(num_beams);
        self.open = open;
        self.is_done = at_limit || !self.may_improve();
    }

    /// Returns the best continuations, two for each beam, so that enough remain if some finish.
    fn candidates(&self, log_probabilities: &[f32], vocab_size: usize) -> Vec<Candidate> {
        let wanted = (2 * self.beam.num_beams).min(log_probabilities.len());
        let score = |index: usize| log_probabilities[index] + self.open[index / vocab_size].score;
        let mut best: Vec<(f32, usize)> = Vec::with_capacity(wanted + 1);
        for index in 0..log_probabilities.len() {
            let score = score(index);
            if best.len() == wanted && best[wanted - 1].0 >= score {
                continue;
            }
            let place = best.partition_point(|(better, _)| *better >= score);
            best.insert(place, (score, index));
            best.truncate(wanted);
        }
        best.into_iter()
            .map(|(score, index)| Candidate {
                parent: index / vocab_size,
                token: (index % vocab_size) as u32,
                score,
            })
            .collect()
    }

    /// Returns whether an open beam may still score above a finished text.
    fn may_improve(&self) -> bool {
        let worst = match self.finished.last() {
            Some(worst) if self.finished.len() == self.beam.num_beams => worst.score,
            _ => return true,
        };
        if self.beam.early_stopping == EarlyStopping::WhenFull {
            return false;
        }
        let Some(best) = self.open.first() else { return false };
        let length = match self.beam.early_stopping {
            // Only a positive penalty improves the score of a longer text.
            EarlyStopping::Never if self.beam.length_penalty > 0.0 => self.max_new_tokens,
            _ => self.length,
        };
        let scale = (length as f64).powf(self.beam.length_penalty) as f32;
        best.score / scale > worst
    }

    fn best(self) -> Vec<u32> {
        self.finished.into_iter().next().map(|finished| finished.tokens).unwrap_or_default()
    }
}
