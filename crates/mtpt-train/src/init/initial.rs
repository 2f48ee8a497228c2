use std::path::Path;

use burn::tensor::Device;
use mtpt_compose::{Composition, InitContext, PartId};
use mtpt_core::{Backbone, Initializer, TaskIndex};
use mtpt_io::check_finite;
use mtpt_tasks::{NodeIndex, Task, TaskTree, Tokenize};

use crate::config::error::ConfigError;
use crate::config::prompt::{InitializerConfig, PromptConfig};
use crate::config::run::RunConfig;
use crate::error::{Error, Result};
use crate::init::error::InitError;
use crate::init::levels::name_levels;
use crate::init::prompt_values::PromptValues;
use crate::init::start_from::start_from;
use mtpt_infer::composed_tree;
use mtpt_infer::{Candidates, Prompts};
use mtpt_io::layout::f32_values;

/// Creates the composition of a run before its first step. To train it, the device must have
/// autodiff.
///
/// The same configuration, tasks and seed yield the same tokens and values on every device. A
/// hierarchy follows the tree given by the tasks' names.
///
/// # Errors
///
/// When the composition's options do not fit the prompt or the tree of tasks, a label word cannot
/// be tokenized or has the same tokens as another ([`mtpt_infer::Error::SameTokens`]), a file of
/// initial values cannot be used ([`InitError::Values`](crate::InitError::Values)), or trained
/// prompts cannot be started from ([`InitError::StartFrom`](crate::InitError::StartFrom)).
pub fn initial_composition<B: Backbone>(
    config: &RunConfig,
    tasks: &[Task],
    backbone: &B,
    tokenizer: &impl Tokenize,
    device: &Device,
) -> Result<Composition> {
    let PromptConfig { length, decoder_length, .. } = config.prompt;
    let shared_length = config.prompt.shared_length();
    config.composition.check(shared_length, backbone.d_model())?;
    let values = PromptValues { length, decoder_length, backbone };
    if config.prompt.components.len() > config.composition.component_count() {
        return Err(ConfigError::OutOfRange {
            option: "prompt.components",
            expected: "a list of no more prompts than the composition has components",
            found: config.prompt.components.len() as f64,
        }
        .into());
    }
    let labels = tasks
        .iter()
        .map(|task| {
            // Names of fields are not words of the examples.
            let fields = task.labels().choice_fields().is_some();
            let words = if fields { &[] } else { task.labels().words() };
            let words = Candidates::new(task.id(), words, tokenizer)?;
            Ok(words.ids().iter().map(|ids| without_end(ids, backbone)).collect())
        })
        .collect::<Result<Vec<Vec<Vec<u32>>>>>()?;
    let tree = TaskTree::new(tasks.iter().map(Task::id))?;
    let of_tasks_below = |kind, node| {
        let below = tree.tasks_below(node).iter();
        let labels = below.flat_map(|&task| labels[task].iter().cloned()).collect();
        initializer(kind, labels, &values, tokenizer)
    };
    let kind = &config.prompt.initializer;
    let shared = of_tasks_below(kind, NodeIndex::ROOT)?;
    // Only label words differ between nodes; other initializers are the same for all parts.
    let nodes = match kind {
        InitializerConfig::ClassLabels { .. } => tree
            .nodes()
            .map(|node| of_tasks_below(kind, node.index()))
            .collect::<Result<Vec<_>>>()?,
        _ => Vec::new(),
    };
    let of_node = |node: usize| nodes.get(node).unwrap_or(&shared);
    let components = config
        .prompt
        .components
        .iter()
        .map(|kind| of_tasks_below(kind, NodeIndex::ROOT))
        .collect::<Result<Vec<_>>>()?;
    let start = InitContext {
        shared: values.init(&shared, shared_length, config.seed)?,
        tree: composed_tree(&tree)?,
        part: &|part, length| {
            // Each part has its own seed, so that random initial values differ.
            let (initializer, offset) = match part {
                PartId::Task(task) => {
                    let node = tree.node_of_task(task.position());
                    (of_node(node.position()), 1 + task.position() as u64)
                }
                PartId::Node(node) => (of_node(node), (1 << 32) + node as u64),
                PartId::Component(component) => {
                    let given = components.get(component).unwrap_or(&shared);
                    (given, (2 << 32) + component as u64)
                }
            };
            values.init(initializer, length, config.seed.wrapping_add(offset))
        },
        seed: config.seed,
        device: device.clone(),
    };
    let mut composition = config.composition.init(&start).map_err(|error| match error {
        mtpt_compose::Error::UnevenLengths { tasks: [first, second], lengths } => {
            let name = |task: TaskIndex| tasks[task.position()].id().clone();
            Error::from(InitError::UnevenLengths { tasks: [name(first), name(second)], lengths })
        }
        other => name_levels(other, &tree),
    })?;
    composition = composition.with_decoder_vectors(length..shared_length);
    if let Some(path) = &config.prompt.start_from {
        composition = start_from(path, config, &tree, composition, device)?;
    }
    Ok(composition.freeze_levels(&config.prompt.frozen_levels)?)
}

/// Removes the end-of-sequence token, which would mark the end of the input within a prompt.
fn without_end<B: Backbone>(ids: &[u32], backbone: &B) -> Vec<u32> {
    match ids {
        [ids @ .., last] if backbone.is_end_token(*last) => ids.to_vec(),
        _ => ids.to_vec(),
    }
}

fn initializer<B: Backbone>(
    config: &InitializerConfig,
    labels: Vec<Vec<u32>>,
    values: &PromptValues<'_, B>,
    tokenizer: &impl Tokenize,
) -> Result<Initializer> {
    Ok(match config {
        InitializerConfig::RandomUniform { range } => Initializer::RandomUniform { range: *range },
        InitializerConfig::SampledVocabulary { population } => {
            Initializer::SampledVocabulary { population: *population }
        }
        InitializerConfig::Text { text } => {
            let ids = tokenizer.tokenize(text).map_err(|source| mtpt_infer::Error::Tokenize {
                what: "the text of the initial prompt".into(),
                source,
            })?;
            Initializer::Text { ids: without_end(&ids, values.backbone) }
        }
        InitializerConfig::ClassLabels { population } => {
            Initializer::ClassLabels { labels, population: *population }
        }
        InitializerConfig::File { path, tensor } => read_values(path, tensor.as_deref())?,
        InitializerConfig::Prompts { path, task } => {
            read_prompt(path, task.as_deref(), values.decoder_length)?
        }
    })
}

/// Reads the composed prompt of one task.
fn read_prompt(path: &Path, task: Option<&str>, decoder_length: usize) -> Result<Initializer> {
    let prompts = Prompts::read(path, &Device::default().without_autodiff())?;
    let found = prompts.header().decoder_length;
    if found != decoder_length {
        let message = format!(
            "expected a prompt with `decoder_length` {decoder_length}, found {found}; set \
             `prompt.decoder_length = {found}`"
        );
        return Err(InitError::Values { path: path.to_owned(), message }.into());
    }
    let task = match (task, prompts.tasks()) {
        (Some(task), _) => prompts.find(task)?,
        (None, [_]) => TaskIndex::new(0),
        (None, tasks) => {
            let names: Vec<String> = tasks.iter().map(|task| format!("`{}`", task.name)).collect();
            let message = format!("expected `task` to name one of: {}", names.join(", "));
            return Err(InitError::Values { path: path.to_owned(), message }.into());
        }
    };
    let composed = prompts.composition().plain_prompt(task)?;
    let [_, d_model] = composed.dims();
    Ok(Initializer::Values { values: f32_values(&composed.into_data()).to_vec(), d_model })
}

/// Reads the values of a prompt from a file of tensors.
fn read_values(path: &Path, tensor: Option<&str>) -> Result<Initializer> {
    let refused = |message| Error::from(InitError::Values { path: path.to_owned(), message });
    let source = mtpt_io::open(path)?;
    let names: Vec<&str> = source.names().collect();
    let name = match (tensor, names.as_slice()) {
        (Some(tensor), [""]) => {
            return Err(refused(format!(
                "a `.npy` file has one array without a name: omit `tensor = \"{tensor}\"`"
            )));
        }
        (Some(name), _) => name,
        (None, [name]) => name,
        (None, _) => {
            let names = names.join(", ");
            return Err(refused(format!("expected `tensor` to name one of: {names}")));
        }
    };
    let data = source.read(name)?;
    let shape = &data.shape()[..];
    let &[_, d_model] = shape else {
        return Err(refused(format!(
            "expected a prompt `[length, d_model]`, found shape {shape:?}"
        )));
    };
    check_finite(&data, path, Some(name))?;
    Ok(Initializer::Values { values: f32_values(&data).to_vec(), d_model })
}
