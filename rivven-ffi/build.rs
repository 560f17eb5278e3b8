//! Gives the shared library its SONAME and keeps it loaded.

use std::env;

/// The major version of the binary interface; it changes only if the interface breaks.
const ABI_VERSION: u32 = 1;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    match env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("linux") => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,librivven.so.{ABI_VERSION}");
            // The threads of the runtime outlive `dlclose`, so their code must stay.
            println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
        }
        Ok("macos") => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/librivven.{ABI_VERSION}.dylib");
        }
        _ => {}
    }
}
