use std::fs;
use std::path::Path;

use mtpt_io::fs::{
    AtomicFile, remove_all_temporary_files, remove_temporary_files, sync_dir, write_atomic,
    write_dir_atomic,
};

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
fn abandoned_files_and_folders_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join(".model.writing-1a2b/contents");
    fs::create_dir_all(&model).unwrap();
    fs::write(model.join("config.json"), "partial").unwrap();
    remove_temporary_files(&folder.path().join("model")).unwrap();
    assert!(names(folder.path()).is_empty());
    for name in [".outcome.json.writing-1a2b", ".unknown.writing-3c4d", ".hidden", "writing-1a2b"] {
        fs::write(folder.path().join(name), "partial").unwrap();
    }
    remove_all_temporary_files(folder.path()).unwrap();
    assert_eq!(names(folder.path()), [".hidden", "writing-1a2b"]);
    remove_all_temporary_files(&folder.path().join("missing")).unwrap();
}

#[cfg(unix)]
#[test]
fn files_and_folders_that_are_being_written_stay() {
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("values.txt");
    let mut file = AtomicFile::create(&path).unwrap();
    file.write_all(b"one").unwrap();
    remove_temporary_files(&path).unwrap();
    write_dir_atomic(&folder.path().join("new"), |dir| {
        dir.write("whole", b"whole")?;
        remove_all_temporary_files(folder.path())
    })
    .unwrap();
    file.commit().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "one");
    assert_eq!(names(folder.path()), ["new", "values.txt"]);
    // One that is dropped without being committed leaves nothing.
    drop(AtomicFile::create(&path).unwrap());
    assert_eq!(names(folder.path()), ["new", "values.txt"]);
}

#[cfg(unix)]
#[test]
fn links_among_temporary_files_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    fs::create_dir(&kept).unwrap();
    fs::write(kept.join("file"), "kept").unwrap();
    std::os::unix::fs::symlink(&kept, folder.path().join(".model.writing-1a2b")).unwrap();
    remove_all_temporary_files(folder.path()).unwrap();
    assert_eq!(names(&kept), ["file"]);
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
