//! A server with the interface of the Hugging Face hub.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

const COMMIT: &str = "0123456789012345678901234567890123456789";

/// A repository at one revision.
pub(crate) struct FakeRepository {
    /// `models/owner/name` or `datasets/owner/name`.
    pub(crate) path: &'static str,
    pub(crate) revision: &'static str,
    pub(crate) commit: &'static str,
    pub(crate) files: Vec<FakeFile>,
}

pub(crate) struct FakeFile {
    pub(crate) name: String,
    pub(crate) etag: String,
    /// Size that the server reports.
    pub(crate) size: usize,
    /// Content that it sends.
    pub(crate) content: Vec<u8>,
}

impl FakeFile {
    /// Creates a file of a server whose etags are no digests.
    pub(crate) fn new(name: &str, content: impl Into<Vec<u8>>) -> Self {
        let content = content.into();
        let (name, etag, size) = (name.to_owned(), format!("e{}", name.len()), content.len());
        Self { name, etag, size, content }
    }
}

impl FakeRepository {
    pub(crate) fn new(path: &'static str, revision: &'static str, files: Vec<FakeFile>) -> Self {
        Self { path, revision, commit: COMMIT, files }
    }

    /// Serves the repository and nothing else, and returns the address of the server.
    pub(crate) fn serve(self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(&stream).lines().map(Result::unwrap);
                let first = lines.next().unwrap_or_default();
                let is_start = lines
                    .take_while(|line| !line.is_empty())
                    .any(|line| line.to_lowercase() == "range: bytes=0-0");
                let _ = stream.write_all(&self.answer(first.split(' ').nth(1), is_start));
            }
        });
        address
    }

    /// Returns the answer to a request for a path, or for the first byte at it.
    fn answer(&self, path: Option<&str>, is_start: bool) -> Vec<u8> {
        let path = path.unwrap_or_default();
        if path == format!("/api/{}/revision/{}", self.path, self.revision) {
            let names = self.files.iter().map(|file| format!("{{\"rfilename\":{:?}}}", file.name));
            let names = names.collect::<Vec<_>>().join(",");
            let list = format!("{{\"sha\":\"{}\",\"siblings\":[{names}]}}", self.commit);
            return response("200 OK", "", list.as_bytes());
        }
        // Models have no prefix there.
        let prefix = self.path.trim_start_matches("models/");
        let name = path.strip_prefix(&format!("/{prefix}/resolve/{}/", self.revision));
        let Some(file) = self.files.iter().find(|file| name == Some(file.name.as_str())) else {
            return response("404 Not Found", "", &[]);
        };
        let headers = format!(
            "Content-Range: bytes 0-0/{}\r\nETag: \"{}\"\r\nX-Repo-Commit: {}\r\n",
            file.size, file.etag, self.commit
        );
        let length = if is_start { 1 } else { file.content.len() };
        response("206 Partial Content", &headers, &file.content[..length])
    }
}

fn response(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}Connection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}
