#![doc = include_str!("../README.md")]

pub mod campaign;
mod case;
pub mod execution;
mod fault;
pub mod finding;
pub mod input;
mod memory;
mod message;
mod minimize;
pub mod mutate;
pub mod outcome;
mod report;
pub mod supervise;
pub mod targets;
pub mod worker;
