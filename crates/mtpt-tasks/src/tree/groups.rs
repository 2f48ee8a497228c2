use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use crate::error::{Error, Result};
use crate::task::id::TaskId;
use crate::tree::error::TreeError;

/// The table `[groups]` of a file of tasks: what each group lists, tasks or other groups, with the
/// places in the text.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Groups(BTreeMap<String, Spanned<Vec<Spanned<String>>>>);

/// A problem and the byte of the text where it stands.
type Problem = (usize, Error);

impl Groups {
    /// The path of each task: the groups above it and its name.
    pub(crate) fn paths(&self, tasks: &[&str]) -> Result<Vec<TaskId>, Problem> {
        let parents = self.parents(tasks)?;
        self.check_cycles(&parents)?;
        tasks
            .iter()
            .map(|&task| {
                let mut path = vec![task];
                while let Some(&parent) = path.last().and_then(|&node| parents.get(node)) {
                    path.push(parent);
                }
                path.reverse();
                // A task that is too deep is told at the task that is listed.
                TaskId::new(&path.join("/")).map_err(|error| (self.byte_of(task), error.into()))
            })
            .collect()
    }

    /// The group that lists each task and group, where one does. Problems are found in the order of
    /// the file.
    fn parents<'a>(&'a self, tasks: &[&str]) -> Result<BTreeMap<&'a str, &'a str>, Problem> {
        let mut parents = BTreeMap::new();
        for (group, children) in self.in_order() {
            let at = children.span().start;
            if !TaskId::new(group).is_ok_and(|name| name.segments().count() == 1) {
                return Err((at, TreeError::GroupName { name: group.to_owned() }.into()));
            }
            if tasks.contains(&group) {
                return Err((at, TreeError::GroupIsTask { name: group.to_owned() }.into()));
            }
            if children.get_ref().is_empty() {
                return Err((at, TreeError::EmptyGroup { group: group.to_owned() }.into()));
            }
            for child in children.get_ref() {
                let (at, child) = (child.span().start, child.get_ref().as_str());
                let is_group = self.0.contains_key(child);
                if !is_group && !tasks.contains(&child) {
                    let known = tasks.iter().copied().chain(self.0.keys().map(String::as_str));
                    let known = known.map(str::to_owned).collect();
                    let (group, child) = (group.to_owned(), child.to_owned());
                    return Err((at, TreeError::UnknownChild { group, child, known }.into()));
                }
                if let Some(first) = parents.insert(child, group) {
                    let [child, first, second] = [child, first, group].map(str::to_owned);
                    return Err((at, TreeError::TwoGroups { child, first, second }.into()));
                }
            }
        }
        Ok(parents)
    }

    /// Every node has one parent at most, so that a way up that does not end comes back to where it
    /// began, or to a cycle that another way up is on.
    fn check_cycles(&self, parents: &BTreeMap<&str, &str>) -> Result<(), Problem> {
        for (start, children) in self.in_order() {
            let mut line = vec![start];
            while let Some(&parent) = parents.get(line[line.len() - 1]) {
                line.push(parent);
                if parent == start {
                    line.reverse();
                    let cycle = line.into_iter().map(str::to_owned).collect();
                    return Err((children.span().start, TreeError::GroupCycle { cycle }.into()));
                }
                if line.len() > self.0.len() {
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
        children.find(|child| child.get_ref() == task).map_or(0, |child| child.span().start)
    }
}
