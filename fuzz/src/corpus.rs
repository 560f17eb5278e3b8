//! The committed inputs.

use std::fs;
use std::path::Path;

/// A file of a corpus.
#[derive(Debug)]
pub struct Entry {
    /// Name of the file.
    pub name: String,
    /// What is in it.
    pub input: Vec<u8>,
}

/// Reads all files of `corpus/<target>`, in the order of their names.
///
/// # Panics
/// If there are none, or one cannot be read.
pub fn corpus(target: &str) -> Vec<Entry> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut entries: Vec<Entry> = files
        .map(|file| {
            let file = file.unwrap();
            Entry { name: file.file_name().into_string().unwrap(), input: fs::read(file.path()).unwrap() }
        })
        .collect();
    assert!(!entries.is_empty(), "{} is empty", folder.display());
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    entries
}
