use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use mtpt_core::{Backbone, TokenTree, Vjp, decode_paths, vjp_by_autodiff};

use crate::backward;
use crate::generate::greedy;
use crate::model::t5::T5;

/// Nodes of a tree up to which they are read together: with eight heads, eight megabytes of scores for each row.
const MOST_NODES: usize = 512;

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

    fn device(&self) -> Device {
        Self::device(self)
    }

    fn embed(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        Self::embed(self, ids)
    }

    fn encode(&self, embeddings: Tensor<3>, mask: Tensor<2, Bool>) -> Tensor<3> {
        Self::encode(self, embeddings, mask)
    }

    fn decode(
        &self,
        decoder_input_ids: Tensor<2, Int>,
        encoded: Tensor<3>,
        mask: Tensor<2, Bool>,
    ) -> Tensor<3> {
        Self::decode(self, decoder_input_ids, encoded, mask)
    }

    /// With each node read once, beside the others, unless there are many: every node is weighed against every other.
    fn decode_trees(
        &self,
        trees: &[&TokenTree],
        encoded: Tensor<3>,
        mask: Tensor<2, Bool>,
    ) -> Tensor<3> {
        let [batch, _] = mask.dims();
        assert_eq!(trees.len(), batch, "a tree for each row");
        let nodes = trees.iter().map(|tree| tree.len()).max().unwrap_or(0);
        if nodes > MOST_NODES {
            return decode_paths(self, trees, encoded, mask);
        }
        let padding = std::iter::repeat(self.config.pad_token_id);
        let ids = trees.iter().flat_map(|tree| {
            let start = self.config.decoder_start_token_id;
            tree.tokens(start).chain(padding.clone()).take(nodes).map(i64::from)
        });
        let ids = TensorData::new(ids.collect::<Vec<i64>>(), [batch, nodes]);
        let ids = Tensor::<2, Int>::from_data(ids, &encoded.device().without_autodiff());
        // Rows that share their tree share what is made of it.
        let of_all = trees.windows(2).all(|pair| std::ptr::eq(pair[0], pair[1]));
        let cache = self.start_for(encoded, mask, nodes);
        let trees = if of_all { &trees[..trees.len().min(1)] } else { trees };
        self.decoder.forward_trees(self.embed(ids), trees, cache)
    }

    /// With forward and backward written by hand, where the model is frozen.
    fn vjp(
        &self,
        embeddings: Tensor<3>,
        mask: Tensor<2, Bool>,
        decoder_input_ids: Tensor<2, Int>,
        prompt_length: usize,
    ) -> Vjp {
        if self.shared.weight.val().is_autodiff() {
            // A model that has not been frozen drops out when it is trained on, and only what is recorded knows of that.
            return vjp_by_autodiff(self, embeddings, mask, decoder_input_ids, prompt_length);
        }
        backward::read(self, embeddings.without_autodiff(), mask, decoder_input_ids, prompt_length)
    }

    fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        Self::logits(self, hidden)
    }

    /// With the keys and values of what was read kept, so that each token is read once.
    fn generate_greedy(
        &self,
        encoded: Tensor<3>,
        mask: Tensor<2, Bool>,
        max_length: usize,
    ) -> Vec<Vec<u32>> {
        greedy::decode(self, encoded, mask, max_length).expect("the device gives its numbers back")
    }
}
