//! Access to files and folders, where every failure is an [`IoError`] with the path.

mod atomic;
mod error;
mod folder_of;
mod kind;
mod lock;
mod operations;
mod stays_below;
mod sync;
mod temporary;
mod uninterrupted;
mod version;

pub use atomic::{AtomicFile, DirWriter, write_atomic, write_dir_atomic};
pub use error::IoError;
pub use lock::{DirLock, lock_dir};
pub use operations::{
    create_dir_all, create_parent, open, read, read_dir, read_start, read_to_string,
    remove_dir_all, remove_file, rename,
};
pub use stays_below::stays_below;
pub use sync::sync_dir;
pub use temporary::{remove_all_temporary_files, remove_temporary_files, temporary_dir};
pub use uninterrupted::uninterrupted;
pub use version::FileVersion;
