use mtpt_core::{Backbone, is_cpu, par_map, parallelism};
use mtpt_tasks::{PartitionLimits, partition_by_length};

/// Maximum number of tokens that a CPU thread computes at once. Matrix products are efficient at
/// this size, and their intermediate results still fit in the cache.
const MAX_TOKENS: usize = 1024;
/// Minimum number of tokens per thread. Smaller batches are not split across all threads.
const MIN_TOKENS: usize = 256;
/// Maximum share of padding among the tokens of a part.
const MAX_PADDING: f64 = 0.05;

/// Maximum number of tokens of a part, including padding, on a device that is parallel within each
/// operation. An activation of width 1,024 then takes 256 MiB in single precision.
pub const MAX_PART_TOKENS: usize = 1 << 16;
/// Maximum number of attention scores of all parts that are computed at once, of one layer. They
/// take 1 GiB in single precision. A backbone that records its operations with autodiff has about
/// four copies of them; T5 otherwise computes them in blocks.
pub const MAX_PART_SCORES: usize = 1 << 28;
/// Maximum number of attention scores of a single row, which is computed alone if necessary. It
/// bounds the time of a row, and its memory where all scores are in memory.
pub const MAX_ROW_SCORES: usize = 1 << 29;

/// Partitions rows, at most `max_rows` in a part, into parts that the device of a model computes
/// efficiently: of similar length and, on a CPU, small enough for one thread.
///
/// No part has more than [`MAX_PART_TOKENS`] tokens or [`MAX_PART_SCORES`] attention scores, except
/// a part of one row.
///
/// Returns the indices of the rows of each part, see [`partition_by_length`].
pub fn partition_for_device<B: Backbone>(
    lengths: &[usize],
    max_rows: usize,
    backbone: &B,
) -> Vec<Vec<usize>> {
    let device = backbone.device();
    let max_tokens = if is_cpu(&device) {
        let tokens: usize = lengths.iter().sum();
        tokens.div_ceil(parallelism(&device)).clamp(MIN_TOKENS, MAX_TOKENS)
    } else {
        MAX_PART_TOKENS
    };
    bounded(lengths, PartitionLimits { max_rows, max_tokens, max_padding: MAX_PADDING }, backbone)
}

/// Partitions rows, at most `max_rows` in a part, into as few parts as memory allows: with at most
/// [`MAX_PART_TOKENS`] tokens and [`MAX_PART_SCORES`] attention scores, unless a part has one row.
///
/// Returns the indices of the rows of each part, see [`partition_by_length`].
pub fn partition_for_memory<B: Backbone>(
    lengths: &[usize],
    max_rows: usize,
    backbone: &B,
) -> Vec<Vec<usize>> {
    let max_tokens = MAX_PART_TOKENS;
    bounded(lengths, PartitionLimits { max_rows, max_tokens, max_padding: 1.0 }, backbone)
}

fn bounded<B: Backbone>(
    lengths: &[usize],
    limits: PartitionLimits,
    backbone: &B,
) -> Vec<Vec<usize>> {
    let split = |part: Vec<usize>| {
        let scores = backbone.attention_scores(longest(&part, lengths)).max(1);
        let rows = (MAX_PART_SCORES / scores).max(1);
        part.chunks(rows).map(<[usize]>::to_vec).collect::<Vec<_>>()
    };
    partition_by_length(lengths, limits).into_iter().flat_map(split).collect()
}

/// Applies a function to parts of rows, in parallel on a CPU, and returns the results in the order
/// of the parts.
///
/// A part that needs a large share of the memory for attention scores is computed while no other
/// is.
pub fn map_parts<B: Backbone, I: Send, O: Send>(
    backbone: &B,
    lengths: &[usize],
    parts: Vec<(Vec<usize>, I)>,
    map: impl Fn(Vec<usize>, I) -> O + Sync,
) -> Vec<O> {
    let device = backbone.device();
    let max_scores = MAX_PART_SCORES / parallelism(&device);
    let is_large = |(part, _): &(Vec<usize>, I)| {
        let scores = backbone.attention_scores(longest(part, lengths));
        scores.saturating_mul(part.len()) > max_scores
    };
    let mut alone = parts;
    // Parts with the longest rows come first.
    let parallel = alone.split_off(alone.iter().rposition(is_large).map_or(0, |last| last + 1));
    let mut outputs: Vec<O> = alone.into_iter().map(|(part, input)| map(part, input)).collect();
    outputs.extend(par_map(&device, parallel, |(part, input)| map(part, input)));
    outputs
}

fn longest(part: &[usize], lengths: &[usize]) -> usize {
    part.iter().map(|&row| lengths[row]).max().unwrap_or(0)
}

/// Returns the maximum length of a row of a model, in tokens: with [`MAX_ROW_SCORES`] attention
/// scores.
pub fn max_row_length<B: Backbone>(backbone: &B) -> usize {
    let fits = |length: usize| backbone.attention_scores(length) <= MAX_ROW_SCORES;
    let (mut low, mut high) = (0, MAX_ROW_SCORES);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if fits(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}
