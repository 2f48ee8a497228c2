use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

use mtpt::train::DataCache;

/// Data and messages that the runs of a sweep with the same model share.
pub(crate) struct Shared {
    pub(crate) cache: DataCache,
    pub(crate) lines: SharedLines,
}

impl Shared {
    /// Creates an empty cache next to the lines of a sweep.
    pub(crate) fn new(lines: &SharedLines) -> Self {
        Self { cache: DataCache::default(), lines: lines.clone() }
    }
}

/// Lines that the runs of a sweep print once; any number of times in a single run, the default.
#[derive(Clone, Default)]
pub(crate) struct SharedLines(Option<Rc<RefCell<HashSet<String>>>>);

impl SharedLines {
    /// Creates the lines of a sweep.
    pub(crate) fn of_sweep() -> Self {
        Self(Some(Rc::default()))
    }

    /// Returns whether they belong to a sweep.
    pub(crate) fn is_sweep(&self) -> bool {
        self.0.is_some()
    }

    /// Returns whether to print a line: not if an earlier run of the sweep has.
    pub(crate) fn is_new(&self, line: &str) -> bool {
        self.0.as_ref().is_none_or(|lines| lines.borrow_mut().insert(line.to_owned()))
    }
}
