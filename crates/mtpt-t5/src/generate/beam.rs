use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor, TensorData};
use mtpt_core::{Backbone, Encoded};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::error::Result;
use crate::generate::decoding::{Decoding, Sequence, next_logits, read_back};
use crate::generate::filter::log_softmax_of;
use crate::generate::search::Search;
use crate::generate::strategy::Beam;
use crate::generate::stream::stream;

/// Returns the best texts of each row, best first.
pub(super) fn decode(
    decoding: &Decoding<'_>,
    encoded: Encoded,
    beam: Beam,
) -> Result<Vec<Vec<Sequence>>> {
    let model = decoding.model;
    let vocab_size = model.config().vocab_size;
    let batch = encoded.rows();
    let num_beams = beam.num_beams;
    let mut cache = model.start_decoding(encoded);
    let mut searches: Vec<RowSearch<'_>> =
        (0..batch).map(|row| RowSearch::new(decoding, row, beam)).collect();
    let mut last = vec![decoding.decoder_start_token_id(); batch * num_beams];
    loop {
        let logits = next_logits(model, &last, &mut cache);
        let mut log_probabilities = read_back(log_softmax(logits, 1))?;
        let of_row = log_probabilities.chunks_exact_mut(num_beams * vocab_size);
        let mut parents = Vec::with_capacity(batch * num_beams);
        for (row, (search, log_probabilities)) in searches.iter_mut().zip(of_row).enumerate() {
            let first = row * num_beams;
            if !search.search.is_done() {
                decoding.check_logits(row, log_probabilities)?;
                search.advance(log_probabilities, vocab_size);
            }
            for (number, open) in search.search.open().iter().enumerate() {
                last[first + number] = open.tokens.last().copied().unwrap_or_default();
                parents.push((first + open.parent) as i32);
            }
        }
        if searches.iter().all(|search| search.search.is_done()) {
            return searches.into_iter().map(RowSearch::best).collect();
        }
        let count = parents.len();
        cache.reorder(Tensor::<1, Int>::from_data(
            TensorData::new(parents, [count]),
            &model.device(),
        ));
    }
}

/// The search of one row, independent of other rows.
struct RowSearch<'a> {
    decoding: &'a Decoding<'a>,
    row: usize,
    search: Search,
    generator: ChaCha8Rng,
}

impl<'a> RowSearch<'a> {
    fn new(decoding: &'a Decoding<'a>, row: usize, beam: Beam) -> Self {
        let max_new_tokens = decoding.config.max_new_tokens;
        let search = Search::new(beam, max_new_tokens, decoding.end_tokens.len());
        let seed = decoding.config.strategy.sampling().map_or(0, |sampling| sampling.seed);
        Self { decoding, row, search, generator: stream(seed, decoding.rows[row].position, 0) }
    }

    /// Appends one token to every beam.
    fn advance(&mut self, log_probabilities: &mut [f32], vocab_size: usize) {
        let decoding = self.decoding;
        let (rules, sampling) = (decoding.rules(), decoding.config.strategy.sampling());
        // Enough tokens have to remain for one that doesn't end the text.
        let at_least = decoding.end_tokens.len().max(1) + 1;
        let of_beams = log_probabilities.chunks_exact_mut(vocab_size);
        for (open, scores) in self.search.open().iter().zip(of_beams) {
            rules.apply(&open.tokens, decoding.rows[self.row].ids, scores);
            if let Some(sampling) = sampling {
                sampling.filter(scores, at_least);
            }
            if decoding.config.renormalize_logits {
                log_softmax_of(scores);
            }
            scores.iter_mut().for_each(|score| *score += open.score);
        }
        let candidates = if sampling.is_some() {
            // The highest scores with Gumbel noise are a sample without replacement.
            let noise = |score: &f32| {
                let point: f64 = self.generator.random();
                f64::from(*score) - (-point.ln()).ln()
            };
            let keys: Vec<f64> = log_probabilities.iter().map(noise).collect();
            let mut candidates = self.search.candidates(&keys, log_probabilities, vocab_size);
            candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
            candidates
        } else {
            self.search.candidates(log_probabilities, log_probabilities, vocab_size)
        };
        self.search.extend(&candidates, |text| decoding.ends(text));
    }

    fn best(self) -> Result<Vec<Sequence>> {
        let mut sequences = self.search.into_finished();
        sequences.truncate(self.decoding.config.num_return_sequences);
        if sequences.is_empty() {
            return Err(self.decoding.no_token(self.row).into());
        }
        Ok(sequences)
    }
}
