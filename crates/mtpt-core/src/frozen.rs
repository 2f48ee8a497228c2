use burn::module::{
    Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor,
};
use burn::tensor::{Bool, Device, Int, Tensor};

use crate::backbone::{Backbone, GenerateError, InputRow};
use crate::inputs::{Encoded, Inputs};
use crate::token_tree::TokenTree;
use crate::vjp::Vjp;
use crate::weight_format::WeightFormat;

/// A module that gradients, optimizers and records don't see.
///
/// A parent module holds it like any other field, but visitors and mappers skip it. Collecting
/// gradients, stepping an optimizer, counting parameters and writing a checkpoint therefore cost
/// nothing for it. Its weights stay on the device without autodiff, so operations that don't depend
/// on a prompt aren't recorded.
#[derive(Clone, Debug)]
pub struct Frozen<M>(M);

impl<M: Module> Frozen<M> {
    /// Freezes a module: its weights don't require gradients and its dropout is disabled.
    pub fn new(module: M) -> Self {
        Self(module.valid().freeze())
    }

    /// Returns the module, for example to count its parameters, which `self` hides.
    pub fn get(&self) -> &M {
        &self.0
    }

    /// Returns the module, which visitors see again. Its weights still don't require gradients; see
    /// [`Module::unfreeze`].
    pub fn into_inner(self) -> M {
        self.0
    }
}

impl<M: Module> std::ops::Deref for Frozen<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.0
    }
}

impl<M: Module> Module for Frozen<M> {
    fn collect_devices(&self, devices: Devices) -> Devices {
        self.0.collect_devices(devices)
    }

    fn fork(self, device: &Device) -> Self {
        Self(self.0.fork(&device.clone().without_autodiff()))
    }

    fn to_device(self, device: &Device) -> Self {
        Self(self.0.to_device(&device.clone().without_autodiff()))
    }

    fn train(self) -> Self {
        self
    }

    fn valid(&self) -> Self {
        self.clone()
    }

    fn materialize(self) -> Self {
        Self(self.0.materialize())
    }

    fn visit<Visitor: ModuleVisitor>(&self, _visitor: &mut Visitor) {}

    fn map<Mapper: ModuleMapper>(self, _mapper: &mut Mapper) -> Self {
        self
    }
}

impl<M: Module + ModuleDisplay> ModuleDisplayDefault for Frozen<M> {
    fn content(&self, content: Content) -> Option<Content> {
        content.add_single(&self.0).optional()
    }
}

impl<M: Module + ModuleDisplay> ModuleDisplay for Frozen<M> {}

/// Forwards every method to the frozen module, including those that it overrides.
impl<M: Module + Backbone> Backbone for Frozen<M> {
    fn d_model(&self) -> usize {
        self.0.d_model()
    }

    fn vocab_size(&self) -> usize {
        self.0.vocab_size()
    }

    fn decoder_start_token_id(&self) -> u32 {
        self.0.decoder_start_token_id()
    }

    fn pad_token_id(&self) -> u32 {
        self.0.pad_token_id()
    }

    fn eos_token_id(&self) -> u32 {
        self.0.eos_token_id()
    }

    fn attention_scores(&self, length: usize) -> usize {
        self.0.attention_scores(length)
    }

    fn is_end_token(&self, token: u32) -> bool {
        self.0.is_end_token(token)
    }

    fn weight_format(&self) -> WeightFormat {
        self.0.weight_format()
    }

    fn device(&self) -> Device {
        self.0.device()
    }

    fn embed(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        self.0.embed(ids)
    }

    fn encode(&self, embeddings: Tensor<3>, mask: Tensor<2, Bool>) -> Tensor<3> {
        self.0.encode(embeddings, mask)
    }

    fn decode(&self, decoder_input_ids: Tensor<2, Int>, encoded: Encoded) -> Tensor<3> {
        self.0.decode(decoder_input_ids, encoded)
    }

    fn decode_trees(&self, trees: &[&TokenTree], encoded: Encoded) -> Tensor<3> {
        self.0.decode_trees(trees, encoded)
    }

    fn vjp(&self, inputs: Inputs, decoder_input_ids: Tensor<2, Int>, prompt_length: usize) -> Vjp {
        self.0.vjp(inputs, decoder_input_ids, prompt_length)
    }

    fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        self.0.logits(hidden)
    }

    fn generate_greedy(&self, encoded: Encoded, max_length: usize) -> Vec<Vec<u32>> {
        self.0.generate_greedy(encoded, max_length)
    }

    fn check_generation(&self) -> Result<(), GenerateError> {
        self.0.check_generation()
    }

    fn generate_by_settings(
        &self,
        encoded: Encoded,
        rows: &[InputRow<'_>],
        max_length: usize,
    ) -> Result<Vec<Vec<u32>>, GenerateError> {
        self.0.generate_by_settings(encoded, rows, max_length)
    }
}
