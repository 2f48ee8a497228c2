use burn::module::Module;
use burn::tensor::{Bool, DType, Device, Int, Tensor, TensorData, assert_shape};
use mtpt_core::{
    Backbone, Encoded, GenerateError, InputRow, Inputs, TokenTree, Vjp, WeightFormat, decode_paths,
    vjp_by_autodiff,
};

use crate::backward;
use crate::generate::{GenerationConfig, Sequence, flat, unknown_rows};
use crate::model::saving::Saving;
use crate::model::t5::T5;

/// Maximum number of nodes that are decoded jointly. With eight heads, the scores of each row take
/// 8 MB.
const MAX_NODES: usize = 512;

impl Backbone for T5 {
    fn d_model(&self) -> usize {
        self.config.d_model
    }

    fn vocab_size(&self) -> usize {
        self.config.vocab_size
    }

    fn decoder_start_token_id(&self) -> u32 {
        self.config.decoder_start_token_id
    }

    fn pad_token_id(&self) -> u32 {
        self.config.pad_token_id
    }

    fn eos_token_id(&self) -> u32 {
        self.config.eos_token_id
    }

    /// Returns the number of scores of the encoder, which has the longer rows.
    fn attention_scores(&self, length: usize) -> usize {
        let keys = self.config.long_attention().map_or(length, |long| long.keys(length));
        self.config.num_heads.saturating_mul(length).saturating_mul(keys)
    }

    fn is_end_token(&self, token: u32) -> bool {
        self.end_token_ids().contains(&token)
    }

    fn weight_format(&self) -> WeightFormat {
        let block = self.encoder.blocks.first();
        if block.is_some_and(|block| block.self_attention.query.is_int8()) {
            return WeightFormat::Int8;
        }
        match self.shared.weight.val().dtype() {
            DType::BF16 => WeightFormat::Bf16,
            DType::F16 => WeightFormat::F16,
            _ => WeightFormat::F32,
        }
    }

    fn device(&self) -> Device {
        self.shared.weight.lazy_device().without_autodiff()
    }

    fn embed(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        self.shared.forward(ids)
    }

    fn encode(&self, embeddings: Tensor<3>, mask: Tensor<2, Bool>) -> Tensor<3> {
        let d_model = self.config.d_model;
        let [batch, length] = mask.dims();
        assert_shape!(embeddings, [batch, length, d_model]);
        self.encoder.forward(embeddings, mask, Saving::Nothing).0
    }

    fn decode(&self, decoder_input_ids: Tensor<2, Int>, encoded: Encoded) -> Tensor<3> {
        let ([rows, length], batch) = (decoder_input_ids.dims(), encoded.rows());
        let mut cache = self.cache(encoded, Some(rows / batch.max(1) * length));
        self.decode_step(decoder_input_ids, &mut cache)
    }

    /// Decodes all nodes jointly, each of them once. Since every node is scored against every
    /// other, large trees are decoded path by path.
    fn decode_trees(&self, trees: &[&TokenTree], encoded: Encoded) -> Tensor<3> {
        let batch = encoded.rows();
        assert_eq!(trees.len(), batch, "expected one tree for each row");
        let nodes = trees.iter().map(|tree| tree.len()).max().unwrap_or(0);
        if nodes > MAX_NODES {
            return decode_paths(self, trees, encoded);
        }
        let padding = std::iter::repeat(self.config.pad_token_id);
        let ids = trees.iter().flat_map(|tree| {
            let start = self.config.decoder_start_token_id;
            tree.tokens(start).chain(padding.clone()).take(nodes).map(i64::from)
        });
        let ids = TensorData::new(ids.collect::<Vec<i64>>(), [batch, nodes]);
        let ids = Tensor::<2, Int>::from_data(ids, &encoded.states.device().without_autodiff());
        // Rows with the same tree share its bias.
        let is_shared = trees.windows(2).all(|pair| std::ptr::eq(pair[0], pair[1]));
        let cache = self.cache(encoded, Some(nodes));
        let trees = if is_shared { &trees[..trees.len().min(1)] } else { trees };
        self.decoder.forward_trees(self.embed(ids), trees, cache)
    }

    /// Uses the hand-written backward pass if the model is frozen.
    fn vjp(&self, inputs: Inputs, decoder_input_ids: Tensor<2, Int>, prompt_length: usize) -> Vjp {
        if self.shared.weight.val().is_autodiff() {
            // A model that is not frozen applies dropout, which the hand-written pass does not
            // have.
            return vjp_by_autodiff(self, inputs, decoder_input_ids, prompt_length);
        }
        backward::vjp(self, inputs.without_autodiff(), decoder_input_ids, prompt_length)
    }

    fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        let hidden = if self.config.scale_decoder_outputs {
            hidden.mul_scalar((self.config.d_model as f64).powf(-0.5))
        } else {
            hidden
        };
        match &self.head {
            Some(head) => head.forward(hidden),
            // With the table on the left it is read in memory order, also for few positions.
            None => self.shared.weight.val().matmul(hidden.transpose()).transpose(),
        }
    }

    /// Decodes each token once, using the key/value cache.
    fn generate_greedy(&self, encoded: Encoded, max_length: usize) -> Vec<Vec<u32>> {
        if max_length == 0 {
            return vec![Vec::new(); encoded.rows()];
        }
        let config = GenerationConfig { max_new_tokens: max_length, ..Default::default() };
        let rows = unknown_rows(encoded.rows());
        let sequences = self.generate_encoded(encoded, &rows, None, &config);
        flat(sequences.expect("the logits are finite and can be read back"))
    }

    fn check_generation(&self) -> Result<(), GenerateError> {
        Ok(self.generation.check_without_tokenizer()?)
    }

    /// Decodes as the model's `generation_config.json` specifies.
    fn generate_by_settings(
        &self,
        encoded: Encoded,
        rows: &[InputRow<'_>],
        max_length: usize,
    ) -> Result<Vec<Vec<u32>>, GenerateError> {
        self.check_generation()?;
        if max_length == 0 {
            return Ok(vec![Vec::new(); rows.len()]);
        }
        let config = GenerationConfig { max_new_tokens: max_length, ..self.generation_config()? };
        let sequences = self.generate_encoded(encoded, rows, None, &config)?;
        let best = |row: Vec<Sequence>| row.into_iter().next().unwrap_or_default().ids;
        Ok(sequences.into_iter().map(best).collect())
    }
}

impl T5 {
    /// Returns the model on the plain device. The weights are shared.
    pub(crate) fn without_autodiff(&self) -> Self {
        self.valid()
    }
}
