//! Version
//!
//! The macros are those of this header, the function tells which library runs.

use std::ffi::c_char;

/// The major version that this header belongs to.
pub const RIVVEN_VERSION_MAJOR: u32 = 0;

/// The minor version that this header belongs to.
pub const RIVVEN_VERSION_MINOR: u32 = 2;

/// The patch version that this header belongs to.
pub const RIVVEN_VERSION_PATCH: u32 = 0;

/// Gives the version of the library that runs, as `major.minor.patch`; static.
#[unsafe(no_mangle)]
pub extern "C" fn rivven_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_macros_are_the_version_of_the_package() {
        let version = format!("{RIVVEN_VERSION_MAJOR}.{RIVVEN_VERSION_MINOR}.{RIVVEN_VERSION_PATCH}");
        assert_eq!(version, env!("CARGO_PKG_VERSION"));
    }
}
