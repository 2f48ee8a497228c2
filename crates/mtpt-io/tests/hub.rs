use std::fs;
use std::path::{Path, PathBuf};

use mtpt_io::hub::{DownloadError, Hub, Repository};

use crate::fake_hub::{FakeFile, FakeRepository};

const CONTENT: &[u8] = b"hello\n";
/// Digests of [`CONTENT`], by `git hash-object` and `sha256sum`.
const GIT: &str = "ce013625030ba8dba906f756967f9e9ca394464a";
const SHA256: &str = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
const OTHER: &str = "no-digest";

fn file(name: &str, etag: &str, content: &[u8]) -> FakeFile {
    FakeFile { etag: etag.to_owned(), size: CONTENT.len(), ..FakeFile::new(name, content) }
}

/// Returns a repository of three files, whose names are their etags.
fn files(content: &[u8]) -> FakeRepository {
    let files = [GIT, SHA256, OTHER].map(|etag| file(etag, etag, content));
    FakeRepository::new("models/owner/name", "main", files.into())
}

fn model(endpoint: &str, cache: &Path) -> Repository {
    Hub::new(endpoint, cache.to_owned()).unwrap().model("owner/name").unwrap()
}

fn offline(cache: &Path) -> Repository {
    model("http://127.0.0.1:1", cache)
}

/// Returns all files below a folder.
fn tree(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { tree(&path) } else { vec![path] })
        .filter(|path| path.extension().is_none_or(|extension| extension != "lock"))
        .collect()
}

#[test]
fn files_of_the_digest_are_downloaded_once() {
    let cache = tempfile::tempdir().unwrap();
    let online = model(&files(CONTENT).serve(), cache.path());
    assert_eq!(online.files().unwrap(), [GIT, SHA256, OTHER]);
    for name in [GIT, SHA256, OTHER] {
        let path = online.fetch(name).unwrap();
        assert_eq!(fs::read(&path).unwrap(), CONTENT);
        assert_eq!(offline(cache.path()).fetch(name).unwrap(), path);
    }
    let missing = online.fetch("missing").unwrap_err().to_string();
    assert_eq!(missing, "cannot download `missing` of `owner/name`");
}

#[test]
fn changed_and_truncated_downloads_are_removed() {
    let (changed, truncated, longer) = (b"hellp\n", b"hello", b"hello\n\n");
    for (content, is_seen) in
        [(&changed[..], [true, true, false]), (truncated, [true; 3]), (longer, [true; 3])]
    {
        let cache = tempfile::tempdir().unwrap();
        let online = model(&files(content).serve(), cache.path());
        for (name, is_seen) in [GIT, SHA256, OTHER].into_iter().zip(is_seen) {
            let fetched = online.fetch(name);
            assert_eq!(fetched.is_err(), is_seen, "{name}: {fetched:?}");
            let Err(error) = fetched else { continue };
            let message = error.to_string();
            assert!(message.contains(&format!("`{name}` of `owner/name`")), "{message}");
            assert!(message.ends_with("repeat the command to download it again"), "{message}");
            let DownloadError::Content { path, difference, is_removed: true, .. } = error else {
                panic!("{message}");
            };
            let by_size = content.len() != CONTENT.len();
            let expected = if by_size { "expected 6 bytes, " } else { name };
            assert!(difference.contains(expected), "{difference}");
            assert!(!path.is_symlink() && !path.exists());
            // Nothing of it is found the next time.
            assert!(offline(cache.path()).fetch(name).is_err());
            let healed = model(&files(CONTENT).serve(), cache.path());
            assert_eq!(fs::read(healed.fetch(name).unwrap()).unwrap(), CONTENT);
        }
    }
}

#[cfg(unix)]
#[test]
fn files_of_the_cache_are_verified_when_they_are_new_or_changed() {
    let cache = tempfile::tempdir().unwrap();
    let online = model(&files(CONTENT).serve(), cache.path());
    for name in [GIT, SHA256] {
        let path = online.fetch(name).unwrap();
        let blob = path.canonicalize().unwrap();
        let record = blob.with_extension("verified");
        assert!(record.is_file());
        // As if another program had downloaded it, or this one had been interrupted.
        fs::remove_file(&record).unwrap();
        assert_eq!(offline(cache.path()).fetch(name).unwrap(), path);
        assert!(record.is_file());
        // Changed later: by its length, and by its content alone.
        for wrong in [&b"hell"[..], b"hellp\n"] {
            fs::write(&blob, wrong).unwrap();
            let error = offline(cache.path()).fetch(name).unwrap_err();
            assert!(matches!(error, DownloadError::Content { is_removed: true, .. }), "{error}");
            assert!(!path.is_symlink() && !blob.exists());
            assert_eq!(online.fetch(name).unwrap(), path);
        }
        // Wrong from the beginning, without a record.
        fs::remove_file(&record).unwrap();
        fs::write(&blob, b"hellp\n").unwrap();
        assert!(matches!(online.fetch(name), Err(DownloadError::Content { .. })));
    }
}

#[test]
fn names_of_the_hub_do_not_leave_the_cache() {
    let names =
        ["../x", "/etc/x", "a/../../x", "..", "", "a\\..\\..\\x", "a\0b", "a\nb", "\u{1b}x"];
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let refused = |found: Result<PathBuf, DownloadError>, expected: &str| {
        let error = found.unwrap_err();
        assert!(matches!(&error, DownloadError::Name { kind, .. } if *kind == expected), "{error}");
        assert!(!error.to_string().contains(char::is_control), "{error}");
    };
    for name in names {
        // Even if there is such a file.
        fs::write(folder.path().join("x"), "other").unwrap();
        refused(offline(&cache).fetch(name), "file");
        let hub = Hub::new("http://127.0.0.1:1", cache.clone()).unwrap();
        let revision = hub.dataset("owner/name", name);
        assert!(matches!(revision, Err(DownloadError::Name { kind: "revision", .. })), "{name:?}");
        assert!(matches!(hub.model(name), Err(DownloadError::Id { .. })), "{name:?}");
    }
    for name in ["../../../../x", "/etc/x", "a/../../../../x", "..", "a\\..\\x"] {
        let files = vec![file("a", name, CONTENT)];
        let server = FakeRepository::new("models/owner/name", "main", files).serve();
        refused(model(&server, &cache).fetch("a"), "etag");
        let files = vec![file("a", OTHER, CONTENT)];
        let repository = FakeRepository::new("models/owner/name", "main", files);
        let server = FakeRepository { commit: name, ..repository }.serve();
        refused(model(&server, &cache).fetch("a"), "commit");
    }
    assert_eq!(tree(folder.path()), [folder.path().join("x")]);
}
