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
fn new_file_replaces_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("values.txt");
    for text in ["one", "two"] {
        write_atomic(&path, text.as_bytes()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    assert_eq!(names(folder.path()), ["values.txt"]);
    sync_dir(folder.path()).unwrap();
}

#[test]
fn failed_write_keeps_the_old_contents() {
    let folder = tempfile::tempdir().unwrap();
    // A folder at this path makes the write fail, even for root.
    let path = folder.path().join("values.txt");
    fs::create_dir(&path).unwrap();
    let error = write_atomic(&path, b"one").unwrap_err();
    assert_eq!(error.to_string(), format!("cannot write `{}`", path.display()));
    assert_eq!(names(folder.path()), ["values.txt"]);
    let path = path.join("missing").join("values.txt");
    let error = write_atomic(&path, b"one").unwrap_err();
    assert_eq!(error.path, path);
}

#[test]
fn only_temporary_files_of_one_path_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let others = [".other.txt.writing-1a2b", "values.txt", "values.txt.writing-1a2b"];
    for name in others.iter().chain(&[".values.txt.writing-1a2b", ".values.txt.writing-"]) {
        fs::write(folder.path().join(name), "partial").unwrap();
    }
    remove_temporary_files(&folder.path().join("values.txt")).unwrap();
    assert_eq!(names(folder.path()), others);
}

#[test]
fn folder_appears_with_all_of_its_contents_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new").join("model");
    let outcome = write_dir_atomic(&path, |dir| {
        dir.write("whole", b"whole")?;
        dir.write("missing/file", b"partial")
    });
    assert_eq!(outcome.unwrap_err().path, path.join("missing/file"));
    assert!(names(&folder.path().join("new")).is_empty());
    write_dir_atomic(&path, |dir| dir.write("whole", b"whole")).unwrap();
    assert_eq!(fs::read_to_string(path.join("whole")).unwrap(), "whole");
    assert_eq!(names(&path), ["whole"]);
    assert_eq!(names(&folder.path().join("new")), ["model"]);
    let error = write_dir_atomic(&path, |dir| dir.write("other", b"other")).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot rename to `{}`", path.display()));
    assert_eq!(names(&path), ["whole"]);
}
