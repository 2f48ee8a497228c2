//! Tests of the public interface, one module per subject.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "a skipped test prints why")]

// Prompts in files.
mod claimed_sizes; // headers that don't fit the tensors
mod peft; // PEFT adapters: import, export and logits of PEFT
mod peft_defaults; // PEFT adapters with vectors for the decoder
mod peft_folders; // PEFT adapters of other versions, incomplete or in other folders
mod prompt_file; // safetensors file and metadata
mod prompt_tuning; // NumPy arrays of google-research/prompt-tuning
mod prompts; // prompt files: header, tasks and values
#[cfg(feature = "t5x")]
mod t5x_prompts; // T5X checkpoints of google-research/prompt-tuning

// Prompts in use.
mod candidates; // candidates per row
mod partitions; // parts of rows that memory suffices for
mod predictor; // answers for rows of data
mod ranking; // label words
mod task_data; // tokenized splits

// Inputs of the tests.
mod small_world; // a T5, a tokenizer and two tasks
mod text_tasks; // tasks with free text or candidates per row
mod untrained; // random compositions and prompts
