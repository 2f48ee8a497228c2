//! The memory that the objects of a pickle take, computed before any of them is created.
//!
//! An object takes many times the memory of the bytes that describe it, and a few bytes may copy
//! all objects so far. The operations are executed on sizes instead of objects.

mod machine;
mod memory;
mod operands;

pub(crate) use machine::check_memory;
pub(crate) use memory::Excess;
