//! Topics

use std::ffi::c_char;

use rivven_client::ops::{CreateTopic, DeleteTopic, GetMetadata, ListTopics};

use crate::client::{on_client, rivven_client_t};
use crate::code::rivven_code;
use crate::error::rivven_error_t;
use crate::input::{number_or_default, required, store, text};
use crate::strings::{list, rivven_strings_t};

/// For `rivven_client_create_topic`: as many partitions as the broker gives by default.
pub const RIVVEN_PARTITIONS_DEFAULT: i64 = -1;

/// Creates a topic.
///
/// `name` has 1 to 255 of the characters `a-zA-Z0-9._-` and begins with a letter
/// or a digit. `partitions` is 1 to 1000 or `RIVVEN_PARTITIONS_DEFAULT`. The
/// number of partitions that the topic has goes to `*created`, which may be
/// NULL.
///
/// Fails with `RIVVEN_CODE_TOPIC_ALREADY_EXISTS`, `RIVVEN_CODE_INVALID_TOPIC`,
/// `RIVVEN_CODE_INVALID_PARTITIONS`, and as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_create_topic(
    client: *mut rivven_client_t,
    name: *const c_char,
    partitions: i64,
    created: *mut u32,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a string that ends with a zero, and room for the output.
    unsafe {
        on_client(client, error, |client| {
            let partitions = number_or_default(partitions, "partitions")?;
            let operation = CreateTopic { name: text(name, "name")?, partitions };
            store(created, client.start(&operation)?.wait()?);
            Ok(())
        })
    }
}

/// Lists the names of all topics, in no order, and stores the list in `*names`.
///
/// The caller frees it with `rivven_strings_free`. Fails as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_list_topics(
    client: *mut rivven_client_t,
    names: *mut *mut rivven_strings_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        on_client(client, error, |client| {
            required(names, "names")?;
            names.write(list(client.start(&ListTopics)?.wait()?));
            Ok(())
        })
    }
}

/// Deletes a topic.
///
/// Broker release 0.0.22 keeps the log files: a topic created anew under the
/// same name has the old records. Fails with
/// `RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION`, and as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_delete_topic(
    client: *mut rivven_client_t,
    name: *const c_char,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a string that ends with a zero.
    unsafe { on_client(client, error, |client| client.start(&DeleteTopic { name: text(name, "name")? })?.wait()) }
}

/// Stores the number of partitions of a topic in `*partitions`, which may be NULL.
///
/// Never creates the topic. Fails with
/// `RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION`, and as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_get_metadata(
    client: *mut rivven_client_t,
    topic: *const c_char,
    partitions: *mut u32,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a string that ends with a zero, and room for the output.
    unsafe {
        on_client(client, error, |client| {
            let (_name, count) = client.start(&GetMetadata { topic: text(topic, "topic")? })?.wait()?;
            store(partitions, count);
            Ok(())
        })
    }
}
