use crate::data::example::Example;
use crate::error::{Error, Result};
use crate::split::Split;
use crate::task::task::Task;

impl Task {
    /// Reads the rows of a split with all their fields, in the order of [`read`](Self::read).
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn read_examples(&self, split: Split) -> Result<Vec<Example>> {
        let selected = self.read(split)?;
        let mut selected = selected.iter().map(|row| &row.location).peekable();
        let mut examples = Vec::new();
        let in_task = |error: Error| error.in_task(self.id());
        let rows = self.config.layout().open(self.path(split)?).map_err(in_task)?;
        for row in rows.answers_apart(split == Split::Train) {
            let row = row.map_err(in_task)?;
            if selected.next_if(|location| *location == row.location()).is_some() {
                examples.push(row);
            }
        }
        Ok(examples)
    }
}
