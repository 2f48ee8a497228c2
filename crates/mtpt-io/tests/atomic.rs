use std::fs;
use std::path::Path;

use mtpt_io::fs::{remove_temporary_files, sync_dir, write_atomic, write_dir_atomic};

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_file_replaces_the_old_one_without_leftovers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("numbers.txt");
    for text in ["one", "two"] {
        write_atomic(&path, text.as_bytes()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    assert_eq!(names(folder.path()), ["numbers.txt"]);
    sync_dir(folder.path()).unwrap();
}

#[test]
fn a_failed_write_leaves_the_old_contents() {
    let folder = tempfile::tempdir().unwrap();
    // A folder at the file's path stops even an administrator.
    let path = folder.path().join("numbers.txt");
    fs::create_dir(&path).unwrap();
    let error = write_atomic(&path, b"one").unwrap_err();
    assert_eq!(error.to_string(), format!("cannot write `{}`", path.display()));
    assert_eq!(names(folder.path()), ["numbers.txt"]);
    let below = path.join("missing").join("numbers.txt");
    let failure = write_atomic(&below, b"one").unwrap_err();
    assert_eq!(failure.path, below);
}

#[test]
fn only_temporary_files_of_the_file_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let others = [".other.txt.writing-1a2b", "numbers.txt", "numbers.txt.writing-1a2b"];
    for name in others.iter().chain(&[".numbers.txt.writing-1a2b", ".numbers.txt.writing-"]) {
        fs::write(folder.path().join(name), "half").unwrap();
    }
    remove_temporary_files(&folder.path().join("numbers.txt")).unwrap();
    assert_eq!(names(folder.path()), others);
}

#[test]
fn a_folder_appears_with_all_of_its_contents_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new").join("model");
    let failure = write_dir_atomic(&path, |dir| {
        dir.write("whole", b"whole")?;
        dir.write("missing/half", b"half")
    });
    assert_eq!(failure.unwrap_err().path, path.join("missing/half"));
    assert!(names(&folder.path().join("new")).is_empty());
    write_dir_atomic(&path, |dir| dir.write("whole", b"whole")).unwrap();
    assert_eq!(fs::read_to_string(path.join("whole")).unwrap(), "whole");
    assert_eq!(names(&path), ["whole"]);
    assert_eq!(names(&folder.path().join("new")), ["model"]);
    let error = write_dir_atomic(&path, |dir| dir.write("other", b"other")).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot rename to `{}`", path.display()));
    assert_eq!(names(&path), ["whole"]);
}
