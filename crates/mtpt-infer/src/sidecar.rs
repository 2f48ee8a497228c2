//! What formats of other programs have no room for, in a file beside theirs: names of tasks, templates, label words.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::prompts::PromptHeader;

/// The file's name; programs that know nothing of it pass it over.
const NAME: &str = "mtpt_tasks.json";

/// The header that the file of a folder holds, if there is one.
pub(crate) fn read(folder: &Path) -> Result<Option<PromptHeader>> {
    let path = folder.join(NAME);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::File { action: "read", path, source }),
    };
    PromptHeader::parse(&text, &path).map(Some)
}

/// The header that the file of a folder holds, or else the given one, which tells what the tensors beside it are.
///
/// # Errors
///
/// When the two tell of different tensors.
pub(crate) fn read_or(folder: &Path, found: PromptHeader) -> Result<PromptHeader> {
    let Some(header) = read(folder)? else { return Ok(found) };
    let differs = |what: &'static str, expected: String, found: String| {
        let path = folder.join(NAME);
        Err(Error::TasksBeside { path, what, expected, found })
    };
    if header.composition != found.composition {
        let [told, there] = [&header, &found]
            .map(|header| serde_json::to_string(&header.composition).unwrap_or_default());
        return differs("composition", told, there);
    }
    let [told, there] = [&header, &found].map(|header| [header.length, header.d_model]);
    if told != there {
        return differs("shape", format!("{told:?}"), format!("{there:?}"));
    }
    let [told, there] = [&header, &found].map(|header| header.tasks.len());
    if told != there {
        return differs("number of tasks", told.to_string(), there.to_string());
    }
    Ok(header)
}

/// The file and its bytes.
pub(crate) fn file(folder: &Path, header: &PromptHeader) -> Result<(PathBuf, Vec<u8>)> {
    let path = folder.join(NAME);
    let mut bytes = serde_json::to_vec_pretty(header)
        .map_err(|source| Error::Header { path: path.clone(), source })?;
    bytes.push(b'\n');
    Ok((path, bytes))
}
