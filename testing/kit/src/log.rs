//! What a program logs, kept for a test to read.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Everything that was written to it, and to its clones.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// What was written so far; what is no UTF-8 of it is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// How many lines have all of these texts.
    pub fn count(&self, texts: &[&str]) -> usize {
        self.text().lines().filter(|line| texts.iter().all(|text| line.contains(text))).count()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
