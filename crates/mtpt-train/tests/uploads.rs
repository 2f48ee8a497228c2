//! Number and padding of the rows that a step computes.

use std::sync::Mutex;

use burn::tensor::{Bool, Device, Int, Tensor};
use mtpt_compose::CompositionConfig;
use mtpt_core::{Backbone, Encoded, Frozen, Inputs, Vjp};
use mtpt_t5::T5;
use mtpt_tasks::{Batch, TokenizedExample};
use mtpt_train::{Decay, OptimizerConfig, PromptTuning, Schedule, Trainer};

use crate::small_world::{SmallWorld, config};

/// A model that records the rows of every call of `embed`.
struct Recorder<'a> {
    t5: &'a Frozen<T5>,
    embedded: Mutex<Vec<Vec<Vec<u32>>>>,
}

impl Backbone for Recorder<'_> {
    fn d_model(&self) -> usize {
        self.t5.d_model()
    }

    fn vocab_size(&self) -> usize {
        self.t5.vocab_size()
    }

    fn decoder_start_token_id(&self) -> u32 {
        self.t5.decoder_start_token_id()
    }

    fn pad_token_id(&self) -> u32 {
        self.t5.pad_token_id()
    }

    fn eos_token_id(&self) -> u32 {
        self.t5.eos_token_id()
    }

    fn device(&self) -> Device {
        self.t5.device()
    }

    fn embed(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        let [_, length] = ids.dims();
        let tokens: Vec<u32> = ids.to_data().iter::<u32>().collect();
        let rows = tokens.chunks(length).map(<[u32]>::to_vec).collect();
        self.embedded.lock().unwrap().push(rows);
        self.t5.embed(ids)
    }

    fn encode(&self, embeddings: Tensor<3>, mask: Tensor<2, Bool>) -> Tensor<3> {
        self.t5.encode(embeddings, mask)
    }

    fn decode(&self, ids: Tensor<2, Int>, encoded: Encoded) -> Tensor<3> {
        self.t5.decode(ids, encoded)
    }

    fn vjp(&self, inputs: Inputs, decoder_input_ids: Tensor<2, Int>, prompt_length: usize) -> Vjp {
        self.t5.vjp(inputs, decoder_input_ids, prompt_length)
    }

    fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        self.t5.logits(hidden)
    }
}

/// Returns examples whose first tokens differ, without the padding token.
fn examples() -> Vec<TokenizedExample> {
    (0..)
        .zip([3, 40, 4, 39, 200, 3, 90, 41])
        .map(|(index, length)| TokenizedExample {
            task: index as usize % 2,
            input_ids: (0..length).map(|token| 2 + (index + token * 7) % 90).collect(),
            target_ids: vec![5 + index, 94],
            label: None,
            gold: None,
        })
        .collect()
}

#[test]
fn a_step_uploads_each_row_once_with_the_padding_of_its_part() {
    let world = SmallWorld::new();
    let examples = examples();
    let batches = [&examples[..6], &examples[6..]].map(|some| Batch::of_examples(some).unwrap());
    for composition in CompositionConfig::catalogue() {
        let name = composition.name();
        let config = config(composition);
        let schedule = Schedule { peak: 0.1, warmup_steps: 0, steps: 1, decay: Decay::Constant };
        let names = world.tasks.iter().map(|task| task.id().clone()).collect();
        let composition = world.composition(&config);
        let mut trainer = Trainer::new(composition, &OptimizerConfig::default(), schedule, names);
        let recorder = Recorder { t5: &world.t5, embedded: Mutex::default() };
        trainer.step(&PromptTuning::new(&recorder), &batches).unwrap();

        let parts = recorder.embedded.into_inner().unwrap();
        assert!(parts.len() > batches.len(), "{name}: the batches are divided into parts");
        let mut found = Vec::new();
        for part in parts {
            let padded = part[0].len();
            let rows: Vec<Vec<u32>> = part
                .into_iter()
                .map(|row| row.into_iter().take_while(|&token| token != 0).collect())
                .collect();
            let longest = rows.iter().map(Vec::len).max();
            assert_eq!(longest, Some(padded), "{name}: a part is as long as its longest row");
            found.extend(rows);
        }
        let mut expected: Vec<Vec<u32>> =
            examples.iter().map(|example| example.input_ids.clone()).collect();
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected, "{name}: each row once");
    }
}
