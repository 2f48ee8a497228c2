use crate::names::did_you_mean_one_of;
use crate::task::id::TaskId;

/// Task names or groups that do not form a tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// Two tasks have the same name.
    #[error("duplicate task name `{task}`{}", first_defined(.first_line))]
    DuplicateTask {
        /// The name.
        task: TaskId,
        /// The line of the first task, counted from 1, if known.
        first_line: Option<usize>,
    },
    /// A name is both a task and a group of another task.
    #[error("`{task}` is a task, so it cannot also be the group of `{member}`; rename one of them")]
    TaskIsGroup {
        /// The task.
        task: TaskId,
        /// The task in the group of the same name.
        member: TaskId,
    },
    /// A group name is invalid.
    #[error("`groups`: expected a group name of `a-z`, `0-9`, `_` and `-`, found `{name}`")]
    GroupName {
        /// The name.
        name: String,
    },
    /// A name is both a task and an entry of `[groups]`.
    #[error("`groups`: `{name}` is both a task and a group; rename one of them")]
    GroupIsTask {
        /// The name.
        name: String,
    },
    /// A group has no members.
    #[error("`groups`: expected `{group}` to list at least one task or group, found none")]
    EmptyGroup {
        /// The group.
        group: String,
    },
    /// A group lists an unknown name.
    #[error(
        "`groups`: `{group}` lists `{child}`, which is neither a task nor a group{}",
        did_you_mean_one_of(.child, .known)
    )]
    UnknownChild {
        /// The group.
        group: String,
        /// The unknown name.
        child: String,
        /// The known tasks and groups.
        known: Vec<String>,
    },
    /// A task or group is listed twice.
    #[error(
        "`groups`: expected `{child}` to be listed once, found it in {}",
        if .first == .second { format!("`{}` twice", .first) }
        else { format!("`{}` and `{}`", .first, .second) }
    )]
    TwoGroups {
        /// The task or group.
        child: String,
        /// The group that lists it first.
        first: String,
        /// The group that lists it again.
        second: String,
    },
    /// A group contains itself.
    #[error("`groups`: a group cannot contain itself: {}", .cycle.join(" -> "))]
    GroupCycle {
        /// The groups from outside to inside; the last is the first again.
        cycle: Vec<String>,
    },
}

fn first_defined(line: &Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!(", first defined on line {line}"))
}
