//! T5's tokenizers.
//!
//! | file or class | read by |
//! |---|---|
//! | `tokenizer.json` | [`JsonTokenizer`](json::JsonTokenizer) |
//! | `spiece.model` | [`PieceTokenizer`](piece::PieceTokenizer) |
//! | class `ByT5Tokenizer`, without a file | [`ByteTokenizer`](byte::ByteTokenizer) |

mod added_tokens;
mod byte;
mod files;
mod json;
mod kind;
mod piece;
mod sentence_piece;
mod sentinel;
mod t5_tokenizer;

pub use t5_tokenizer::T5Tokenizer;
