use std::cell::{Cell, RefCell};

use mtpt::infer::PromptTask;
use mtpt::tasks::excerpt;

use crate::number_format::counted;

/// Number of lines that are listed.
const LISTED: usize = 5;

/// Remarks on input rows that are answered, but perhaps not as intended.
#[derive(Default)]
pub(crate) struct InputNotes {
    /// First lines of rows with an empty text.
    empty_lines: RefCell<Vec<usize>>,
    empty: Cell<usize>,
    has_noted_template: Cell<bool>,
    new: RefCell<Vec<String>>,
}

impl InputNotes {
    /// Adds a row whose `input` takes the place of the task's template. Only the first one is
    /// noted.
    pub(crate) fn add_without_template(&self, task: &PromptTask, fields: &[String]) {
        if self.has_noted_template.replace(true) {
            return;
        }
        let fields: Vec<String> =
            fields.iter().map(|field| format!("`{}`", excerpt(field))).collect();
        self.new.borrow_mut().push(format!(
            "note: `input` is used as the complete input text, without the template `{}` of the \
             task `{}`; name {} to apply it, or use `rendered_input` for a complete text",
            task.template.as_deref().unwrap_or_default(),
            task.name,
            if fields.is_empty() { "no field".to_owned() } else { fields.join(", ") },
        ));
    }

    /// Counts a row with an empty text.
    pub(crate) fn add_empty_text(&self, line: usize) {
        self.empty.set(self.empty.get() + 1);
        let mut lines = self.empty_lines.borrow_mut();
        if lines.len() < LISTED {
            lines.push(line);
        }
    }

    /// Returns the remarks that were not returned before.
    pub(crate) fn take_new(&self) -> Vec<String> {
        self.new.take()
    }

    /// Returns how many rows had an empty text, if any.
    pub(crate) fn empty_texts(&self) -> Option<String> {
        let count = self.empty.get();
        if count == 0 {
            return None;
        }
        let lines: Vec<String> = self.empty_lines.borrow().iter().map(usize::to_string).collect();
        let (verb, line) = if count == 1 { ("has", "line") } else { ("have", "lines") };
        let more = if count > lines.len() { ", ..." } else { "" };
        Some(format!(
            "warning: {} {verb} an empty text ({line} {}{more}), answered like the others",
            counted(count, "row"),
            lines.join(", ")
        ))
    }
}
