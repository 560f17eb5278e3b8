//! Configuration
//!
//! A configuration is keys and values, all of them strings. docs/CONFIGURATION.md
//! lists the keys; `bootstrap.servers` is the only one that is required.

use std::ffi::c_char;
use std::sync::Mutex;

use rivven_client::{Properties, Result};

use crate::code::rivven_code;
use crate::error::rivven_error_t;
use crate::guard::{fallible, silent};
use crate::handle::{self, Opaque, lock};
use crate::input::{required, text};

/// How a client is to work.
///
/// It belongs to the caller, who frees it with `rivven_config_free`; a client
/// copies it. Meant for one thread at a time.
pub struct rivven_config_t {
    _opaque: [u8; 0],
}

impl Opaque for rivven_config_t {
    type Value = Mutex<Properties>;
    const MARKER: u64 = 0x7269_765f_636f_6e66;
    const NAME: (&'static str, &'static str) = ("config", "rivven_config_new");
}

/// The values of a configuration at this moment.
///
/// # Safety
///
/// As `handle::borrow`.
pub(crate) unsafe fn snapshot(config: *const rivven_config_t) -> Result<Properties> {
    // SAFETY: passed on to the caller.
    let properties = unsafe { handle::borrow(config)? };
    Ok(lock(properties).clone())
}

/// Makes a configuration in which every key has its default.
///
/// It is stored in `*config`. Fails with `RIVVEN_CODE_INVALID_ARGUMENT` only, if `config` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_config_new(
    config: *mut *mut rivven_config_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the outputs were checked, and the caller gives room for them.
    unsafe {
        fallible(error, || -> Result<()> {
            required(config, "config")?;
            config.write(handle::make(Mutex::new(Properties::new())));
            Ok(())
        })
    }
}

/// Sets a key to a value; both are copied.
///
/// Numbers and times are written in decimal: `rivven_config_set(config,
/// "request.timeout.ms", "5000", &error)`. A key that was set before is set
/// anew.
///
/// Fails with `RIVVEN_CODE_INVALID_CONFIG` for an unknown key, whose nearest
/// known one is named, and for a value that the key does not take; with
/// `RIVVEN_CODE_INVALID_ARGUMENT` for NULL and for what is not UTF-8. The
/// configuration is unchanged then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_config_set(
    config: *mut rivven_config_t,
    key: *const c_char,
    value: *const c_char,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a configuration and strings that end with a zero.
    unsafe {
        fallible(error, || {
            let properties = handle::borrow(config.cast_const())?;
            let (key, value) = (text(key, "key")?, text(value, "value")?);
            lock(properties).set(key, value).map(drop)
        })
    }
}

/// Frees a configuration; accepts NULL. Clients made from it go on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_config_free(config: *mut rivven_config_t) {
    // SAFETY: the caller gives NULL or a configuration that is not used any more.
    silent(|| unsafe { handle::release(config) });
}
