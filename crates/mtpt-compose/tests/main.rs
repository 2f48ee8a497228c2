//! Tests of the public interface, one module for each subject.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod config;
mod hierarchy;
mod laws;
mod mixture_weights;
mod reference;
