use mtpt_tasks::{SourceLocation, TokenizedExample};

use crate::error::{Error, Result};

/// Checks that the input and the target of a row are not longer than a row may be for a model, see
/// [`max_row_length`](crate::max_row_length).
///
/// # Errors
///
/// [`Error::TooLong`] with the location of the row, if it is given.
pub fn check_length(
    row: &TokenizedExample,
    limit: usize,
    location: Option<&SourceLocation>,
) -> Result<()> {
    let tokens = [("input", &row.input_ids), ("target", &row.target_ids)];
    match tokens.into_iter().find(|(_, ids)| ids.len() > limit) {
        None => Ok(()),
        Some((what, ids)) => {
            let location = location.cloned();
            Err(Error::TooLong { location, what, tokens: ids.len(), limit })
        }
    }
}
