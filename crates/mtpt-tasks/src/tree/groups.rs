use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;
use toml::Spanned;

use crate::error::{Error, Result};
use crate::task::find::find_task;
use crate::task::id::TaskId;
use crate::tree::error::TreeError;

/// The table `[groups]` of a task file: the tasks or other groups in each group, with their byte
/// offsets in the text.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Groups(BTreeMap<String, Spanned<Vec<Spanned<String>>>>);

/// An error and its byte offset in the text.
type Problem = (usize, Error);

impl Groups {
    /// Returns the path of each task: its groups and its name.
    pub(crate) fn paths(&self, tasks: &[&TaskId]) -> Result<Vec<TaskId>, Problem> {
        let parents = self.parents(tasks)?;
        self.check_cycles(&parents)?;
        tasks
            .iter()
            .map(|&task| {
                let mut path = vec![task.as_str()];
                while let Some(&parent) = path.last().and_then(|&node| parents.get(node)) {
                    path.push(parent);
                }
                path.reverse();
                // An error for a path that is too long is located at the task.
                TaskId::new(&path.join("/"))
                    .map_err(|error| (self.byte_of(task.as_str()), error.into()))
            })
            .collect()
    }

    /// Returns the group of each task and group that is listed in one. The first error in the order
    /// of the file is returned.
    fn parents<'a>(&'a self, tasks: &[&'a TaskId]) -> Result<BTreeMap<&'a str, &'a str>, Problem> {
        let mut parents = BTreeMap::new();
        let names: HashSet<&str> = tasks.iter().map(|task| task.as_str()).collect();
        for (group, children) in self.in_order() {
            let at = children.span().start;
            if !TaskId::new(group).is_ok_and(|name| name.segments().count() == 1) {
                return Err((at, TreeError::GroupName { name: group.to_owned() }.into()));
            }
            if names.contains(group) {
                return Err((at, TreeError::GroupIsTask { name: group.to_owned() }.into()));
            }
            if children.get_ref().is_empty() {
                return Err((at, TreeError::EmptyGroup { group: group.to_owned() }.into()));
            }
            for child in children.get_ref() {
                let (at, child) = (child.span().start, child.get_ref().as_str());
                let group_or_task = if self.0.contains_key(child) || names.contains(child) {
                    Some(child)
                } else {
                    find_task(child, tasks.iter().copied()).ok().map(|task| tasks[task].as_str())
                };
                let Some(child) = group_or_task else {
                    let known = tasks
                        .iter()
                        .map(|task| task.as_str())
                        .chain(self.0.keys().map(String::as_str));
                    let known = known.map(str::to_owned).collect();
                    let (group, child) = (group.to_owned(), child.to_owned());
                    return Err((at, TreeError::UnknownChild { group, child, known }.into()));
                };
                if let Some(first) = parents.insert(child, group) {
                    let [child, first, second] = [child, first, group].map(str::to_owned);
                    return Err((at, TreeError::TwoGroups { child, first, second }.into()));
                }
            }
        }
        Ok(parents)
    }

    /// Checks that no group contains itself.
    ///
    /// Every node has at most one parent, so the walk towards the root from a group on a cycle
    /// returns to the group. A walk that enters another cycle is stopped: this cycle is found from
    /// its own groups.
    fn check_cycles(&self, parents: &BTreeMap<&str, &str>) -> Result<(), Problem> {
        for (start, children) in self.in_order() {
            let mut walk = vec![start];
            while let Some(&parent) = parents.get(walk[walk.len() - 1]) {
                walk.push(parent);
                if parent == start {
                    walk.reverse();
                    let cycle = walk.into_iter().map(str::to_owned).collect();
                    return Err((children.span().start, TreeError::GroupCycle { cycle }.into()));
                }
                if walk.len() > self.0.len() {
                    break;
                }
            }
        }
        Ok(())
    }

    fn in_order(&self) -> Vec<(&str, &Spanned<Vec<Spanned<String>>>)> {
        let groups = self.0.iter().map(|(group, children)| (group.as_str(), children));
        let mut groups: Vec<_> = groups.collect();
        groups.sort_by_key(|(_, children)| children.span().start);
        groups
    }

    fn byte_of(&self, task: &str) -> usize {
        let mut children = self.0.values().flat_map(Spanned::get_ref);
        children
            .find(|child| task.ends_with(child.get_ref().as_str()))
            .map_or(0, |child| child.span().start)
    }
}
