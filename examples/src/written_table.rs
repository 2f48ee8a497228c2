//! Tables that an example writes into a chapter.

use std::fs;
use std::path::Path;

use mtpt::io::fs::write_atomic;

use crate::Result;

/// Replaces the text that an example wrote into a Markdown file, and leaves the rest unchanged.
///
/// The text is between two comments that name the example. A missing file is created.
///
/// # Errors
///
/// When the file lacks these comments or cannot be written.
pub fn write(path: &Path, example: &str, table: &str) -> Result<()> {
    let begin = format!("<!-- written by the example `{example}`: begin -->");
    let end = format!("<!-- written by the example `{example}`: end -->");
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(_) => format!("# Results\n\n{begin}\n{end}\n"),
    };
    let (Some(start), Some(stop)) = (text.find(&begin), text.find(&end)) else {
        let path = path.display();
        return Err(format!(
            "`{path}` has no lines `{begin}` and `{end}`: add them, or give another `--output`"
        )
        .into());
    };
    let (before, after) = (&text[..start], &text[stop + end.len()..]);
    let table = table.trim_end();
    let text = format!("{before}{begin}\n\n{table}\n\n{end}{after}");
    Ok(write_atomic(path, text.as_bytes())?)
}
