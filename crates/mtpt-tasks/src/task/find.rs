use crate::excerpt::excerpt;
use crate::names::nearest_name;
use crate::task::id::TaskId;

/// A name that identifies none of the tasks, or several.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskNameError {
    /// No task has the name.
    #[error("unknown task `{}`; available tasks: {}{}", excerpt(.found), quoted(.known), advice(.found, .known))]
    Unknown {
        /// The name.
        found: String,
        /// The available tasks.
        known: Vec<TaskId>,
    },
    /// Several tasks have the name as their last segments.
    #[error("`{}` is the end of several task names: {}; use a whole name", excerpt(.found), quoted(.candidates))]
    Ambiguous {
        /// The name.
        found: String,
        /// The tasks.
        candidates: Vec<TaskId>,
    },
}

/// Returns the position of the task with a name: the whole name, or its last segments if no other
/// task has them.
///
/// ```
/// use mtpt_tasks::{TaskId, task::find_task};
///
/// let tasks = ["sentence/trec", "sentence/subj"].map(|name| TaskId::new(name).unwrap());
/// assert_eq!(find_task("sentence/subj", &tasks)?, 1);
/// assert_eq!(find_task("trec", &tasks)?, 0);
/// let error = find_task("trek", &tasks).unwrap_err().to_string();
/// assert!(error.ends_with("did you mean `sentence/trec`?"));
/// # Ok::<(), mtpt_tasks::task::TaskNameError>(())
/// ```
///
/// # Errors
///
/// Returns [`TaskNameError`] if no task has the name, or several have it as their last segments.
pub fn find_task<'a>(
    name: &str,
    tasks: impl IntoIterator<Item = &'a TaskId>,
) -> Result<usize, TaskNameError> {
    let tasks: Vec<&TaskId> = tasks.into_iter().collect();
    if let Some(position) = tasks.iter().position(|task| task.as_str() == name) {
        return Ok(position);
    }
    let ends_so = |task: &TaskId| {
        task.as_str().strip_suffix(name).is_some_and(|before| before.ends_with('/'))
    };
    let found: Vec<usize> = (0..tasks.len()).filter(|&task| ends_so(tasks[task])).collect();
    if let [position] = found[..] {
        return Ok(position);
    }
    let (found, candidates): (_, Vec<TaskId>) =
        (name.to_owned(), found.into_iter().map(|task| tasks[task].clone()).collect());
    Err(if candidates.is_empty() {
        TaskNameError::Unknown { found, known: tasks.into_iter().cloned().collect() }
    } else {
        TaskNameError::Ambiguous { found, candidates }
    })
}

fn quoted(tasks: &[TaskId]) -> String {
    tasks.iter().map(|task| format!("`{task}`")).collect::<Vec<_>>().join(", ")
}

/// Names the tasks of the group with the name, or the task with a similar name.
fn advice(name: &str, known: &[TaskId]) -> String {
    let is_below = |task: &&TaskId| {
        let task = format!("/{task}");
        !name.is_empty() && task.contains(&format!("/{name}/"))
    };
    let below: Vec<TaskId> = known.iter().filter(is_below).cloned().collect();
    match below.len() {
        0 => nearest(name, known),
        1 => format!("; `{name}` is a group with the task {}", quoted(&below)),
        _ => format!("; `{name}` is a group with the tasks {}", quoted(&below)),
    }
}

/// Returns `; did you mean ...?` for the task whose name, or last segment, is most similar.
fn nearest(name: &str, known: &[TaskId]) -> String {
    let names = known.iter().flat_map(|task| [task.as_str(), task.leaf()]);
    let is_named =
        |nearest: &str, task: &TaskId| task.as_str() == nearest || task.leaf() == nearest;
    nearest_name(name, names)
        .and_then(|nearest| known.iter().find(|task| is_named(nearest, task)))
        .map_or_else(String::new, |task| format!("; did you mean `{task}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_names_and_unambiguous_ends_are_found() {
        let tasks = ["a/b/trec", "a/trec", "b/subj", "subj"].map(|name| TaskId::new(name).unwrap());
        let find = |name| find_task(name, &tasks).map_err(|error| error.to_string());
        assert_eq!(find("a/trec"), Ok(1));
        assert_eq!(find("b/trec"), Ok(0));
        // A whole name has precedence.
        assert_eq!(find("subj"), Ok(3));
        assert_eq!(
            find("trec").unwrap_err(),
            "`trec` is the end of several task names: `a/b/trec`, `a/trec`; use a whole name"
        );
        for part in ["rec", "", "/trec", "a"] {
            assert!(find(part).unwrap_err().starts_with("unknown task"), "{part}");
        }
        assert!(
            find("a")
                .unwrap_err()
                .ends_with("; `a` is a group with the tasks `a/b/trec`, `a/trec`")
        );
        assert!(find("a/b").unwrap_err().ends_with("; `a/b` is a group with the task `a/b/trec`"));
        assert!(find("c/subj").unwrap_err().ends_with("did you mean `b/subj`?"));
    }
}
