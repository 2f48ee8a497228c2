use mtpt_io::fs::lock_dir;

#[cfg(unix)]
#[test]
fn folder_is_locked_until_the_lock_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let lock = lock_dir(folder.path()).unwrap();
    assert!(lock.is_some());
    assert!(lock_dir(folder.path()).unwrap().is_none());
    drop(lock);
    assert!(lock_dir(folder.path()).unwrap().is_some());
}

#[test]
fn missing_folder_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let message = lock_dir(&missing).unwrap_err().to_string();
    assert_eq!(message, format!("cannot read `{}`", missing.display()));
}
