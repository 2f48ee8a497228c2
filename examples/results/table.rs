//! The table, in Markdown.
use std::path::Path;
use mtpt_examples::Result;
use crate::method::Method;
use crate::protocol::Setting;
use crate::records::Records;
pub fn markdown(_: &Setting, _: &[Method], _: &Records) -> Result<String> { Ok(String::new()) }
pub fn write(_: &Path, _: &str) -> Result<()> { Ok(()) }
