use std::path::{Component, Path};

use crate::run_files::listed_run::ListedRun;
use crate::run_files::nested_runs::REPORT;

/// Returns the link from a page to the report of a run, if there is one.
pub(crate) fn relative_link(run: &ListedRun, page: &Path) -> Option<String> {
    let report = run.folder.join(REPORT);
    if !report.is_file() {
        return None;
    }
    let folder = match page.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let (from, to) = (folder.canonicalize().ok()?, report.canonicalize().ok()?);
    let common = from.components().zip(to.components()).take_while(|(from, to)| from == to).count();
    // On different drives there is no relative path.
    if common == 0 {
        return None;
    }
    let up = from.components().skip(common).map(|_| "..".to_owned());
    let down = to
        .components()
        .skip(common)
        .map(|part: Component<'_>| percent_encoded(&part.as_os_str().to_string_lossy()));
    // `./` makes it a path even if the name looks like a URL.
    Some([".".to_owned()].into_iter().chain(up).chain(down).collect::<Vec<_>>().join("/"))
}

/// Encodes a part of a path for a link.
fn percent_encoded(part: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    part.bytes().map(encoded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_encoded_for_links() {
        assert_eq!(percent_encoded("a b\"c\""), "a%20b%22c%22");
        assert_eq!(percent_encoded("javascript:x"), "javascript%3Ax");
    }
}
