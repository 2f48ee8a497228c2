//! Names of the parameters in transformers and T5X checkpoints.

use std::collections::BTreeSet;

use self::Layout::{Same, Transposed};
use crate::config::T5Config;

/// Layout of a parameter in a transformers checkpoint, relative to this crate's modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Equal.
    Same,
    /// PyTorch stores the weight of a linear layer as `[output, input]`.
    Transposed,
}

/// The embedding table in transformers.
pub(crate) const SHARED: &str = "shared.weight";
/// The head in transformers, if it is not the embedding table.
pub(crate) const HEAD: &str = "lm_head.weight";
/// Other names under which transformers checkpoints repeat the embedding table.
pub(crate) const SHARED_COPIES: [&str; 2] =
    ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"];
/// A tensor of the first T5 checkpoints that no T5 uses. transformers skips it too.
pub(crate) const IGNORED: &str =
    "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight";

/// The embedding table in T5X.
pub(crate) const T5X_TABLE: &str = "target.token_embedder.embedding";
/// The head in T5X, if it is not the embedding table.
pub(crate) const T5X_HEAD: &str = "target.decoder.logits_dense.kernel";

/// Path in this crate's modules, name in transformers, layout in transformers, name in T5X.
///
/// `{}` stands for the index of a block. T5X stores kernels as `[input, output]`, like this crate.
#[rustfmt::skip]
const NAMES: &[(&str, &str, Layout, &str)] = &[
    ("shared.weight",                                   SHARED,                                                                 Same,       T5X_TABLE),
    ("head.weight",                                     HEAD,                                                                   Transposed, T5X_HEAD),

    ("encoder.position_bias.table.weight",              "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", Same,       "target.encoder.relpos_bias.rel_embedding"),
    ("encoder.side_position_bias.table.weight",         "encoder.block.0.layer.0.SelfAttention.global_relative_attention_bias.weight", Same,  "target.encoder.side_relpos_bias.rel_embedding"),
    ("encoder.blocks.{}.position_bias.table.weight",    "encoder.block.{}.layer.0.SelfAttention.relative_attention_bias.weight", Same,      "target.encoder.layers_{}.relpos_bias.rel_embedding"),
    ("encoder.blocks.{}.summary_norm.gamma",            "encoder.block.{}.layer.0.SelfAttention.global_input_layer_norm.weight", Same,      "target.encoder.layers_{}.attention.T5LayerNorm_0.scale"),
    ("encoder.blocks.{}.self_attention_norm.gamma",     "encoder.block.{}.layer.0.layer_norm.weight",                           Same,       "target.encoder.layers_{}.pre_attention_layer_norm.scale"),
    ("encoder.blocks.{}.self_attention.query.weight",   "encoder.block.{}.layer.0.SelfAttention.q.weight",                      Transposed, "target.encoder.layers_{}.attention.query.kernel"),
    ("encoder.blocks.{}.self_attention.key.weight",     "encoder.block.{}.layer.0.SelfAttention.k.weight",                      Transposed, "target.encoder.layers_{}.attention.key.kernel"),
    ("encoder.blocks.{}.self_attention.value.weight",   "encoder.block.{}.layer.0.SelfAttention.v.weight",                      Transposed, "target.encoder.layers_{}.attention.value.kernel"),
    ("encoder.blocks.{}.self_attention.output.weight",  "encoder.block.{}.layer.0.SelfAttention.o.weight",                      Transposed, "target.encoder.layers_{}.attention.out.kernel"),
    ("encoder.blocks.{}.feed_forward_norm.gamma",       "encoder.block.{}.layer.1.layer_norm.weight",                           Same,       "target.encoder.layers_{}.pre_mlp_layer_norm.scale"),
    ("encoder.blocks.{}.feed_forward.gate.weight",      "encoder.block.{}.layer.1.DenseReluDense.wi_0.weight",                  Transposed, "target.encoder.layers_{}.mlp.wi_0.kernel"),
    ("encoder.blocks.{}.feed_forward.input.weight",     "encoder.block.{}.layer.1.DenseReluDense.wi_1.weight",                  Transposed, "target.encoder.layers_{}.mlp.wi_1.kernel"),
    ("encoder.blocks.{}.feed_forward.output.weight",    "encoder.block.{}.layer.1.DenseReluDense.wo.weight",                    Transposed, "target.encoder.layers_{}.mlp.wo.kernel"),
    ("encoder.final_norm.gamma",                        "encoder.final_layer_norm.weight",                                      Same,       "target.encoder.encoder_norm.scale"),

    ("decoder.position_bias.table.weight",              "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", Same,       "target.decoder.relpos_bias.rel_embedding"),
    ("decoder.blocks.{}.position_bias.table.weight",    "decoder.block.{}.layer.0.SelfAttention.relative_attention_bias.weight", Same,      "target.decoder.layers_{}.relpos_bias.rel_embedding"),
    ("decoder.blocks.{}.self_attention_norm.gamma",     "decoder.block.{}.layer.0.layer_norm.weight",                           Same,       "target.decoder.layers_{}.pre_self_attention_layer_norm.scale"),
    ("decoder.blocks.{}.self_attention.query.weight",   "decoder.block.{}.layer.0.SelfAttention.q.weight",                      Transposed, "target.decoder.layers_{}.self_attention.query.kernel"),
    ("decoder.blocks.{}.self_attention.key.weight",     "decoder.block.{}.layer.0.SelfAttention.k.weight",                      Transposed, "target.decoder.layers_{}.self_attention.key.kernel"),
    ("decoder.blocks.{}.self_attention.value.weight",   "decoder.block.{}.layer.0.SelfAttention.v.weight",                      Transposed, "target.decoder.layers_{}.self_attention.value.kernel"),
    ("decoder.blocks.{}.self_attention.output.weight",  "decoder.block.{}.layer.0.SelfAttention.o.weight",                      Transposed, "target.decoder.layers_{}.self_attention.out.kernel"),
    ("decoder.blocks.{}.cross_attention_norm.gamma",    "decoder.block.{}.layer.1.layer_norm.weight",                           Same,       "target.decoder.layers_{}.pre_cross_attention_layer_norm.scale"),
    ("decoder.blocks.{}.cross_attention.query.weight",  "decoder.block.{}.layer.1.EncDecAttention.q.weight",                    Transposed, "target.decoder.layers_{}.encoder_decoder_attention.query.kernel"),
    ("decoder.blocks.{}.cross_attention.key.weight",    "decoder.block.{}.layer.1.EncDecAttention.k.weight",                    Transposed, "target.decoder.layers_{}.encoder_decoder_attention.key.kernel"),
    ("decoder.blocks.{}.cross_attention.value.weight",  "decoder.block.{}.layer.1.EncDecAttention.v.weight",                    Transposed, "target.decoder.layers_{}.encoder_decoder_attention.value.kernel"),
    ("decoder.blocks.{}.cross_attention.output.weight", "decoder.block.{}.layer.1.EncDecAttention.o.weight",                    Transposed, "target.decoder.layers_{}.encoder_decoder_attention.out.kernel"),
    ("decoder.blocks.{}.feed_forward_norm.gamma",       "decoder.block.{}.layer.2.layer_norm.weight",                           Same,       "target.decoder.layers_{}.pre_mlp_layer_norm.scale"),
    ("decoder.blocks.{}.feed_forward.gate.weight",      "decoder.block.{}.layer.2.DenseReluDense.wi_0.weight",                  Transposed, "target.decoder.layers_{}.mlp.wi_0.kernel"),
    ("decoder.blocks.{}.feed_forward.input.weight",     "decoder.block.{}.layer.2.DenseReluDense.wi_1.weight",                  Transposed, "target.decoder.layers_{}.mlp.wi_1.kernel"),
    ("decoder.blocks.{}.feed_forward.output.weight",    "decoder.block.{}.layer.2.DenseReluDense.wo.weight",                    Transposed, "target.decoder.layers_{}.mlp.wo.kernel"),
    ("decoder.final_norm.gamma",                        "decoder.final_layer_norm.weight",                                      Same,       "target.decoder.decoder_norm.scale"),
];

/// Start of the names of an encoder's or decoder's blocks in transformers, before their index.
pub(crate) fn block_prefix(stack: &str) -> String {
    format!("{stack}.block.")
}

/// Start of the names of an encoder's or decoder's blocks in T5X, before their index.
#[cfg(feature = "t5x")]
pub(crate) fn t5x_block_prefix(stack: &str) -> String {
    format!("target.{stack}.layers_")
}

/// Returns the indices of blocks in names of parameters that start with a prefix.
pub(crate) fn block_indices<'a>(
    names: impl Iterator<Item = &'a str>,
    prefix: &str,
) -> BTreeSet<usize> {
    names.filter_map(|name| name.strip_prefix(prefix)?.split('.').next()?.parse().ok()).collect()
}

/// Without a gate, the first linear layer of a feed-forward layer has no number.
const UNGATED: (&str, &str) = (".wi_1.", ".wi.");

/// Self-attention in transformers, except in the encoder of a LongT5.
const SELF_ATTENTION: &str = ".SelfAttention.";
/// Local self-attention of a LongT5's encoder in transformers.
const LOCAL: &str = ".LocalSelfAttention.";
/// Transient-global self-attention of a LongT5's encoder in transformers.
const TRANSIENT_GLOBAL: &str = ".TransientGlobalSelfAttention.";

/// The names of one parameter.
pub(crate) struct Names {
    /// Name in transformers.
    pub(crate) transformers: String,
    /// Layout in transformers.
    pub(crate) layout: Layout,
    /// Name in T5X, with `{}` for the index of the block.
    #[cfg_attr(not(feature = "t5x"), expect(dead_code, reason = "read by the T5X loader only"))]
    pub(crate) t5x: String,
    /// Index of the block, for a parameter of a block.
    #[cfg_attr(not(feature = "t5x"), expect(dead_code, reason = "read by the T5X loader only"))]
    pub(crate) block: Option<usize>,
}

impl Names {
    /// Returns the names of the parameter at a path in this crate's modules.
    ///
    /// # Panics
    ///
    /// Panics for a path missing from the table.
    pub(crate) fn of(path: &[String], config: &T5Config) -> Self {
        let block = path.iter().find_map(|part| part.parse::<usize>().ok());
        let pattern = path
            .iter()
            .map(|part| if part.parse::<usize>().is_ok() { "{}" } else { part.as_str() })
            .collect::<Vec<_>>()
            .join(".");
        let (_, transformers, layout, t5x) = NAMES
            .iter()
            .find(|(known, ..)| *known == pattern)
            .expect("invariant: the table has every parameter of the modules");
        let for_gating = |name: &str| {
            if config.gated { name.to_owned() } else { name.replace(UNGATED.0, UNGATED.1) }
        };
        let mut transformers = for_gating(transformers);
        if path[0] == "encoder"
            && let Some(long) = config.long_attention()
        {
            let name = if long.global_block_size.is_some() { TRANSIENT_GLOBAL } else { LOCAL };
            transformers = transformers.replace(SELF_ATTENTION, name);
        }
        let index = block.map_or(String::new(), |block| block.to_string());
        Self {
            transformers: transformers.replace("{}", &index),
            layout: *layout,
            t5x: for_gating(t5x),
            block,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::{Family, LongAttention};

    #[test]
    fn ungated_layers_have_no_number() {
        let path = ["decoder", "blocks", "3", "feed_forward", "input", "weight"];
        let path = path.map(str::to_owned);
        let config = T5Config::v1_1_small();
        let gated = Names::of(&path, &config);
        assert_eq!(gated.transformers, "decoder.block.3.layer.2.DenseReluDense.wi_1.weight");
        assert_eq!(gated.t5x, "target.decoder.layers_{}.mlp.wi_1.kernel");
        assert_eq!((gated.layout, gated.block), (Transposed, Some(3)));
        let ungated = Names::of(&path, &T5Config::small());
        assert_eq!(ungated.transformers, "decoder.block.3.layer.2.DenseReluDense.wi.weight");
        assert_eq!(ungated.t5x, "target.decoder.layers_{}.mlp.wi.kernel");
    }

    #[test]
    fn long_t5_names_its_attention_after_the_type() {
        let name = |stack: &str, global_block_size: Option<usize>| {
            let path = [stack, "blocks", "1", "self_attention", "key", "weight"];
            let long = LongAttention { local_radius: 7, global_block_size };
            let config = T5Config::small().with_family(Family::LongT5(long));
            Names::of(&path.map(str::to_owned), &config).transformers
        };
        assert_eq!(name("encoder", None), "encoder.block.1.layer.0.LocalSelfAttention.k.weight");
        assert_eq!(
            name("encoder", Some(16)),
            "encoder.block.1.layer.0.TransientGlobalSelfAttention.k.weight"
        );
        assert_eq!(name("decoder", Some(16)), "decoder.block.1.layer.0.SelfAttention.k.weight");
    }
}
