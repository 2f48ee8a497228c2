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
    for (name, values) in &mut tensors {
        let of_trained = name_in(&trained_tree, tree, name);
        let Some((name, found)) = of_trained.and_then(|name| known.tensors().get_key_value(&name))
        else {
            continue;
        };
        if found.shape() != values.shape() {
            let [expected, found] = [values, found].map(|values| values.shape().to_vec());
            return Err(refused(format!(
                "tensor `{name}`: expected shape {expected:?}, found {found:?}"
            )));
        }
        *values = found.clone();
    }
    Ok(PromptFile::from_tensors(tensors, String::new()).apply(composition)?)
}

fn as_text(composition: &CompositionConfig) -> String {
    serde_json::to_string(composition).unwrap_or_else(|_| composition.name().to_owned())
}

/// The name that a parameter has among the parameters of prompts for another tree: those of tasks and of nodes have their
/// numbers, which differ from tree to tree; none where the task or group is not there.
fn name_in(other: &TaskTree, tree: &TaskTree, name: &str) -> Option<String> {
    let mut segments: Vec<String> = name.split('.').map(str::to_owned).collect();
    let number = segments.get(1).and_then(|number| number.parse::<usize>().ok());
    let translated = match (segments[0].as_str(), number) {
        ("tasks", Some(task)) => {
            let found = other.find(tree.node(tree.node_of_task(task)).path())?;
            other.node(found).task()?
        }
        ("nodes", Some(node)) => other.find(tree.nodes().nth(node)?.path())?.position(),
        _ => return Some(name.to_owned()),
    };
    segments[1] = translated.to_string();
    Some(segments.join("."))
}
