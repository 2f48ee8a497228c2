//! Names of the parameters in checkpoints of transformers.

/// How a parameter lies in a checkpoint, compared with how it lies in a module here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// The same.
    Same,
    /// PyTorch keeps the weight of a linear layer as `[output, input]`.
    Transposed,
}

/// Name of the embedding table.
pub(crate) const SHARED: &str = "shared.weight";
/// Name of a head of its own.
pub(crate) const HEAD: &str = "lm_head.weight";
/// Other names under which checkpoints repeat the embedding table.
pub(crate) const SHARED_COPIES: [&str; 2] =
    ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"];
/// What the first T5 checkpoints hold and no T5 reads; transformers skips it too.
pub(crate) const IGNORED: &str =
    "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight";

/// Path of a parameter in the modules, its name in a checkpoint, and its layout there.
/// `{}` stands for the number of a block.
#[rustfmt::skip]
const KEYS: &[(&str, &str, Layout)] = &[
    ("shared.weight",                                   SHARED,                                                                 Layout::Same),
    ("head.weight",                                     HEAD,                                                                   Layout::Transposed),

    ("encoder.position_bias.table.weight",              "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", Layout::Same),
    ("encoder.blocks.{}.self_attention_norm.gamma",     "encoder.block.{}.layer.0.layer_norm.weight",                           Layout::Same),
    ("encoder.blocks.{}.self_attention.query.weight",   "encoder.block.{}.layer.0.SelfAttention.q.weight",                      Layout::Transposed),
    ("encoder.blocks.{}.self_attention.key.weight",     "encoder.block.{}.layer.0.SelfAttention.k.weight",                      Layout::Transposed),
    ("encoder.blocks.{}.self_attention.value.weight",   "encoder.block.{}.layer.0.SelfAttention.v.weight",                      Layout::Transposed),
    ("encoder.blocks.{}.self_attention.output.weight",  "encoder.block.{}.layer.0.SelfAttention.o.weight",                      Layout::Transposed),
    ("encoder.blocks.{}.feed_forward_norm.gamma",       "encoder.block.{}.layer.1.layer_norm.weight",                           Layout::Same),
    ("encoder.blocks.{}.feed_forward.gate.weight",      "encoder.block.{}.layer.1.DenseReluDense.wi_0.weight",                  Layout::Transposed),
    ("encoder.blocks.{}.feed_forward.input.weight",     "encoder.block.{}.layer.1.DenseReluDense.wi_1.weight",                  Layout::Transposed),
    ("encoder.blocks.{}.feed_forward.output.weight",    "encoder.block.{}.layer.1.DenseReluDense.wo.weight",                    Layout::Transposed),
    ("encoder.final_norm.gamma",                        "encoder.final_layer_norm.weight",                                      Layout::Same),

    ("decoder.position_bias.table.weight",              "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", Layout::Same),
    ("decoder.blocks.{}.self_attention_norm.gamma",     "decoder.block.{}.layer.0.layer_norm.weight",                           Layout::Same),
    ("decoder.blocks.{}.self_attention.query.weight",   "decoder.block.{}.layer.0.SelfAttention.q.weight",                      Layout::Transposed),
    ("decoder.blocks.{}.self_attention.key.weight",     "decoder.block.{}.layer.0.SelfAttention.k.weight",                      Layout::Transposed),
    ("decoder.blocks.{}.self_attention.value.weight",   "decoder.block.{}.layer.0.SelfAttention.v.weight",                      Layout::Transposed),
    ("decoder.blocks.{}.self_attention.output.weight",  "decoder.block.{}.layer.0.SelfAttention.o.weight",                      Layout::Transposed),
    ("decoder.blocks.{}.cross_attention_norm.gamma",    "decoder.block.{}.layer.1.layer_norm.weight",                           Layout::Same),
    ("decoder.blocks.{}.cross_attention.query.weight",  "decoder.block.{}.layer.1.EncDecAttention.q.weight",                    Layout::Transposed),
    ("decoder.blocks.{}.cross_attention.key.weight",    "decoder.block.{}.layer.1.EncDecAttention.k.weight",                    Layout::Transposed),
    ("decoder.blocks.{}.cross_attention.value.weight",  "decoder.block.{}.layer.1.EncDecAttention.v.weight",                    Layout::Transposed),
    ("decoder.blocks.{}.cross_attention.output.weight", "decoder.block.{}.layer.1.EncDecAttention.o.weight",                    Layout::Transposed),
    ("decoder.blocks.{}.feed_forward_norm.gamma",       "decoder.block.{}.layer.2.layer_norm.weight",                           Layout::Same),
    ("decoder.blocks.{}.feed_forward.gate.weight",      "decoder.block.{}.layer.2.DenseReluDense.wi_0.weight",                  Layout::Transposed),
    ("decoder.blocks.{}.feed_forward.input.weight",     "decoder.block.{}.layer.2.DenseReluDense.wi_1.weight",                  Layout::Transposed),
    ("decoder.blocks.{}.feed_forward.output.weight",    "decoder.block.{}.layer.2.DenseReluDense.wo.weight",                    Layout::Transposed),
    ("decoder.final_norm.gamma",                        "decoder.final_layer_norm.weight",                                      Layout::Same),
];

/// The one layer of a feed-forward without a gate has no number.
const UNGATED: (&str, &str) = (".wi_1.", ".wi.");

/// Name and layout in a checkpoint of the parameter at a path of the modules.
///
/// # Panics
///
/// Panics for a path that no module of this crate has, which is a hole in the table.
pub(crate) fn checkpoint_key(path: &[String], gated: bool) -> (String, Layout) {
    let block = path.iter().find(|part| part.parse::<usize>().is_ok());
    let pattern = path
        .iter()
        .map(|part| if Some(part) == block { "{}" } else { part.as_str() })
        .collect::<Vec<_>>()
        .join(".");
    let (_, key, layout) = KEYS
        .iter()
        .find(|(known, _, _)| *known == pattern)
        .expect("invariant: every parameter of the modules is in the table");
    let mut key = key.replace("{}", block.map_or("", String::as_str));
    if !gated {
        key = key.replace(UNGATED.0, UNGATED.1);
    }
    (key, *layout)
}
