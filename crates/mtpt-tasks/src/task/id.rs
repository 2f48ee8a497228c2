use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::excerpt::excerpt;

/// Name of a task: a path of groups that ends in the task, such as `sst2` or `nlu/sentiment/sst2`.
///
/// Segments consist of `a-z`, `0-9`, `_` and `-`, so names need no escaping in file names, TOML
/// keys and metric prefixes. Clones share the text.
///
/// ```
/// use mtpt_tasks::TaskId;
///
/// let task: TaskId = "nlu/sentiment/sst2".parse()?;
/// assert_eq!(task.leaf(), "sst2");
/// assert_eq!(task.group().unwrap().as_str(), "nlu/sentiment");
/// # Ok::<(), mtpt_tasks::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaskId(Arc<str>);

impl TaskId {
    /// Maximum length of a name in characters. Names become parts of file names.
    pub const MAX_LENGTH: usize = 128;

    /// Parses a name.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidTaskId`] for an empty name or segment, an invalid character, or more than
    /// [`MAX_LENGTH`](Self::MAX_LENGTH) characters.
    pub fn new(name: &str) -> Result<Self, InvalidTaskId> {
        let segment = |segment: &str| {
            !segment.is_empty()
                && segment
                    .bytes()
                    .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
        };
        if name.len() <= Self::MAX_LENGTH && name.split('/').all(segment) {
            Ok(Self(name.into()))
        } else {
            Err(InvalidTaskId { name: name.to_owned() })
        }
    }

    /// Creates a name from a valid text of this crate.
    pub(crate) fn from_static(name: &'static str) -> Self {
        Self(name.into())
    }

    /// Returns the whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the segments: the outermost group first, the task last.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// Returns the path of the first `count` segments, at least 1; all of them if there are fewer.
    pub(crate) fn first_segments(&self, count: usize) -> Self {
        let end = self.0.match_indices('/').nth(count - 1).map_or(self.0.len(), |(end, _)| end);
        Self(self.0[..end].into())
    }

    /// Returns the last segment.
    pub fn leaf(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// Returns the group of the task, if there is one.
    pub fn group(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(group, _)| Self(group.into()))
    }
}

/// A text that is not the name of a task.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a task name of segments `[a-z0-9_-]+` joined by `/`, at most {} characters, found `{}`",
    TaskId::MAX_LENGTH, excerpt(.name)
)]
/// A text that is not a task name.
pub struct InvalidTaskId {
    /// The text.
    pub name: String,
}

impl FromStr for TaskId {
    type Err = InvalidTaskId;

    fn from_str(name: &str) -> Result<Self, InvalidTaskId> {
        Self::new(name)
    }
}

impl TryFrom<String> for TaskId {
    type Error = InvalidTaskId;

    fn try_from(name: String) -> Result<Self, InvalidTaskId> {
        Self::new(&name)
    }
}

impl From<TaskId> for String {
    fn from(task: TaskId) -> Self {
        task.0.as_ref().to_owned()
    }
}

impl AsRef<str> for TaskId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TaskId({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validates_names() {
        for name in ["sst2", "nlu/sentiment/sst2", "a-b_c/0", &"a".repeat(128)] {
            assert_eq!(TaskId::new(name).unwrap().as_str(), name);
        }
        for name in ["", "/", "a/", "/a", "a//b", "SST2", "a b", "é", ".", "a.b", &"a".repeat(129)]
        {
            let error = TaskId::new(name).unwrap_err();
            assert!(error.to_string().contains(&format!("found `{}`", excerpt(name))), "{error}");
        }
    }

    #[test]
    fn orders_and_serializes_as_text() {
        let mut tasks: Vec<TaskId> = ["b", "a/b", "a"].map(|name| name.parse().unwrap()).into();
        tasks.sort();
        assert_eq!(tasks.iter().map(TaskId::as_str).collect::<Vec<_>>(), ["a", "a/b", "b"]);
        assert_eq!(serde_json::to_string(&tasks[1]).unwrap(), "\"a/b\"");
        assert_eq!(serde_json::from_str::<TaskId>("\"a/b\"").unwrap(), tasks[1]);
        let error = serde_json::from_str::<TaskId>("\"A\"").unwrap_err();
        assert!(error.to_string().contains("found `A`"), "{error}");
    }
}
