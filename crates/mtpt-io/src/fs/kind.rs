use std::fs::{self, FileType};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Checks that a path leads to a regular file or a folder, or to a pipe of the shell.
///
/// # Errors
///
/// For a device, which may have no end, for a socket, and for a named pipe, where opening waits
/// for a writer that may not exist.
pub(super) fn check_kind(path: &Path) -> io::Result<()> {
    let kind = fs::metadata(path)?.file_type();
    if kind.is_file() || kind.is_dir() {
        return Ok(());
    }
    match name(kind) {
        // A pipe without a name, such as `<(COMMAND)`, has a writer. Its path leads nowhere else.
        Some("a named pipe") if path.canonicalize().is_err() => Ok(()),
        found => {
            let found = found.unwrap_or("something else");
            let problem = format!("expected a regular file, found {found}");
            Err(io::Error::new(ErrorKind::InvalidInput, problem))
        }
    }
}

/// Returns the name of a special kind of file.
#[cfg(unix)]
fn name(kind: FileType) -> Option<&'static str> {
    use std::os::unix::fs::FileTypeExt;
    if kind.is_fifo() {
        Some("a named pipe")
    } else if kind.is_socket() {
        Some("a socket")
    } else if kind.is_char_device() || kind.is_block_device() {
        Some("a device")
    } else {
        None
    }
}

#[cfg(not(unix))]
fn name(_kind: FileType) -> Option<&'static str> {
    None
}
