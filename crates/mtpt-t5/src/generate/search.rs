//! The state of a beam search, without the model.

use crate::generate::decoding::Sequence;
use crate::generate::strategy::{Beam, EarlyStopping};

/// Score of an impossible beam, like in transformers. No sum of log-probabilities is this low.
const IMPOSSIBLE: f32 = -1.0e9;

/// A text that may be continued.
#[derive(Debug, Clone, Default)]
pub(super) struct Open {
    pub(super) tokens: Vec<u32>,
    /// Sum of the scores of the tokens.
    pub(super) score: f32,
    /// Index of the beam that the last token was appended to.
    pub(super) parent: usize,
}

/// A finished text.
#[derive(Debug, Clone, Default)]
struct Finished {
    tokens: Vec<u32>,
    /// Sum of the scores of the tokens, divided by the length to the power of the penalty.
    score: f32,
}

/// One of the best continuations.
pub(super) struct Candidate {
    parent: usize,
    token: u32,
    pub(super) score: f32,
}

/// The search of one row.
#[derive(Debug)]
pub(super) struct Search {
    beam: Beam,
    max_new_tokens: usize,
    /// Continuations for each beam, so that one remains if all end tokens are among them.
    continuations: usize,
    /// One for each beam, best first.
    open: Vec<Open>,
    /// At most one for each beam, best first.
    finished: Vec<Finished>,
    length: usize,
    is_done: bool,
}

impl Search {
    pub(super) fn new(beam: Beam, max_new_tokens: usize, end_tokens: usize) -> Self {
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
            continuations: (end_tokens + 1).max(2),
            open,
            finished: Vec::new(),
            length: 0,
            is_done: false,
        }
    }

    pub(super) fn open(&self) -> &[Open] {
        &self.open
    }

    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }

    /// Returns the finished texts, best first.
    pub(super) fn into_finished(self) -> Vec<Sequence> {
        let sequence =
            |finished: Finished| Sequence { ids: finished.tokens, score: Some(finished.score) };
        self.finished.into_iter().map(sequence).collect()
    }

    /// Returns the continuations with the highest keys, best first. Keys and scores are those of
    /// the tokens of all beams.
    pub(super) fn candidates<K: PartialOrd + Copy>(
        &self,
        keys: &[K],
        scores: &[f32],
        vocab_size: usize,
    ) -> Vec<Candidate> {
        let wanted = (self.continuations * self.beam.num_beams).min(keys.len());
        let mut best: Vec<(K, usize)> = Vec::with_capacity(wanted + 1);
        for (index, key) in keys.iter().enumerate() {
            if best.len() == wanted && best[wanted - 1].0 >= *key {
                continue;
            }
            let place = best.partition_point(|(better, _)| better >= key);
            best.insert(place, (*key, index));
            best.truncate(wanted);
        }
        best.into_iter()
            .map(|(_, index)| Candidate {
                parent: index / vocab_size,
                token: (index % vocab_size) as u32,
                score: scores[index],
            })
            .collect()
    }

    /// Continues the search with the best continuations.
    pub(super) fn extend(&mut self, candidates: &[Candidate], ends: impl Fn(&[u32]) -> bool) {
        let num_beams = self.beam.num_beams;
        self.length += 1;
        let scale = self.scale(self.length);

        let (mut open, mut ended) = (Vec::with_capacity(num_beams), Vec::new());
        for (rank, candidate) in candidates.iter().enumerate() {
            if rank >= num_beams && open.len() >= num_beams {
                // The remaining candidates can neither finish nor stay open.
                break;
            }
            let Candidate { parent, token, score } = *candidate;
            let mut tokens = self.open[parent].tokens.clone();
            tokens.push(token);
            if !ends(&tokens) {
                open.push(Open { tokens, score, parent });
                continue;
            }
            // Only the best candidates may finish. The others replace those in the open beams.
            if rank < num_beams && score / scale > IMPOSSIBLE {
                self.finished.push(Finished { tokens: tokens.clone(), score: score / scale });
            }
            ended.push(Open { tokens, score: score + IMPOSSIBLE, parent });
        }
        // The sort is stable: of equal scores the earlier text is kept.
        self.finished.sort_by(|a, b| b.score.total_cmp(&a.score));
        self.finished.truncate(num_beams);
        self.is_done = open.is_empty();
        // Ended texts take the place of missing beams, but are impossible.
        open.extend(ended);
        open.truncate(num_beams);
        self.open = open;
        self.is_done |= !self.may_improve();
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
        best.score / self.scale(length) > worst
    }

    fn scale(&self, length: usize) -> f32 {
        (length as f64).powf(self.beam.length_penalty) as f32
    }
}
