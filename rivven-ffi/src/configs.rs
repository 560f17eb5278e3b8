//! Settings of topics
//!
//! The broker knows `retention.ms`, `retention.bytes`, `max.message.bytes`,
//! `segment.bytes`, `segment.ms`, `cleanup.policy`, `min.insync.replicas` and
//! `compression.type`.

use std::collections::HashMap;
use std::ffi::{CString, c_char};
use std::ptr;

use rivven_client::Result;
use rivven_client::ops::{AlterTopicConfig, DescribeTopicConfigs, TopicConfigs};
use rivven_client::protocol::TopicConfigValue;

use crate::client::{on_client, rivven_client_t};
use crate::code::rivven_code;
use crate::error::{c_string, rivven_error_t};
use crate::guard::{read, silent};
use crate::handle::{self, Opaque};
use crate::input::{array, optional_text, required, store, text, texts};

/// The settings of topics, sorted by the names of the topics and then by their own.
///
/// It belongs to the caller, who frees it with `rivven_topic_configs_free`. It
/// never changes, so it may be read from any thread.
pub struct rivven_topic_configs_t {
    _opaque: [u8; 0],
}

/// A topic in the form that C reads.
pub(crate) struct Topic {
    name: CString,
    settings: Vec<Setting>,
}

/// A setting in the form that C reads.
struct Setting {
    key: CString,
    value: CString,
    is_default: bool,
    is_read_only: bool,
    is_sensitive: bool,
}

impl Opaque for rivven_topic_configs_t {
    type Value = Vec<Topic>;
    const MARKER: u64 = 0x7269_765f_7463_6667;
    const NAME: (&'static str, &'static str) = ("settings of topics", "rivven_client_describe_topic_configs");
}

impl From<(String, HashMap<String, TopicConfigValue>)> for Topic {
    fn from((name, configs): (String, HashMap<String, TopicConfigValue>)) -> Self {
        let mut settings: Vec<_> = configs.into_iter().map(Setting::from).collect();
        settings.sort_by(|a, b| a.key.cmp(&b.key));
        Topic { name: c_string(name), settings }
    }
}

impl From<(String, TopicConfigValue)> for Setting {
    fn from((key, config): (String, TopicConfigValue)) -> Self {
        let TopicConfigValue { value, is_default, is_read_only, is_sensitive } = config;
        Setting { key: c_string(key), value: c_string(value), is_default, is_read_only, is_sensitive }
    }
}

fn topics(configs: TopicConfigs) -> Vec<Topic> {
    let mut topics: Vec<_> = configs.into_iter().map(Topic::from).collect();
    topics.sort_by(|a, b| a.name.cmp(&b.name));
    topics
}

/// Reads a setting; `otherwise` is what stands for none.
unsafe fn setting<T>(
    configs: *const rivven_topic_configs_t,
    (topic, index): (usize, usize),
    otherwise: T,
    look: impl FnOnce(&Setting) -> T,
) -> T {
    // SAFETY: the caller gives NULL or settings.
    unsafe { read(configs, otherwise, |topics| topics.get(topic)?.settings.get(index).map(look)) }
}

/// Asks for the settings of topics and stores them in `*configs`.
///
/// `topics` is an array of `count` names; with a `count` of 0, for which it may
/// be NULL, the answer has the topics with changed settings. Unknown topics
/// are answered with the defaults. The caller frees the answer with
/// `rivven_topic_configs_free`. Fails with `RIVVEN_CODE_INVALID_TOPIC`, and as
/// every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_describe_topic_configs(
    client: *mut rivven_client_t,
    topics: *const *const c_char,
    count: usize,
    configs: *mut *mut rivven_topic_configs_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it and valid arrays.
    unsafe {
        on_client(client, error, |client| {
            required(configs, "configs")?;
            let names = texts(topics, count, "topics")?;
            let described = client.start(&DescribeTopicConfigs { topics: &names })?.wait()?;
            configs.write(handle::make(self::topics(described)));
            Ok(())
        })
    }
}

/// Changes settings of a topic, or takes them back to their defaults.
///
/// `keys` and `values` are arrays of `count` strings; NULL in `values` takes
/// the default back. How many settings were changed goes to `*changed`, which
/// may be NULL. The changes are not made together: those before a bad one stay.
///
/// Fails with `RIVVEN_CODE_INVALID_TOPIC_CONFIG` for a key or a value that the
/// broker does not take, `RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION`, and as every
/// request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_alter_topic_config(
    client: *mut rivven_client_t,
    topic: *const c_char,
    keys: *const *const c_char,
    values: *const *const c_char,
    count: usize,
    changed: *mut usize,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives valid arrays and a string, and room for the output.
    unsafe {
        on_client(client, error, |client| {
            let (topic, keys) = (text(topic, "topic")?, texts(keys, count, "keys")?);
            let values = array(values, count, "values")?.iter().map(|&value| optional_text(value, "a value"));
            let configs: Vec<_> =
                keys.into_iter().zip(values).map(|(key, value)| Ok((key, value?))).collect::<Result<_>>()?;
            store(changed, client.start(&AlterTopicConfig { topic, configs: &configs })?.wait()?.changed_count);
            Ok(())
        })
    }
}

/// Gives the number of topics; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_topic_configs_len(configs: *const rivven_topic_configs_t) -> usize {
    // SAFETY: the caller gives NULL or settings.
    unsafe { read(configs, 0, |topics| Some(topics.len())) }
}

/// Gives the name of a topic; NULL if there is none of that index.
///
/// It lives as long as the settings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_topic_configs_topic(
    configs: *const rivven_topic_configs_t,
    topic: usize,
) -> *const c_char {
    // SAFETY: the caller gives NULL or settings.
    unsafe { read(configs, ptr::null(), |topics| Some(topics.get(topic)?.name.as_ptr())) }
}

/// Gives the number of settings of a topic; 0 if there is none of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_topic_configs_settings_len(
    configs: *const rivven_topic_configs_t,
    topic: usize,
) -> usize {
    // SAFETY: the caller gives NULL or settings.
    unsafe { read(configs, 0, |topics| Some(topics.get(topic)?.settings.len())) }
}

/// Gives the key of a setting, `retention.ms` for instance; NULL if there is none of that index.
///
/// It lives as long as the settings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_topic_configs_key(
    configs: *const rivven_topic_configs_t,
    topic: usize,
    index: usize,
) -> *const c_char {
    // SAFETY: the caller gives NULL or settings.
    unsafe { setting(configs, (topic, index), ptr::null(), |setting| setting.key.as_ptr()) }
}

/// Gives the value of a setting, as text; NULL if there is none of that index.
///
/// It lives as long as the settings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_topic_configs_value(
    configs: *const rivven_topic_configs_t,
    topic: usize,
    index: usize,
) -> *const c_char {
    // SAFETY: the caller gives NULL or settings.
    unsafe { setting(configs, (topic, index), ptr::null(), |setting| setting.value.as_ptr()) }
}

/// Tells whether the value of a setting is the broker's default.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_topic_configs_is_default(
    configs: *const rivven_topic_configs_t,
    topic: usize,
    index: usize,
) -> bool {
    // SAFETY: the caller gives NULL or settings.
    unsafe { setting(configs, (topic, index), false, |setting| setting.is_default) }
}

/// Tells whether a setting cannot be changed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_topic_configs_is_read_only(
    configs: *const rivven_topic_configs_t,
    topic: usize,
    index: usize,
) -> bool {
    // SAFETY: the caller gives NULL or settings.
    unsafe { setting(configs, (topic, index), false, |setting| setting.is_read_only) }
}

/// Tells whether the value of a setting should not be shown.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_topic_configs_is_sensitive(
    configs: *const rivven_topic_configs_t,
    topic: usize,
    index: usize,
) -> bool {
    // SAFETY: the caller gives NULL or settings.
    unsafe { setting(configs, (topic, index), false, |setting| setting.is_sensitive) }
}

/// Frees settings and the strings they gave; accepts NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_topic_configs_free(configs: *mut rivven_topic_configs_t) {
    // SAFETY: the caller gives NULL or settings that are not used any more.
    silent(|| unsafe { handle::release(configs) });
}
