use mtpt_tasks::SourceLocation;

use crate::error::{Error, Result};

/// Checks that the input and the target of a row are not longer than a row may be for a model, see
/// [`max_row_length`](crate::max_row_length).
///
/// # Errors
///
/// [`Error::TooLong`] with the location of the row, if it is given.
pub fn check_length(
    input_ids: &[u32],
    target_ids: &[u32],
    limit: usize,
    location: Option<&SourceLocation>,
) -> Result<()> {
    let tokens = [("input", input_ids), ("target", target_ids)];
    match tokens.into_iter().find(|(_, ids)| ids.len() > limit) {
        None => Ok(()),
        Some((what, ids)) => {
            let location = location.cloned();
            Err(Error::TooLong { location, what, tokens: ids.len(), limit })
        }
    }
}
