//! A file with the header of exported prompts, next to formats that cannot store one: task names,
//! templates and label words.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use mtpt_io::fs;

use crate::error::{Error, Result};
use crate::format_error::FormatError;
use crate::header::PromptHeader;

/// Name of the file. Other programs ignore it.
const NAME: &str = "mtpt_tasks.json";

/// Reads the header in a folder, if there is one.
pub(crate) fn read(folder: &Path) -> Result<Option<PromptHeader>> {
    let path = folder.join(NAME);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.source.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    PromptHeader::parse(&text, &path).map(Some)
}

/// Reads the header in a folder, or returns `found`, which describes the tensors in the folder.
///
/// # Errors
///
/// [`FormatError::Sidecar`] when the two describe different tensors.
pub(crate) fn read_or(folder: &Path, found: PromptHeader) -> Result<PromptHeader> {
    let Some(header) = read(folder)? else { return Ok(found) };
    let differs = |what: &'static str, specified: String, found: String| {
        let path = folder.join(NAME);
        Err(FormatError::Sidecar { path, what, specified, found }.into())
    };
    if header.composition != found.composition {
        let [specified, found] = [&header, &found]
            .map(|header| serde_json::to_string(&header.composition).unwrap_or_default());
        return differs("composition", specified, found);
    }
    let [specified, shape] = [&header, &found].map(|header| [header.length, header.d_model]);
    if specified != shape {
        return differs("shape", format!("{specified:?}"), format!("{shape:?}"));
    }
    let [specified, length] = [&header, &found].map(|header| header.decoder_length);
    if specified != length {
        let what = "number of decoder vectors";
        return differs(what, specified.to_string(), length.to_string());
    }
    let [specified, count] = [&header, &found].map(|header| header.tasks.len());
    if specified != count {
        return differs("number of tasks", specified.to_string(), count.to_string());
    }
    Ok(header)
}

/// Returns the path and content of the file.
pub(crate) fn file(folder: &Path, header: &PromptHeader) -> Result<(PathBuf, Vec<u8>)> {
    let path = folder.join(NAME);
    let mut bytes = serde_json::to_vec_pretty(header)
        .map_err(|error| Error::Header { path: path.clone(), problem: error.to_string() })?;
    bytes.push(b'\n');
    Ok((path, bytes))
}
