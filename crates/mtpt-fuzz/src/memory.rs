//! The limit of memory that a reader is allowed.

use std::alloc::System;

use cap::Cap;

/// Counts allocated bytes, and refuses requests beyond the limit. A refused request aborts the
/// process, unless the program handles it.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Memory that a reader may use for any input.
const BASE: usize = 64 << 20;
/// Memory that a reader may use per byte of the input.
const PER_BYTE: usize = 50;

/// Calls a function with at most 64 MiB and 50 times the size of its input in addition to the
/// memory that is in use.
pub(crate) fn limited<T>(input_size: usize, function: impl FnOnce() -> T) -> T {
    let limit = ALLOCATOR.allocated() + BASE + PER_BYTE * input_size;
    // Fails only if more is in use than the limit.
    let _ = ALLOCATOR.set_limit(limit);
    let result = function();
    let _ = ALLOCATOR.set_limit(usize::MAX);
    result
}
