//! What an operator is told about sealing keys that cannot be used.

use std::io;
use std::path::{Path, PathBuf};

use super::VARIABLE;

/// Why the sealing keys cannot be used; says what is wrong with which file, and the way out.
#[derive(Debug, thiserror::Error)]
pub enum CustodyError {
    /// There is no sealing key.
    #[error(
        "there is no sealing key in `{}`, and the database holds values that were sealed with one\n\
         hint: put its `sealing-<generation>.key` files back; without them the sealed values are lost",
        .0.display()
    )]
    Missing(PathBuf),
    /// Others than the owner may read a key file.
    #[error(
        "`{}` can be read or written by others: its mode is {mode:04o}\n\
         hint: `chmod 600 {}`, and rotate it with `claviger seal rotate` if somebody may have read it",
        .path.display(), .path.display()
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Everybody may put files into the directory.
    #[error(
        "`{}` can be written by everybody: its mode is {mode:04o}\nhint: `chmod 700 {}`",
        .path.display(), .path.display()
    )]
    OpenDirectory {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A file is not a sealing key.
    #[error(
        "`{}` is not a sealing key: {fault}\n\
         hint: put back the file as the server made it, from where you keep its copy",
        .path.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A file is named like a sealing key, and its name holds no generation.
    #[error(
        "`{}` is named like a sealing key without a generation\n\
         hint: sealing keys are `sealing-1.key`, `sealing-2.key` …; move everything else away",
        .0.display()
    )]
    Name(PathBuf),
    /// The environment variable cannot be used.
    #[error(
        "`{VARIABLE}` holds no sealing keys: {0}\nhint: write `<generation>:<base64url of 32 bytes>`, separated by spaces"
    )]
    Variable(&'static str),
    /// The keys lie where the server does not write.
    #[error(
        "the sealing keys are not in the custody of the server: they come from {0}\n\
         hint: add the next generation there, start the server anew with it, then run `claviger seal rotate` again"
    )]
    Elsewhere(&'static str),
    /// The file system refused.
    #[error("cannot {action} `{}`: {cause}\nhint: the user that runs the server must own it", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

/// Turns an I/O error into one that says what was tried with which file.
pub(super) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CustodyError {
    move |cause| CustodyError::Io { action, path: path.to_owned(), cause }
}
