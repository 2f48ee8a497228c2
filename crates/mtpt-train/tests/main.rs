//! Tests of the public interface, one module for each subject.

mod config;
mod frozen;
mod initial;
mod peft;
mod prompts;
mod ranking;
mod resume;
mod small_world;
mod steps;
