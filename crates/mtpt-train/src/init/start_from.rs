use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{Device, TensorData};
use mtpt_compose::{Composition, CompositionConfig};
use mtpt_core::{load_parameters, named_parameters};
use mtpt_tasks::{NodeIndex, TaskTree};
use serde::Serialize;
use toml::Table;
use toml::ser::ValueSerializer;

use crate::config::run::RunConfig;
use crate::config::task_parts::TaskParts;
use crate::error::{Error, Result};
use crate::init::error::InitError;
use mtpt_infer::{PromptHeader, Prompts};
use mtpt_io::layout::f32_values;

/// Initializes a composition from trained prompts: shared parameters and those of groups of the
/// same name from their values, task-specific parameters as [`TaskParts`] specifies. Other
/// parameters are unchanged.
///
/// A new task in a trained group thereby starts from the group's values.
pub(crate) fn start_from(
    path: &Path,
    config: &RunConfig,
    tree: &TaskTree,
    composition: Composition,
    device: &Device,
) -> Result<Composition> {
    let trained = Prompts::read(path, &device.clone().without_autodiff())?;
    let refused = |reason| Error::from(InitError::StartFrom { path: path.to_owned(), reason });
    let header = trained.header();
    check_header(header, config).map_err(refused)?;
    let trained_tree = TaskTree::new(header.tasks.iter().map(|task| &task.name))?;
    let known = trained.tensors();
    let mut tensors = named_parameters(&composition);
    let mut taken = 0;
    let source = Source { tree: &trained_tree, tensors: &known };
    let chosen = match &config.prompt.task_parts {
        TaskParts::Task(task) => {
            let task = trained.find(task).map_err(|error| refused(error.to_string()))?;
            Some(trained_tree.node_of_task(task.position()))
        }
        _ => None,
    };
    for (name, values) in &mut tensors {
        let found = match Owner::of(name, tree) {
            None => source.tensors.get(name).cloned(),
            Some(owner) => {
                let of_its_name = source.named(owner.path);
                let found = match (&config.prompt.task_parts, owner.is_task) {
                    (TaskParts::SameName, _) | (TaskParts::Fresh, false) => {
                        of_its_name.and_then(|node| source.part(node, name))
                    }
                    (TaskParts::Fresh, true) => None,
                    (TaskParts::Average, true) => source.mean(&owner, name, values),
                    (TaskParts::Average, false) => of_its_name
                        .and_then(|node| source.part(node, name))
                        .or_else(|| source.mean(&owner, name, values)),
                    (TaskParts::Task(_), true) => chosen.and_then(|node| source.part(node, name)),
                    (TaskParts::Task(_), false) => of_its_name
                        .or_else(|| chosen.and_then(|node| source.above(node, owner.level)))
                        .and_then(|node| source.part(node, name)),
                };
                // A frozen part without trained values would keep its random initial values.
                if found.is_none() && config.prompt.frozen_levels.contains(&owner.level) {
                    return Err(refused(format!(
                        "level {} is frozen, but these prompts have no values for `{}` there",
                        owner.level, owner.path
                    )));
                }
                found
            }
        };
        let Some(found) = found else { continue };
        if found.shape() != values.shape() {
            let [expected, found] = [&*values, &found].map(|values| values.shape().to_vec());
            return Err(refused(format!(
                "tensor `{name}`: expected shape {expected:?}, found {found:?}"
            )));
        }
        *values = found;
        taken += 1;
    }
    if taken == 0 {
        return Err(refused(nothing_usable(path, header, config, tree)));
    }
    Ok(load_parameters(composition, tensors)?)
}

/// Checks that a run can start from the prompts that its configuration names, as far as their
/// header tells. A run without them passes.
///
/// # Errors
///
/// [`InitError::StartFrom`](crate::InitError::StartFrom), and when the prompts can't be read.
pub fn check_start_from(config: &RunConfig, device: &Device) -> Result<()> {
    let Some(path) = &config.prompt.start_from else { return Ok(()) };
    let trained = Prompts::read(path, device)?;
    check_header(trained.header(), config)
        .map_err(|reason| InitError::StartFrom { path: path.clone(), reason }.into())
}

/// Returns the first setting that differs from that of the prompts, and how to change it.
fn check_header(header: &PromptHeader, config: &RunConfig) -> Result<(), String> {
    if header.composition != config.composition {
        let [expected, found] = [&config.composition, &header.composition].map(as_toml);
        return Err(format!(
            "expected the composition {expected}, found {found}; to start from these prompts, set \
             `composition = {found}`"
        ));
    }
    let prompt = &config.prompt;
    if header.length != prompt.length {
        return Err(format!(
            "expected prompts of length {}, found {found}; set `prompt.length = {found}`",
            prompt.length,
            found = header.length
        ));
    }
    if header.decoder_length != prompt.decoder_length {
        return Err(format!(
            "expected prompts with `decoder_length` {}, found {found}; set \
             `prompt.decoder_length = {found}`",
            prompt.decoder_length,
            found = header.decoder_length
        ));
    }
    Ok(())
}

/// Describes prompts of which no part would be used, and what to do.
fn nothing_usable(
    path: &Path,
    header: &PromptHeader,
    config: &RunConfig,
    tree: &TaskTree,
) -> String {
    let names: Vec<String> = header.tasks.iter().map(|task| format!("`{}`", task.name)).collect();
    let mut text = format!(
        "nothing in it can be used here: it has no shared parameters, and its tasks are {}",
        names.join(", ")
    );
    if config.prompt.task_parts != TaskParts::SameName {
        return text;
    }
    text += &match &header.tasks[..] {
        [task] => format!("; set `prompt.task_parts = {{ task = \"{}\" }}`", task.name),
        _ => "; set `prompt.task_parts = { task = \"NAME\" }` for one of them, or `\"average\"`"
            .to_owned(),
    };
    let mut tasks: Vec<(usize, &str)> =
        tree.nodes().filter_map(|node| Some((node.task()?, node.path()))).collect();
    tasks.sort_unstable();
    if tasks.len() == header.tasks.len() {
        let options: Vec<String> =
            tasks.iter().map(|(_, name)| format!(" --task {name}")).collect();
        text += &format!(
            ", or rename them with `mtpt import {}{} --output FILE`",
            path.display(),
            options.concat()
        );
    }
    text
}

/// Returns a composition as the inline table of a configuration, or as its name.
fn as_toml(composition: &CompositionConfig) -> String {
    let has_options = Table::try_from(composition).is_ok_and(|table| table.len() > 1);
    let mut text = String::new();
    let is_written = has_options && composition.serialize(ValueSerializer::new(&mut text)).is_ok();
    if is_written { text } else { format!("\"{}\"", composition.name()) }
}

/// The task or group of a parameter. Parameter names contain its position, which differs between
/// trees.
struct Owner<'a> {
    path: &'a str,
    /// Level, as in `frozen_levels`.
    level: usize,
    is_task: bool,
}

impl<'a> Owner<'a> {
    /// Returns the owner of a parameter, or none if all tasks share it.
    fn of(name: &str, tree: &'a TaskTree) -> Option<Self> {
        let mut segments = name.split('.');
        let (list, number) = (segments.next()?, segments.next()?.parse::<usize>());
        match (list, number) {
            ("tasks", Ok(task)) => {
                let path = tree.node(tree.node_of_task(task)).path();
                Some(Self { path, level: 1, is_task: true })
            }
            ("nodes", Ok(node)) => {
                let node = tree.nodes().nth(node)?;
                let is_task = node.task().is_some();
                Some(Self { path: node.path(), level: node.depth(), is_task })
            }
            _ => None,
        }
    }
}

/// Parameters of trained prompts, by the nodes of their tree.
struct Source<'a> {
    tree: &'a TaskTree,
    tensors: &'a BTreeMap<String, TensorData>,
}

impl Source<'_> {
    fn named(&self, path: &str) -> Option<NodeIndex> {
        self.tree.find(path)
    }

    /// Returns the parameter of a node that corresponds to that of another node.
    fn part(&self, node: NodeIndex, name: &str) -> Option<TensorData> {
        let mut segments: Vec<String> = name.split('.').map(str::to_owned).collect();
        let number = match segments[0].as_str() {
            "tasks" => self.tree.node(node).task()?,
            _ => node.position(),
        };
        segments[1] = number.to_string();
        self.tensors.get(&segments.join(".")).cloned()
    }

    /// Returns the ancestor of a task at a level.
    fn above(&self, node: NodeIndex, level: usize) -> Option<NodeIndex> {
        let line = self.tree.path_to_task(self.tree.node(node).task()?);
        line.into_iter().find(|&node| self.tree.node(node).depth() == level)
    }

    /// Returns the mean of the corresponding parameters of all tasks, or groups, of the same level.
    fn mean(&self, owner: &Owner<'_>, name: &str, like: &TensorData) -> Option<TensorData> {
        let flat = name.starts_with("tasks.");
        let alike = self.tree.nodes().filter(|node| {
            node.task().is_some() == owner.is_task && (flat || node.depth() == owner.level)
        });
        let parts = alike.filter_map(|node| self.part(node.index(), name));
        let parts: Vec<TensorData> = parts.filter(|part| part.shape() == like.shape()).collect();
        if parts.is_empty() {
            return None;
        }
        let mut sums = vec![0.0_f64; f32_values(like).len()];
        for part in &parts {
            let values = f32_values(part).iter();
            sums.iter_mut().zip(values).for_each(|(sum, &value)| *sum += f64::from(value));
        }
        let count = parts.len() as f64;
        let values: Vec<f32> = sums.into_iter().map(|sum| (sum / count) as f32).collect();
        Some(TensorData::new(values, like.shape().to_vec()))
    }
}
