use std::path::Path;

/// Whether two paths lead to one file or folder that is there.
pub(crate) fn same_file(first: &Path, second: &Path) -> bool {
    let [first, second] = [first, second].map(Path::canonicalize);
    matches!((first, second), (Ok(first), Ok(second)) if first == second)
}
