use std::fs;
use std::path::Path;

use mtpt_core::{Error, remove_drafts, sync_folder, write_whole_file};

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_file_takes_the_place_of_the_old_one_and_leaves_nothing_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("numbers.txt");
    for text in ["one", "two"] {
        write_whole_file(&path, text.as_bytes()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    assert_eq!(names(folder.path()), ["numbers.txt"]);
    sync_folder(folder.path()).unwrap();
}

#[test]
fn what_cannot_be_written_leaves_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    // A folder in the place of the file hinders an administrator, too.
    let path = folder.path().join("numbers.txt");
    fs::create_dir(&path).unwrap();
    let error = write_whole_file(&path, b"one").unwrap_err();
    assert_eq!(error.to_string(), format!("cannot write `{}`", path.display()));
    assert_eq!(names(folder.path()), ["numbers.txt"]);
    let below = path.join("missing").join("numbers.txt");
    assert!(matches!(write_whole_file(&below, b"one"), Err(Error::File { .. })));
}

#[test]
fn drafts_of_a_file_are_removed_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let others = [".other.txt.writing-1a2b", "numbers.txt", "numbers.txt.writing-1a2b"];
    for name in others.iter().chain(&[".numbers.txt.writing-1a2b", ".numbers.txt.writing-"]) {
        fs::write(folder.path().join(name), "half").unwrap();
    }
    remove_drafts(&folder.path().join("numbers.txt")).unwrap();
    assert_eq!(names(folder.path()), others);
}
