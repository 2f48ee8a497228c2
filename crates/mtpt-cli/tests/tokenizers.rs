use std::fs;

use crate::world::{World, json_lines, run_in};
