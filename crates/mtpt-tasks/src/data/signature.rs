use mtpt_io::ForeignContent;

const COMPRESS: &str =
    "unpack it, or compress it with gzip or zstd instead, which are read directly";

/// First bytes of files that are not tables or objects, what the files are, and how to get rows
/// from them.
#[rustfmt::skip]
const SIGNATURES: &[(&[u8], &str, &str)] = &[
    (b"PK\x03\x04",        "a ZIP archive or a workbook", "extract it, or save the sheet as \"CSV UTF-8\""),
    (b"\xd0\xcf\x11\xe0",  "an old workbook or document", "save the sheet as \"CSV UTF-8\""),
    (b"%PDF",              "a PDF document", "extract its text"),
    (b"\xfd7zXZ\0",          "an xz archive", COMPRESS),
    (b"BZh91AY&SY",        "a bzip2 archive", COMPRESS),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", COMPRESS),
    (b"PAR1",              "Parquet", "set `format = \"parquet\"`"),
    (b"SQLite format 3",   "a SQLite database", "export a table as CSV"),
    (b"ARROW1",            "Arrow", "convert it to Parquet"),
    (b"\x93NUMPY",         "a NumPy array", "convert it to CSV"),
    (b"\xff\xfe\0\0",      "text in UTF-32", "save it as UTF-8"),
    (b"\0\0\xfe\xff",      "text in UTF-32", "save it as UTF-8"),
];

/// Returns what a file is that is not text, or not data, with advice; `None` for other files.
pub(crate) fn foreign_file(start: &[u8]) -> Option<ForeignContent> {
    let known = SIGNATURES.iter().find(|(signature, ..)| start.starts_with(signature));
    known
        .map(|&(_, found, advice)| ForeignContent::new(found, advice))
        .or_else(|| ForeignContent::other_than_text(start))
}
