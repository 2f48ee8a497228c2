/// First bytes of files that are not tables or objects, and what the files are.
const SIGNATURES: &[(&[u8], &str)] = &[
    (b"\x1f\x8b", "a gzip archive; decompress it"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive; decompress it"),
    (b"BZh", "a bzip2 archive; decompress it"),
    (b"\xfd7zXZ", "an xz archive; decompress it"),
    (b"PK\x03\x04", "a ZIP archive or a workbook; extract it, or save the sheet as \"CSV UTF-8\""),
    (b"\xd0\xcf\x11\xe0", "an old workbook or document; save the sheet as \"CSV UTF-8\""),
    (b"%PDF", "a PDF document; extract its text"),
    (b"PAR1", "Parquet; set `format = \"parquet\"`"),
    (b"SQLite format 3", "a SQLite database; export a table as CSV"),
    (b"ARROW1", "Arrow; convert it to Parquet"),
    (b"\x93NUMPY", "a NumPy array; convert it to CSV"),
    (b"\xff\xfe\0\0", "text in UTF-32; save it as UTF-8"),
    (b"\0\0\xfe\xff", "text in UTF-32; save it as UTF-8"),
    (b"version https://git-lfs", "a Git LFS pointer; fetch the file itself with `git lfs pull`"),
];

/// Starts of pages that servers send instead of a file, in lower case.
const PAGES: [&[u8]; 2] = [b"<!doctype html", b"<html"];

/// Returns what a file is that is not text, or not data, with advice; `None` for other files.
pub(crate) fn foreign_file(start: &[u8]) -> Option<&'static str> {
    let known = SIGNATURES.iter().find(|(signature, _)| start.starts_with(signature));
    let page = || {
        let start = start.trim_ascii_start();
        PAGES.iter().any(|page| {
            start.get(..page.len()).is_some_and(|start| start.eq_ignore_ascii_case(page))
        })
    };
    known.map(|&(_, found)| found).or_else(|| {
        page().then_some("an HTML page, most likely of a failed download; download it again")
    })
}
