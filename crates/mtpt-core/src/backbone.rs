use burn::tensor::{Bool, Device, FloatDType, Int, Tensor, TensorData};

use crate::inputs::{Encoded, Inputs};
use crate::split_prompts::SplitPrompts;
use crate::token_tree::TokenTree;
use crate::vjp::{StateGradients, Vjp};
use crate::weight_format::WeightFormat;

/// An encoder-decoder language model to whose inputs prompts can be prepended.
///
/// The model is a constant: it maps embeddings to hidden states and doesn't know where the
/// embeddings come from. Gradients flow through every method with float tensors to those arguments
/// that are tracked by autodiff.
///
/// A mask is `true` at the positions of tokens and prompt vectors, and `false` at padding.
pub trait Backbone: Sync {
    /// Returns the width of an embedding, `d_model`.
    fn d_model(&self) -> usize;

    /// Returns the number of rows of the embedding table, which is the number of logits per
    /// position.
    fn vocab_size(&self) -> usize;

    /// Returns the first input token of the decoder.
    fn decoder_start_token_id(&self) -> u32;

    /// Returns the token that shorter rows are padded with.
    fn pad_token_id(&self) -> u32;

    /// Returns the token that ends an input and a target.
    fn eos_token_id(&self) -> u32;

    /// Returns the number of attention scores of a row of this length in one layer, for all heads.
    /// It determines the time that long rows need, and the memory unless they are computed in
    /// blocks. The default is one head with full attention.
    fn attention_scores(&self, length: usize) -> usize {
        length.saturating_mul(length)
    }

    /// Returns whether a generated text ends with this token. A model may have several end tokens.
    fn is_end_token(&self, token: u32) -> bool {
        token == self.eos_token_id()
    }

    /// Returns the format of the weights, which prompts are trained for.
    fn weight_format(&self) -> WeightFormat {
        WeightFormat::F32
    }

    /// Returns the device of the weights, without autodiff.
    fn device(&self) -> Device;

    /// Returns the embeddings of tokens.
    ///
    /// # Shapes
    ///
    /// - `ids`: `[batch, length]`
    /// - output: `[batch, length, d_model]`
    fn embed(&self, ids: Tensor<2, Int>) -> Tensor<3>;

    /// Returns the final hidden states of the encoder.
    ///
    /// # Shapes
    ///
    /// - `embeddings`: `[batch, length, d_model]`
    /// - `mask`: `[batch, length]`
    /// - output: `[batch, length, d_model]`; vectors at masked positions are unspecified
    fn encode(&self, embeddings: Tensor<3>, mask: Tensor<2, Bool>) -> Tensor<3>;

    /// Returns the final hidden states of the encoder with the rest of the decoder's input.
    fn encode_inputs(&self, inputs: Inputs) -> Encoded {
        let Inputs { embeddings, mask, decoder_prompt } = inputs;
        Encoded { states: self.encode(embeddings, mask.clone()), mask, decoder_prompt }
    }

    /// Returns the final hidden states of the decoder at its tokens. Each position attends to
    /// itself and the positions before it, of which the vectors of the decoder's prompt are the
    /// first.
    ///
    /// An input may have several targets, which are then adjacent rows of `decoder_input_ids`. The
    /// encoder output of each input is computed and projected only once for all of them, for
    /// example to score candidates.
    ///
    /// # Shapes
    ///
    /// - `decoder_input_ids`: `[batch * targets, target_length]`, starting with the start token
    /// - output: `[batch * targets, target_length, d_model]`
    ///
    /// # Panics
    ///
    /// When the number of targets is not a multiple of the batch size.
    fn decode(&self, decoder_input_ids: Tensor<2, Int>, encoded: Encoded) -> Tensor<3>;

    /// Returns the final hidden states of the decoder at every node of a tree of tokens, one tree
    /// per row.
    ///
    /// The default implementation, [`decode_paths`], decodes the path to every leaf separately. A
    /// backbone that supports arbitrary attention masks can decode each node once, with the same
    /// results.
    ///
    /// # Shapes
    ///
    /// - output: `[batch, nodes, d_model]`, where `nodes` is the size of the largest tree; vectors
    ///   after the last node of a smaller tree are unspecified
    ///
    /// # Panics
    ///
    /// When the number of trees differs from the batch size.
    fn decode_trees(&self, trees: &[&TokenTree], encoded: Encoded) -> Tensor<3> {
        decode_paths(self, trees, encoded)
    }

    /// Computes [`encode`](Self::encode) and [`decode`](Self::decode) with one target per row, and
    /// returns the hidden states and the function that maps their gradients to the gradients of the
    /// prompts: the first `prompt_length` embeddings of each row, and the decoder's prompt.
    ///
    /// The default implementation, [`vjp_by_autodiff`], records every operation. A backbone with a
    /// hand-written backward pass can override it, with the same results.
    ///
    /// # Shapes
    ///
    /// - `inputs`: not tracked
    /// - `decoder_input_ids`: `[batch, target_length]`, starting with the start token
    fn vjp(&self, inputs: Inputs, decoder_input_ids: Tensor<2, Int>, prompt_length: usize) -> Vjp {
        vjp_by_autodiff(self, inputs, decoder_input_ids, prompt_length)
    }

    /// Returns the logits of final hidden states of the decoder.
    ///
    /// This is separate from [`decode`](Self::decode), so that the large product with the
    /// vocabulary is only computed at the positions that need it.
    ///
    /// # Shapes
    ///
    /// - `hidden`: `[positions, d_model]`
    /// - output: `[positions, vocab_size]`
    fn logits(&self, hidden: Tensor<2>) -> Tensor<2>;

    /// Generates tokens by greedy decoding.
    ///
    /// A row ends with an end token, unless `max_length` truncates it. It contains
    /// neither the start token nor padding. The default implementation recomputes all positions for
    /// every token. A backbone with a key/value cache can override it, with the same results.
    ///
    /// # Shapes
    ///
    /// - output: at most `max_length` tokens per row
    ///
    /// # Panics
    ///
    /// When reading values from the device fails. An implementation may also panic when logits are
    /// not finite.
    fn generate_greedy(&self, encoded: Encoded, max_length: usize) -> Vec<Vec<u32>> {
        let batch = encoded.rows();
        let device = encoded.states.device();
        let mut rows = vec![vec![self.decoder_start_token_id()]; batch];
        let mut ended = vec![false; batch];
        for length in 1..=max_length {
            let ids: Vec<i64> = rows
                .iter()
                .flat_map(|row| {
                    row.iter().copied().chain(std::iter::repeat(self.pad_token_id())).take(length)
                })
                .map(i64::from)
                .collect();
            let ids = Tensor::from_data(TensorData::new(ids, [batch, length]), &device);
            let hidden = self.decode(ids, encoded.clone());
            let [_, _, d_model] = hidden.dims();
            let last = hidden.narrow(1, length - 1, 1).reshape([batch, d_model]);
            let next = self.logits(last).cast(FloatDType::F32).argmax(1).into_data();
            for (row, token) in next.iter::<i64>().enumerate() {
                if !ended[row] {
                    rows[row].push(token as u32);
                    ended[row] = self.is_end_token(token as u32);
                }
            }
            if ended.iter().all(|&ended| ended) {
                break;
            }
        }
        for row in &mut rows {
            row.remove(0);
        }
        rows
    }

    /// Checks that [`generate_by_settings`](Self::generate_by_settings) supports the decoding
    /// settings of the model.
    ///
    /// # Errors
    ///
    /// Names the settings that are not supported.
    fn check_generation(&self) -> Result<(), GenerateError> {
        Ok(())
    }

    /// Generates tokens with the decoding settings of the model, otherwise like
    /// [`generate_greedy`](Self::generate_greedy).
    ///
    /// A model without settings, and the default implementation, decode greedily. With several
    /// sequences per row, the best one is returned.
    ///
    /// # Shapes
    ///
    /// - `rows`: one for each row of the batch
    /// - output: at most `max_length` tokens per row
    ///
    /// # Errors
    ///
    /// As [`check_generation`](Self::check_generation), and when no text can be generated for a
    /// row.
    ///
    /// # Panics
    ///
    /// When reading values from the device fails.
    fn generate_by_settings(
        &self,
        encoded: Encoded,
        rows: &[InputRow<'_>],
        max_length: usize,
    ) -> Result<Vec<Vec<u32>>, GenerateError> {
        debug_assert_eq!(rows.len(), encoded.rows(), "one input row for each row of the batch");
        Ok(self.generate_greedy(encoded, max_length))
    }
}

/// The error of a model that cannot generate text with its decoding settings.
pub type GenerateError = Box<dyn std::error::Error + Send + Sync>;

/// A row of the input, as far as generation depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputRow<'a> {
    /// Position of the row in the whole input. Together with the seed, it determines the random
    /// numbers of sampling, so that a text doesn't depend on the other rows of a batch.
    pub position: usize,
    /// Tokens of the input, without padding and prompt.
    pub ids: &'a [u32],
}

/// Implements [`Backbone::vjp`] for any backbone by autodiff. Hand-written backward passes are
/// tested against it.
///
/// # Shapes
///
/// Those of [`Backbone::vjp`].
///
/// # Panics
///
/// [`Vjp::pullback`] panics when the hidden states don't depend on the embeddings.
pub fn vjp_by_autodiff<B: Backbone + ?Sized>(
    backbone: &B,
    inputs: Inputs,
    decoder_input_ids: Tensor<2, Int>,
    prompt_length: usize,
) -> Vjp {
    let tracked = |tensor: Tensor<3>| tensor.without_autodiff().autodiff().require_grad();
    let Inputs { embeddings, mask, decoder_prompt } = inputs;
    let (embeddings, decoder_prompt) = (tracked(embeddings), decoder_prompt.map(tracked));
    let inputs =
        Inputs { embeddings: embeddings.clone(), mask, decoder_prompt: decoder_prompt.clone() };
    let encoded = backbone.encode_inputs(inputs);
    let encoder = encoded.states.clone();
    let decoder = backbone.decode(decoder_input_ids, encoded);
    let states = [encoder.clone(), decoder.clone()].map(Tensor::without_autodiff);
    let [encoder_states, decoder_states] = states;
    Vjp::new(encoder_states, decoder_states, move |gradients: StateGradients| {
        // The gradient of this dot product is the vector-Jacobian product.
        let mut product = (decoder * gradients.decoder.autodiff()).sum();
        if let Some(gradient) = gradients.encoder {
            product = product + (encoder * gradient.autodiff()).sum();
        }
        let mut gradients = product.backward();
        let mut gradient = |tensor: Tensor<3>| {
            let gradient = tensor.grad_remove(&mut gradients);
            gradient.expect("the hidden states depend on the embeddings")
        };
        SplitPrompts {
            encoder: gradient(embeddings).narrow(1, 0, prompt_length),
            decoder: decoder_prompt.map(gradient),
        }
    })
}

/// Implements [`Backbone::decode_trees`] for any backbone: the path to every leaf of a tree is a
/// target of its row.
///
/// # Shapes
///
/// Those of [`Backbone::decode_trees`].
///
/// # Panics
///
/// When the number of trees differs from the batch size.
pub fn decode_paths<B: Backbone + ?Sized>(
    backbone: &B,
    trees: &[&TokenTree],
    encoded: Encoded,
) -> Tensor<3> {
    let [batch, _, d_model] = encoded.states.dims();
    assert_eq!(trees.len(), batch, "one tree per row");
    let nodes = trees.iter().map(|tree| tree.len()).max().unwrap_or(0);
    // For each row and leaf, the nodes from the root to the leaf.
    let paths: Vec<Vec<Vec<usize>>> = trees
        .iter()
        .map(|tree| {
            let path = |leaf| {
                let mut path: Vec<usize> = tree.ancestors(leaf).collect();
                path.reverse();
                path
            };
            tree.leaves().into_iter().map(path).collect()
        })
        .collect();
    let targets = paths.iter().map(Vec::len).max().unwrap_or(0);
    let length = paths.iter().flatten().map(Vec::len).max().unwrap_or(0);
    let mut ids = vec![i64::from(backbone.pad_token_id()); batch * targets * length];
    // Position of each node among all decoder positions. Missing nodes of smaller trees get any.
    let mut positions = vec![0_i64; batch * nodes];
    for (row, (tree, paths)) in trees.iter().zip(&paths).enumerate() {
        let tokens: Vec<u32> = tree.tokens(backbone.decoder_start_token_id()).collect();
        for (target, path) in paths.iter().enumerate() {
            for (depth, &node) in path.iter().enumerate() {
                let position = (row * targets + target) * length + depth;
                ids[position] = i64::from(tokens[node]);
                positions[row * nodes + node] = position as i64;
            }
        }
    }
    let device = encoded.states.device();
    let ids = TensorData::new(ids, [batch * targets, length]);
    let hidden = backbone.decode(Tensor::<2, Int>::from_data(ids, &device), encoded);
    let positions = TensorData::new(positions, [batch * nodes]);
    let positions = Tensor::<1, Int>::from_data(positions, &device);
    let hidden = hidden.reshape([batch * targets * length, d_model]).select(0, positions);
    hidden.reshape([batch, nodes, d_model])
}
