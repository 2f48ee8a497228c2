use std::path::Path;

use mtpt::compose::{Composition, CompositionConfig, InstanceAttention, MixtureWeights};
use mtpt::core::Backbone;
use mtpt::infer::{DeviceBatch, Prompts};
use mtpt::t5::{T5, T5Tokenizer};
use mtpt::tasks::{Split, Task, TaskTree, TokenizedExample, read_toml, truncate};

use crate::error::Result;
use crate::prompted_model::unlabeled;

/// The weights by which prompts are mixed.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Mixtures {
    /// For each task or group: its name, the weight of the parent's prompt, and the weight of its
    /// own.
    pub(crate) parent_and_own: Vec<(String, f64, f64)>,
    /// For each task or group: its name, and the weights of the components for each attention head.
    pub(crate) heads: Vec<(String, Vec<Vec<f64>>)>,
    /// For each task: its name, the weights of the components averaged over inputs, and the number
    /// of inputs.
    pub(crate) by_input: Vec<(String, Vec<f64>, usize)>,
    /// Whether the last weight of `by_input` belongs to the task's own prompt.
    pub(crate) attends_own: bool,
    /// Names of the components that are initialized from files.
    pub(crate) components: Vec<Option<String>>,
}

/// Maximum number of inputs per task to average over.
const MAX_INPUTS: usize = 64;

impl Mixtures {
    /// Returns the weights that are parameters of the prompts.
    pub(crate) fn new(prompts: &Prompts) -> Result<Self> {
        let tasks = prompts.tasks();
        // Without a tree, the nodes are a root and the tasks.
        let names: Vec<String> = match prompts.header().composition {
            CompositionConfig::Hierarchy(_) => {
                let tree = TaskTree::new(tasks.iter().map(|task| &task.name))?;
                tree.nodes().map(|node| node.path().to_owned()).collect()
            }
            _ => [String::new()]
                .into_iter()
                .chain(tasks.iter().map(|task| task.name.to_string()))
                .collect(),
        };
        let mut mixtures = Self::default();
        for found in prompts.composition().mixture_weights() {
            let name = match names.get(found.node).map(String::as_str) {
                Some("") | None => "(all tasks)".to_owned(),
                Some(name) => name.to_owned(),
            };
            match found.weights {
                MixtureWeights::ParentAndPart { parent, part } => {
                    mixtures.parent_and_own.push((name, parent, part))
                }
                MixtureWeights::Heads(heads) => mixtures.heads.push((name, heads)),
                _ => {}
            }
        }
        Ok(mixtures)
    }

    /// Adds the weights that depend on inputs, averaged over the first rows of `dev`.
    pub(crate) fn with_inputs(
        mut self,
        prompts: &Prompts,
        t5: &T5,
        tokenizer: &T5Tokenizer,
        tasks: &[Task],
    ) -> Result<Self> {
        let Composition::InstanceAttention(attention) = prompts.composition() else {
            return Ok(self);
        };
        let max_length = prompts.header().max_lengths().input;
        for known in prompts.tasks() {
            let task = tasks.iter().find(|task| task.id() == &known.name);
            let Some(task) = task.filter(|task| task.has(Split::Dev)) else { continue };
            let position = prompts.find(known.name.as_str())?;
            let mut examples = Vec::new();
            for row in task.stream(Split::Dev)?.take(MAX_INPUTS) {
                let mut ids = tokenizer.encode(&row?.input)?;
                truncate(&mut ids, max_length);
                examples.push(unlabeled(position, ids));
            }
            if examples.is_empty() {
                continue;
            }
            let weights = mean_weights(attention, &examples, t5);
            self.attends_own = weights.len() > prompts.header().composition.component_count();
            self.by_input.push((task.id().to_string(), weights, examples.len()));
        }
        Ok(self)
    }
}

/// Returns the names of the components that a configuration initializes from files, such as the
/// prompts of source tasks.
pub(crate) fn component_names(config: &str) -> Vec<Option<String>> {
    let config: serde_json::Value = read_toml(config).unwrap_or_default();
    let components = config["prompt"]["components"].as_array().cloned().unwrap_or_default();
    components.iter().map(component_name).collect()
}

fn component_name(component: &serde_json::Value) -> Option<String> {
    if let Some(task) = component["task"].as_str() {
        return Some(task.to_owned());
    }
    let path = Path::new(component["path"].as_str()?);
    // The files of all runs have the same name, so that of the folder is more precise.
    let stem = path.file_stem()?.to_string_lossy();
    let folder = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy());
    Some(match folder {
        Some(folder) if stem == "prompts" => folder.into_owned(),
        _ => stem.into_owned(),
    })
}

/// Returns the weight of each component, averaged over inputs.
fn mean_weights(attention: &InstanceAttention, examples: &[TokenizedExample], t5: &T5) -> Vec<f64> {
    let batch = DeviceBatch::for_backbone(examples, t5);
    let embeddings = t5.embed(batch.input_ids);
    let weights = attention.component_weights(&batch.tasks, &embeddings, &batch.input_mask);
    weights.mean_dim(0).into_data().iter::<f32>().map(f64::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_named_after_their_files() {
        let config = r#"
            [prompt]
            components = [
              { kind = "file", path = "sst2.npy" },
              { kind = "file", path = "runs/qnli/prompts.safetensors" },
              { kind = "file", path = "runs/all/prompts.safetensors", task = "mood" },
              { kind = "random_uniform" },
            ]"#;
        let names = component_names(config);
        let names: Vec<Option<&str>> = names.iter().map(Option::as_deref).collect();
        assert_eq!(names, [Some("sst2"), Some("qnli"), Some("mood"), None]);
        assert_eq!(component_names("seed = 1"), []);
    }
}
