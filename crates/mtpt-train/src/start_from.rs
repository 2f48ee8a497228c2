use std::path::Path;

use burn::tensor::Device;
use mtpt_compose::{Composition, CompositionConfig};
use mtpt_core::PromptFile;
use mtpt_tasks::TaskTree;

use crate::{Error, Prompts, Result, RunConfig};

/// A composition whose shared parts, and whose parts of tasks and groups that have the same name there, have the values of
/// trained prompts; the others are left as they are.
///
/// A new task below a trained group so begins at what the group knows.
pub(crate) fn start_from(
    path: &Path,
    config: &RunConfig,
    tree: &TaskTree,
    composition: Composition,
    device: &Device,
) -> Result<Composition> {
    let trained = Prompts::read(path, &device.clone().without_autodiff())?;
    let refused = |reason: String| Error::StartFrom { path: path.to_owned(), reason };
    let header = trained.header();
    if header.composition != config.composition {
        let [expected, found] = [&config.composition, &header.composition].map(as_text);
        return Err(refused(format!("expected the composition {expected}, found {found}")));
    }
    if header.length != config.prompt.length {
        let (expected, found) = (config.prompt.length, header.length);
        return Err(refused(format!("expected prompts of length {expected}, found {found}")));
    }
    let trained_tree = TaskTree::new(header.tasks.iter().map(|task| &task.name))?;
    let known = PromptFile::from_module(trained.composition(), String::new());
    let mut tensors = PromptFile::from_module(&composition, String::new()).tensors().clone();
    let mut taken = 0;
    for (name, values) in &mut tensors {
        let of_trained = match Owner::of(name, tree) {
            None => name.clone(),
            Some(owner) => match owner.name_in(&trained_tree, name) {
                Some(name) => name,
                // What is frozen and not known would stay as chance has it.
                None if config.prompt.frozen_levels.contains(&owner.level) => {
                    return Err(refused(format!(
                        "level {} is frozen, but these prompts have nothing for `{}` there",
                        owner.level, owner.path
                    )));
                }
                None => continue,
            },
        };
        let Some(found) = known.tensors().get(&of_trained) else { continue };
        if found.shape() != values.shape() {
            let [expected, found] = [values, found].map(|values| values.shape().to_vec());
            return Err(refused(format!(
                "tensor `{of_trained}`: expected shape {expected:?}, found {found:?}"
            )));
        }
        *values = found.clone();
        taken += 1;
    }
    if taken == 0 {
        let names: Vec<String> =
            header.tasks.iter().map(|task| format!("`{}`", task.name)).collect();
        return Err(refused(format!(
            "nothing of it is of use here: it shares nothing between tasks, and its own are {}",
            names.join(", ")
        )));
    }
    Ok(PromptFile::from_tensors(tensors, String::new()).apply(composition)?)
}

fn as_text(composition: &CompositionConfig) -> String {
    serde_json::to_string(composition).unwrap_or_else(|_| composition.name().to_owned())
}

/// The task or group that owns a parameter, which names of parameters tell by a number that differs from tree to tree.
struct Owner<'a> {
    path: &'a str,
    /// As `frozen_levels` counts it.
    level: usize,
    is_node: bool,
}

impl<'a> Owner<'a> {
    /// None for a parameter that all tasks share.
    fn of(name: &str, tree: &'a TaskTree) -> Option<Self> {
        let mut segments = name.split('.');
        let (list, number) = (segments.next()?, segments.next()?.parse::<usize>());
        match (list, number) {
            ("tasks", Ok(task)) => {
                let path = tree.node(tree.node_of_task(task)).path();
                Some(Self { path, level: 1, is_node: false })
            }
            ("nodes", Ok(node)) => {
                let node = tree.nodes().nth(node)?;
                Some(Self { path: node.path(), level: node.depth(), is_node: true })
            }
            _ => None,
        }
    }

    /// The name that the parameter has among the parameters of prompts for another tree; none where its owner is not there.
    fn name_in(&self, other: &TaskTree, name: &str) -> Option<String> {
        let found = other.find(self.path)?;
        let number = if self.is_node { found.position() } else { other.node(found).task()? };
        let mut segments: Vec<String> = name.split('.').map(str::to_owned).collect();
        segments[1] = number.to_string();
        Some(segments.join("."))
    }
}
