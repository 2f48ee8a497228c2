//! Floating-point operations of a step of prompt tuning.

use mtpt::t5::T5Config;

/// A batch of rows of equal length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Rows of a step.
    pub(crate) rows: usize,
    /// Encoder positions, including the prompt.
    pub(crate) input: usize,
    /// Positions of the decoder.
    pub(crate) target: usize,
}

/// Returns the operations of a step; a multiplication and an addition count as two.
///
/// Only matrix products count: projections, attention, feed-forward layers, logits. A product with
/// a frozen weight has one forward and one backward product, for the gradient of its input; a
/// product in attention has two backward ones, for both factors. Nothing is omitted for inputs
/// without gradients (the decoder's first self-attention) or masked positions.
pub(crate) fn step(config: &T5Config, shape: Shape) -> u64 {
    let (weights, attention) = forward(config, shape);
    2 * weights + 3 * attention
}

/// Returns the products with weights and the products in attention of a forward pass.
fn forward(config: &T5Config, shape: Shape) -> (u64, u64) {
    let [d_model, d_ff, vocab_size] = [config.d_model, config.d_ff, config.vocab_size];
    let inner = config.num_heads * config.d_kv;
    let Shape { rows, input, target } = shape;
    let projection = |positions| product(rows * positions, d_model, inner);
    let feed_forward =
        |positions| (2 + u64::from(config.gated)) * product(rows * positions, d_model, d_ff);
    // Scores, and the weighted sum of values.
    let attention = |queries, keys| 2 * rows as u64 * product(queries, keys, inner);

    let encoder = 4 * projection(input) + feed_forward(input);
    // Self-attention: queries, keys, values, output. Cross-attention: keys and values of the input,
    // queries and output of the target.
    let decoder = 6 * projection(target) + 2 * projection(input) + feed_forward(target);
    let [encoders, decoders] = [config.num_layers, config.num_decoder_layers].map(|n| n as u64);
    let logits = product(rows * target, d_model, vocab_size);
    (
        encoders * encoder + decoders * decoder + logits,
        encoders * attention(input, input)
            + decoders * (attention(target, target) + attention(target, input)),
    )
}

/// Returns the operations of the product of `[rows, inner]` and `[inner, columns]`.
pub(crate) fn product(rows: usize, inner: usize, columns: usize) -> u64 {
    2 * (rows * inner * columns) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> T5Config {
        T5Config::new(11, 3, 2, 5, 1, 1, 2)
    }

    #[test]
    fn each_product_counts() {
        let shape = Shape { rows: 1, input: 1, target: 1 };
        // With one position, a product with a weight takes two operations per value: 12 projections
        // of 3 by 4, the feed-forward layers' 3 by 5 twice in each stack, logits 3 by 11; each of 3
        // attentions scores and sums 4 values.
        let weights = 2 * (12 * 12 + 4 * 15 + 33);
        let attention = 3 * 2 * 2 * 4;
        assert_eq!(forward(&config(), shape), (weights, attention));
        assert_eq!(step(&config(), shape), 2 * weights + 3 * attention);
    }

    #[test]
    fn rows_and_positions_multiply() {
        let one = forward(&config(), Shape { rows: 1, input: 6, target: 2 });
        let four = forward(&config(), Shape { rows: 4, input: 6, target: 2 });
        assert_eq!(four, (4 * one.0, 4 * one.1));
        // With 6 inputs and 2 targets: 36, 4 and 12 pairs.
        assert_eq!(one.1, 2 * 2 * 4 * (36 + 4 + 12));
        let gated = T5Config { gated: true, ..config() };
        let more = forward(&gated, Shape { rows: 1, input: 6, target: 2 });
        assert_eq!(more.0 - one.0, product(6, 3, 5) + product(2, 3, 5));
    }

    #[test]
    fn a_small_t5_is_about_300_billion_a_step() {
        let small = T5Config::new(32_128, 512, 64, 2_048, 6, 6, 8);
        let operations = step(&small, Shape { rows: 16, input: 228, target: 4 });
        // 19 million weights of the encoder and 3 million of the decoder's keys and values, 3,648
        // positions, 4 operations: 322 billion, and the rest.
        assert!((330..370).contains(&(operations / 1_000_000_000)), "{operations}");
    }
}
