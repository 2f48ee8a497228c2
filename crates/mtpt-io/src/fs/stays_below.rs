use std::path::{Component, Path};

/// Returns whether a name from a file or a server, joined to a folder, is a path below that folder.
///
/// Its parts are separated by slashes. It is not empty or absolute, and has no part `.` or `..`, no
/// backslash, which separates parts on Windows, and no control character.
pub fn stays_below(name: &str) -> bool {
    let is_part = |part: &str| !matches!(part, "" | "." | "..");
    name.split('/').all(is_part)
        && !name.contains(|character: char| character == '\\' || character.is_control())
        // The prefix of a drive, on Windows.
        && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_below_their_folder() {
        for name in ["a", "a/b.json", ".hidden", "..a", "a..", "Ä ö", "a:b", "%2e%2e"] {
            assert!(stays_below(name), "{name}");
        }
        for name in [
            "",
            "/",
            "/etc/x",
            "..",
            "../x",
            "a/../../x",
            "a/..",
            "./a",
            "a/./b",
            "a//b",
            "a/",
            "a\\..\\x",
            "a\0b",
            "a\nb",
            "\u{1b}[2Jx",
            "\u{9b}x",
        ] {
            assert!(!stays_below(name), "{name:?}");
        }
    }
}
