use std::borrow::Cow;
use std::io::Read;

use flate2::bufread::MultiGzDecoder;

use crate::data::parquet_problem::ColumnProblem;

type Result<T> = std::result::Result<T, ColumnProblem>;

/// Decompresses a page to a size.
///
/// The caller has limited the size, so it may be allocated.
pub(super) fn decompress(codec: i32, bytes: Vec<u8>, size: usize) -> Result<Vec<u8>> {
    let failed = |message: Cow<'_, str>| ColumnProblem::Decompression {
        size,
        message: message.into_owned(),
    };
    // Some writers don't compress a page without values.
    if size == 0 && bytes.is_empty() {
        return Ok(bytes);
    }
    let page = match codec {
        0 => bytes,
        1 => {
            let found = snap::raw::decompress_len(&bytes);
            let found = found.map_err(|error| failed(error.to_string().into()))?;
            if found != size {
                return Err(failed(format!("it has {found} bytes").into()));
            }
            let page = snap::raw::Decoder::new().decompress_vec(&bytes);
            page.map_err(|error| failed(error.to_string().into()))?
        }
        2 => {
            let mut page = Vec::with_capacity(size);
            let read = MultiGzDecoder::new(&*bytes).take(size as u64 + 1).read_to_end(&mut page);
            read.map_err(|error| failed(error.to_string().into()))?;
            page
        }
        6 => zstd::bulk::decompress(&bytes, size)
            .map_err(|error| failed(error.to_string().into()))?,
        _ => return Err(ColumnProblem::Codec { codec: name(codec) }),
    };
    if page.len() != size {
        return Err(failed("it has another size".into()));
    }
    Ok(page)
}

fn name(codec: i32) -> &'static str {
    match codec {
        3 => "LZO",
        4 => "Brotli",
        5 | 7 => "LZ4",
        _ => "an unknown method",
    }
}
