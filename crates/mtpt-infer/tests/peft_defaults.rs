//! Adapters with the default settings of PEFT, which have vectors for the decoder, and exports of
//! such prompts: see `scripts/generate_peft_defaults_reference.py` and
//! `scripts/generate_peft_decoder_exports.py`.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use mtpt_compose::{CompositionConfig, ConcatConfig, LowRankConfig, SeparateConfig};
use mtpt_core::{Compose, Frozen, Inputs, TaskIndex};
use mtpt_infer::{
    DecoderPrompt, DeviceBatch, Error, FormatError, PromptFormat, PromptNote, Prompted, Prompts,
};
use mtpt_t5::{Beam, GenerationConfig, Strategy, T5};
use mtpt_tasks::TokenizedExample;
use serde_json::Value;

use crate::small_world::{SmallWorld, t5};
use crate::untrained;

fn fixtures(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn read_json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

fn rows(value: &Value) -> Vec<Vec<u32>> {
    value.as_array().unwrap().iter().map(ids).collect()
}

/// A model, and the inputs and targets of the reference values.
struct Reference {
    t5: Frozen<T5>,
    inputs: Vec<Vec<u32>>,
    targets: Vec<Vec<u32>>,
    tasks: Vec<u32>,
    values: Value,
}

impl Reference {
    fn read() -> Self {
        let values = read_json(&fixtures("peft_defaults/reference.json"));
        Self {
            t5: Frozen::new(t5(&Device::flex())),
            inputs: rows(&values["inputs"]),
            targets: rows(&values["targets"]),
            tasks: ids(&values["tasks"]),
            values,
        }
    }

    fn examples(&self, prompts: &Prompts) -> Vec<TokenizedExample> {
        let is_multitask = prompts.tasks().len() > 1;
        let rows = self.inputs.iter().zip(&self.tasks);
        rows.map(|(input_ids, &task)| TokenizedExample {
            task: if is_multitask { task as usize } else { 0 },
            input_ids: input_ids.clone(),
            target_ids: Vec::new(),
            label: None,
            gold: None,
        })
        .collect()
    }

    fn prompted<'a>(&'a self, prompts: &'a Prompts) -> Prompted<'a, T5> {
        Prompted::new(self.t5.get(), prompts.composition()).unwrap()
    }

    fn embed(&self, prompted: Prompted<'_, T5>, prompts: &Prompts) -> Inputs {
        let examples = self.examples(prompts);
        let batch = DeviceBatch::for_backbone(&examples, self.t5.get());
        prompted.embed(&batch.tasks, batch.input_ids, batch.input_mask)
    }

    #[track_caller]
    fn check_scores(&self, prompts: &Prompts, expected: &Value) {
        let inputs = self.embed(self.prompted(prompts), prompts);
        let found = self.t5.score(inputs, &self.targets).unwrap();
        for (found, expected) in found.iter().zip(expected.as_array().unwrap()) {
            let expected = expected.as_array().unwrap();
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(expected) {
                let expected = expected.as_f64().unwrap();
                // The tolerance of the T5 parity tests in f32.
                assert!((f64::from(*found) - expected).abs() < 1e-4, "{found} {expected}");
            }
        }
    }

    fn generate(
        &self,
        prompted: Prompted<'_, T5>,
        prompts: &Prompts,
        num_beams: usize,
    ) -> Vec<Vec<u32>> {
        let strategy = match num_beams {
            1 => Strategy::Greedy,
            _ => Strategy::Beam(Beam { num_beams, ..Beam::default() }),
        };
        let max_new_tokens = self.values["max_new_tokens"].as_u64().unwrap() as usize;
        let config = GenerationConfig { max_new_tokens, strategy, ..GenerationConfig::default() };
        self.t5.generate_from_inputs(self.embed(prompted, prompts), &config).unwrap()
    }
}

fn read(name: &str) -> Prompts {
    Prompts::read(&fixtures("peft_defaults").join(name), &Device::flex()).unwrap()
}

#[test]
fn default_adapters_match_the_scores_of_forward() {
    let reference = Reference::read();
    for name in ["plain", "plain_bf16", "multitask", "multitask_bf16"] {
        let prompts = read(name);
        reference.check_scores(&prompts, &reference.values[name]["log_probabilities"]);
    }
}

#[test]
fn a_plain_adapter_is_read_without_its_unused_half() {
    let reference = Reference::read();
    for name in ["plain", "plain_bf16"] {
        let prompts = read(name);
        assert_eq!((prompts.header().length, prompts.header().decoder_length), (4, 0));
        let path = fixtures("peft_defaults").join(name);
        let note = PromptNote::UnusedVectors { path: path.clone(), used: 4, found: 8 };
        assert_eq!(prompts.notes(), [note]);
        let expected = format!(
            "`{}`: the adapter has 8 vectors, of which PEFT only uses the first 4, in `forward` \
             and in `generate`; the others were dropped",
            path.display()
        );
        assert_eq!(prompts.notes()[0].to_string(), expected);
        let values = &reference.values[name];
        for (beams, key) in [(1, "greedy"), (4, "beams"), (1, "greedy_by_forward")] {
            let found = reference.generate(reference.prompted(&prompts), &prompts, beams);
            assert_eq!(found, rows(&values[key]), "{name}: {key}");
        }
    }
}

#[test]
fn a_multitask_adapter_generates_with_its_decoder_prompt() {
    let reference = Reference::read();
    for name in ["multitask", "multitask_bf16"] {
        let prompts = read(name);
        assert_eq!((prompts.header().length, prompts.header().decoder_length), (4, 4));
        assert!(matches!(prompts.notes(), [PromptNote::DecoderPrompt { length: 4, .. }]));
        let found = reference.generate(reference.prompted(&prompts), &prompts, 1);
        assert_eq!(found, rows(&reference.values[name]["greedy_by_forward"]), "{name}");
    }
}

#[test]
fn without_the_decoder_prompt_texts_match_generate() {
    let reference = Reference::read();
    for name in ["multitask", "multitask_bf16"] {
        let values = &reference.values[name];
        let whole = read(name);
        let path = fixtures("peft_defaults").join(name);
        let cut =
            PromptFormat::read_adapter(&path, DecoderPrompt::Ignored, &Device::flex()).unwrap();
        assert_eq!((cut.header().length, cut.header().decoder_length), (4, 0));
        assert!(cut.notes().is_empty());
        for (beams, key) in [(1, "greedy"), (4, "beams")] {
            let ignoring = reference.prompted(&whole).without_decoder_prompt();
            let found = reference.generate(ignoring, &whole, beams);
            assert_eq!(found, rows(&values[key]), "{name}: {key}");
            let found = reference.generate(reference.prompted(&cut), &cut, beams);
            assert_eq!(found, rows(&values[key]), "{name}: {key}, without the vectors");
        }
        assert_ne!(values["greedy"], values["greedy_by_forward"], "PEFT's methods differ");
    }
}

#[test]
fn exports_with_decoder_prompts_match_peft() {
    let folder = fixtures("peft_decoder_exports");
    let reference = Reference::read();
    let expected = read_json(&folder.join("reference.json"));
    let prompts = Prompts::read(&folder.join("prompts.safetensors"), &Device::flex()).unwrap();
    for (name, task) in [("all", None), ("wet", Some(TaskIndex::new(1)))] {
        let temporary = tempfile::tempdir().unwrap();
        let output = temporary.path().join(name);
        PromptFormat::Peft.files(&prompts, task, &output).unwrap().write().unwrap();
        // PEFT computed the values from the committed adapter, so exports must have its bytes.
        for file in ["adapter_config.json", "adapter_model.safetensors"] {
            let [found, expected] = [output.join(file), folder.join(name).join(file)];
            assert!(fs::read(found).unwrap() == fs::read(expected).unwrap(), "{name}/{file}");
        }
        let read = Prompts::read(&output, &Device::flex()).unwrap();
        reference.check_scores(&read, &expected[name]["log_probabilities"]);
        let ignoring = reference.prompted(&read).without_decoder_prompt();
        let found = reference.generate(ignoring, &read, 1);
        assert_eq!(found, rows(&expected[name]["greedy"]), "{name}");
        if task.is_none() {
            assert_eq!(read.header(), prompts.header());
            reference.check_scores(&prompts, &expected[name]["log_probabilities"]);
        }
    }
}

/// Creates random prompts whose vectors for the decoder are the last of the shared ones.
fn with_decoder(world: &SmallWorld, config: &CompositionConfig, decoder_length: usize) -> Prompts {
    let prompts = untrained::prompts(config, &world.tasks);
    let mut header = prompts.header().clone();
    header.length -= decoder_length;
    header.decoder_length = decoder_length;
    let vectors = header.length..header.shared_length();
    Prompts::new(prompts.composition().clone().with_decoder_vectors(vectors), header)
}

#[test]
fn one_task_of_every_composition_is_exported_with_its_decoder_prompt() {
    for config in CompositionConfig::catalogue() {
        let world = SmallWorld::new();
        let prompts = with_decoder(&world, &config, 2);
        let wet = Some(TaskIndex::new(1));
        let output = world.folder.path().join("wet");
        let files = PromptFormat::Peft.files(&prompts, wet, &output);
        if prompts.composition().reads_inputs() {
            assert!(files.unwrap_err().to_string().contains("depend on the input"));
            continue;
        }
        if let CompositionConfig::Concat(ConcatConfig { task_length }) = &config {
            // The task's vectors are for the encoder.
            let expected = format!(
                "prompts with {} vectors for the encoder and 2 for the decoder cannot be exported \
                 to an adapter of PEFT",
                task_length + 2
            );
            let failure = files.unwrap_err().to_string();
            assert!(failure.starts_with(&expected), "{failure}");
            continue;
        }
        files.unwrap().write().unwrap();
        let read = Prompts::read(&output, &Device::flex()).unwrap();
        assert_eq!((read.header().length, read.header().decoder_length), (2, 2));
        assert_eq!(read.tasks(), &prompts.tasks()[1..]);
        let values = |prompts: &Prompts, task: usize| -> Vec<f32> {
            let prompt = prompts.composition().plain_prompt(TaskIndex::new(task)).unwrap();
            prompt.into_data().try_to_vec().unwrap()
        };
        assert_eq!(values(&read, 0), values(&prompts, 1), "{}", config.name());
    }
}

#[test]
fn formats_without_decoder_prompts_reject_them() {
    let world = SmallWorld::new();
    let output = world.folder.path().join("out");
    let refused = |config: CompositionConfig, decoder_length, format: PromptFormat| {
        let prompts = with_decoder(&world, &config, decoder_length);
        format.files(&prompts, Some(TaskIndex::new(0)), &output).unwrap_err().to_string()
    };
    let low_rank = || CompositionConfig::LowRank(LowRankConfig::default());
    let separate = || CompositionConfig::Separate(SeparateConfig::default());
    for config in [low_rank(), separate()] {
        assert_eq!(
            refused(config, 1, PromptFormat::Peft),
            "prompts with 3 vectors for the encoder and 1 for the decoder cannot be exported to \
             an adapter of PEFT, which has the same number of both; train them with \
             `prompt.decoder_length = 3` or without it"
        );
    }
    for format in [
        PromptFormat::Npy,
        #[cfg(feature = "t5x")]
        PromptFormat::T5x,
    ] {
        assert_eq!(
            refused(low_rank(), 2, format),
            "prompts with 2 vectors for the decoder cannot be exported as prompt-tuning arrays, \
             which are for the encoder only; export them to PEFT"
        );
    }
}

#[test]
fn the_header_specifies_the_decoder_vectors() {
    for config in CompositionConfig::catalogue() {
        let world = SmallWorld::new();
        let path = world.folder.path().join("prompts.safetensors");
        let written = with_decoder(&world, &config, 1);
        written.write(&path).unwrap();
        let read = Prompts::read(&path, &Device::flex()).unwrap();
        assert_eq!(read.header(), written.header());
        assert_eq!(read.composition().decoder_vectors(), 3..4);
        // A program with its own composition must take them into account.
        let failure = Prompts::read_as(&path, |header| {
            let composition = untrained::composition(&header.composition, header.tasks.len());
            Ok(composition)
        });
        let failure = failure.unwrap_err();
        assert!(matches!(failure, Error::DecoderLength { expected: 1, found: 0, .. }), "{failure}");
        // Files without such vectors are the same as before there were any.
        let without = untrained::prompts(&config, &world.tasks);
        assert!(!serde_json::to_string(without.header()).unwrap().contains("decoder_length"));
    }
}

#[test]
fn an_adapter_without_a_number_of_submodules_is_read_by_its_shape() {
    for (from, name, expected) in [
        ("peft_defaults", "multitask", (4, 4)),
        ("peft_defaults", "plain", (4, 0)),
        ("peft", "multitask_rank_2", (5, 0)),
        ("peft", "plain", (5, 0)),
    ] {
        for replacement in ["", "\"num_transformer_submodules\": null,"] {
            let folder = tempfile::tempdir().unwrap();
            let source = fixtures(from).join(name);
            let weights = "adapter_model.safetensors";
            fs::copy(source.join(weights), folder.path().join(weights)).unwrap();
            let text = fs::read_to_string(source.join("adapter_config.json")).unwrap();
            let changed: Vec<&str> = text
                .lines()
                .map(|line| match line.contains("num_transformer_submodules") {
                    true => replacement,
                    false => line,
                })
                .collect();
            fs::write(folder.path().join("adapter_config.json"), changed.join("\n")).unwrap();
            let prompts = Prompts::read(folder.path(), &Device::flex()).unwrap();
            let header = prompts.header();
            assert_eq!((header.length, header.decoder_length), expected, "{from}/{name}");
        }
    }
}

#[test]
fn a_sidecar_file_with_other_decoder_vectors_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let source = fixtures("peft_decoder_exports/all");
    for name in ["adapter_config.json", "adapter_model.safetensors", "mtpt_tasks.json"] {
        fs::copy(source.join(name), folder.path().join(name)).unwrap();
    }
    let path = folder.path().join("mtpt_tasks.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"decoder_length\": 4", "\"decoder_length\": 3")).unwrap();
    let failure = Prompts::read(folder.path(), &Device::flex()).unwrap_err();
    assert!(matches!(failure, Error::Format(FormatError::Sidecar { .. })));
    let expected = "specifies number of decoder vectors 3, but the tensors next to it have 4";
    assert!(failure.to_string().contains(expected), "{failure}");
}
