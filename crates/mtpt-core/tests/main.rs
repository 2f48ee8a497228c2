//! Tests of the public interface, one module for each subject.

mod compose;
mod frozen;
mod initializer;
mod prefix;
mod prompt_file;
mod table_backbone;
