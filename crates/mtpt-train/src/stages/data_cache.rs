use std::cell::RefCell;
use std::rc::Rc;

use mtpt_infer::TaskData;
use mtpt_tasks::{MaxLengths, Task, TaskConfig};

use crate::error::Result;

/// Examples that several pipelines with the same model and tokenizer share, so that each task is
/// read once.
///
/// It contains the examples for one pair of maximum lengths at a time.
#[derive(Debug, Default)]
pub struct DataCache {
    entries: RefCell<Vec<Entry>>,
}

#[derive(Debug)]
struct Entry {
    tasks: Vec<TaskConfig>,
    lengths: MaxLengths,
    data: Rc<[TaskData]>,
}

impl DataCache {
    /// Returns the examples of tasks, which are read if they are not in the cache.
    pub(crate) fn get_or_read(
        &self,
        tasks: &[Task],
        lengths: MaxLengths,
        read: impl FnOnce() -> Result<Vec<TaskData>>,
    ) -> Result<Rc<[TaskData]>> {
        let configs: Vec<TaskConfig> = tasks.iter().map(|task| task.config().clone()).collect();
        let mut entries = self.entries.borrow_mut();
        entries.retain(|entry| entry.lengths == lengths);
        if let Some(entry) = entries.iter().find(|entry| entry.tasks == configs) {
            return Ok(Rc::clone(&entry.data));
        }
        let data: Rc<[TaskData]> = read()?.into();
        entries.push(Entry { tasks: configs, lengths, data: Rc::clone(&data) });
        Ok(data)
    }
}
