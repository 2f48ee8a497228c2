use burn::tensor::{Bool, Device, FloatDType, Int, Tensor, TensorData};

use crate::{TokenTree, Vjp, decode_paths, vjp_by_autodiff};

/// An encoder-decoder language model that prompts stand in front of.
///
/// The model is a constant here: it is asked for embeddings and for what it makes of embeddings, and never learns
/// where these came from. Gradients flow through every method that takes floating point tensors, back to whichever
/// of them are tracked.
///
/// A mask says `true` where a position holds a token (or a prompt vector) and `false` where it is padding.
pub trait Backbone: Sync {
    /// Width of an embedding, `d_model`.
    fn d_model(&self) -> usize;

    /// Number of rows of the embedding table and of logits for each position.
    fn vocab_size(&self) -> usize;

    /// The token that the decoder reads first.
    fn decoder_start_token_id(&self) -> u32;

    /// The token that fills up shorter rows.
    fn pad_token_id(&self) -> u32;

    /// The token that ends an input and a target.
    fn eos_token_id(&self) -> u32;

    /// The device of the weights, without autodiff.
    fn device(&self) -> Device;

    /// Embeddings of tokens.
    ///
    /// # Shapes
    ///
    /// - `ids`: `[batch, length]`
    /// - output: `[batch, length, d_model]`
    fn embed(&self, ids: Tensor<2, Int>) -> Tensor<3>;

    /// Final hidden states of the encoder.
    ///
    /// # Shapes
    ///
    /// - `embeddings`: `[batch, length, d_model]`
    /// - `mask`: `[batch, length]`
    /// - output: `[batch, length, d_model]`; rows at masked positions are unspecified
    fn encode(&self, embeddings: Tensor<3>, mask: Tensor<2, Bool>) -> Tensor<3>;

    /// Final hidden states of the decoder, which reads the given tokens and sees no later one.
    ///
    /// Several targets may be asked about each input, so that candidates are scored without encoding the input, or
    /// projecting its encoding, more than once: the targets of one input then stand next to each other.
    ///
    /// # Shapes
    ///
    /// - `decoder_input_ids`: `[batch * targets, target_length]`, the start token first
    /// - `encoded`: `[batch, length, d_model]`
    /// - `mask`: `[batch, length]`, the mask that `encoded` was made with
    /// - output: `[batch * targets, target_length, d_model]`
    ///
    /// # Panics
    ///
    /// When the number of targets is not a multiple of the batch.
    fn decode(
        &self,
        decoder_input_ids: Tensor<2, Int>,
        encoded: Tensor<3>,
        mask: Tensor<2, Bool>,
    ) -> Tensor<3>;

    /// Final hidden states of the decoder at every node of a tree of tokens, one tree for each row.
    ///
    /// What stands here reads the whole way to every end of a tree, which any backbone can; one whose attention can be told what each
    /// token sees reads each node once, and gives the same.
    ///
    /// # Shapes
    ///
    /// - `encoded`: `[batch, length, d_model]`
    /// - `mask`: `[batch, length]`, the mask that `encoded` was made with
    /// - output: `[batch, nodes, d_model]`, for the most nodes of any row; what comes after a row's own nodes is unspecified
    ///
    /// # Panics
    ///
    /// When there are more or fewer trees than rows.
    fn decode_trees(
        &self,
        trees: &[&TokenTree],
        encoded: Tensor<3>,
        mask: Tensor<2, Bool>,
    ) -> Tensor<3> {
        decode_paths(self, trees, encoded, mask)
    }

    /// [`encode`](Self::encode) and [`decode`](Self::decode) of one target a row, with the way back for gradients to the first
    /// `prompt_length` embeddings of each row, where its prompt stands.
    ///
    /// What stands here records every operation, which any backbone can; one that knows what its gradients need brings its own,
    /// and gives the same.
    ///
    /// # Shapes
    ///
    /// - `embeddings`: `[batch, length, d_model]`, not tracked
    /// - `mask`: `[batch, length]`
    /// - `decoder_input_ids`: `[batch, target_length]`, the start token first
    fn vjp(
        &self,
        embeddings: Tensor<3>,
        mask: Tensor<2, Bool>,
        decoder_input_ids: Tensor<2, Int>,
        prompt_length: usize,
    ) -> Vjp {
        vjp_by_autodiff(self, embeddings, mask, decoder_input_ids, prompt_length)
    }

    /// Scores of every vocabulary entry, from final hidden states of the decoder.
    ///
    /// Taken apart from [`decode`](Self::decode), since the product with the vocabulary is worth paying only at the
    /// positions that are asked about.
    ///
    /// # Shapes
    ///
    /// - `hidden`: `[positions, d_model]`
    /// - output: `[positions, vocab_size]`
    fn logits(&self, hidden: Tensor<2>) -> Tensor<2>;

    /// Tokens that the decoder writes for each row, the likeliest after those before it, again and again.
    ///
    /// A row ends with its end of sentence, unless it was cut at the max_length length, and comes without the start token and
    /// without padding. What stands here reads everything again for each token, which any backbone can; one that keeps what
    /// it has read brings its own, and writes the same.
    ///
    /// # Shapes
    ///
    /// - `encoded`: `[batch, length, d_model]`
    /// - `mask`: `[batch, length]`, the mask that `encoded` was made with
    /// - output: for each row, at most `max_length` tokens
    ///
    /// # Panics
    ///
    /// When numbers cannot be read back from the device.
    fn generate_greedy(
        &self,
        encoded: Tensor<3>,
        mask: Tensor<2, Bool>,
        max_length: usize,
    ) -> Vec<Vec<u32>> {
        let [batch, _] = mask.dims();
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
            let ids = Tensor::from_data(TensorData::new(ids, [batch, length]), &encoded.device());
            let hidden = self.decode(ids, encoded.clone(), mask.clone());
            let [_, _, d_model] = hidden.dims();
            let last = hidden.narrow(1, length - 1, 1).reshape([batch, d_model]);
            let likeliest = self.logits(last).cast(FloatDType::F32).argmax(1).into_data();
            for (row, token) in likeliest.iter::<i64>().enumerate() {
                if !ended[row] {
                    rows[row].push(token as u32);
                    ended[row] = token as u32 == self.eos_token_id();
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
}
