//! Quotas
//!
//! An entity has a type (`user`, `client-id`, `consumer-group`, `default`) and a
//! name; without a name the default of its type is meant. The keys of quotas are
//! `produce_bytes_rate`, `consume_bytes_rate` and `request_rate`. Broker
//! release 0.0.22 stores and shows quotas, but limits all clients together by
//! its own defaults.

use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::Mutex;

use rivven_client::Result;
use rivven_client::ops::{AlterQuotas, DescribeQuotas};
use rivven_client::protocol::{QuotaAlteration, QuotaEntry};

use crate::client::{on_client, rivven_client_t};
use crate::code::rivven_code;
use crate::error::{c_string, rivven_error_t};
use crate::guard::{fallible, read, silent};
use crate::handle::{self, Opaque, lock};
use crate::input::{array, optional_text, required, store, text, texts};
use crate::strings::pointer;

/// The quotas of entities.
///
/// It belongs to the caller, who frees it with `rivven_quotas_free`. It never
/// changes, so it may be read from any thread.
pub struct rivven_quotas_t {
    _opaque: [u8; 0],
}

/// An entity in the form that C reads.
pub(crate) struct Entity {
    kind: CString,
    name: Option<CString>,
    quotas: Vec<(CString, u64)>,
}

impl Opaque for rivven_quotas_t {
    type Value = Vec<Entity>;
    const MARKER: u64 = 0x7269_765f_7175_6f74;
    const NAME: (&'static str, &'static str) = ("list of quotas", "rivven_client_describe_quotas");
}

impl From<QuotaEntry> for Entity {
    fn from(entry: QuotaEntry) -> Self {
        let mut quotas: Vec<_> = entry.quotas.into_iter().map(|(key, value)| (c_string(key), value)).collect();
        quotas.sort();
        Entity { kind: c_string(entry.entity_type), name: entry.entity_name.map(c_string), quotas }
    }
}

/// Changes of quotas.
///
/// It belongs to the caller, who frees it with `rivven_quota_alterations_free`.
/// Meant for one thread at a time.
pub struct rivven_quota_alterations_t {
    _opaque: [u8; 0],
}

impl Opaque for rivven_quota_alterations_t {
    type Value = Mutex<Vec<QuotaAlteration>>;
    const MARKER: u64 = 0x7269_765f_7161_6c74;
    const NAME: (&'static str, &'static str) = ("list of alterations", "rivven_quota_alterations_new");
}

/// Asks for the quotas of entities and stores them in `*quotas`.
///
/// `entity_types` and `entity_names` are arrays of `count` strings; NULL in
/// `entity_names` asks for the default of the type. With a `count` of 0, for
/// which both may be NULL, the answer has all entities. The caller frees it
/// with `rivven_quotas_free`. Fails as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_describe_quotas(
    client: *mut rivven_client_t,
    entity_types: *const *const c_char,
    entity_names: *const *const c_char,
    count: usize,
    quotas: *mut *mut rivven_quotas_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it and valid arrays.
    unsafe {
        on_client(client, error, |client| {
            required(quotas, "quotas")?;
            let types = texts(entity_types, count, "entity_types")?;
            let names = array(entity_names, count, "entity_names")?;
            let entity = |(kind, name): (&str, &*const c_char)| {
                Ok((kind.to_owned(), optional_text(*name, "an entity name")?.map(str::to_owned)))
            };
            let entities: Vec<_> = types.into_iter().zip(names).map(entity).collect::<Result<_>>()?;
            let described = client.start(&DescribeQuotas { entities: &entities })?.wait()?;
            quotas.write(handle::make(described.into_iter().map(Entity::from).collect()));
            Ok(())
        })
    }
}

/// Sets and removes quotas.
///
/// How many were changed goes to `*altered`, which may be NULL; compare it,
/// since the broker passes over unknown types and keys without an error.
/// `alterations` stays the caller's. Fails as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_alter_quotas(
    client: *mut rivven_client_t,
    alterations: *const rivven_quota_alterations_t,
    altered: *mut usize,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives alterations, and room for the output.
    unsafe {
        on_client(client, error, |client| {
            let alterations = lock(handle::borrow(alterations)?).clone();
            store(altered, client.start(&AlterQuotas { alterations: &alterations })?.wait()?);
            Ok(())
        })
    }
}

/// Makes a list without alterations and stores it in `*alterations`.
///
/// The caller frees it with `rivven_quota_alterations_free`. Fails with
/// `RIVVEN_CODE_INVALID_ARGUMENT` only, if `alterations` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_quota_alterations_new(
    alterations: *mut *mut rivven_quota_alterations_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        fallible(error, || -> Result<()> {
            required(alterations, "alterations")?;
            alterations.write(handle::make(Mutex::default()));
            Ok(())
        })
    }
}

/// Adds the setting of a quota to a value.
///
/// `entity_name` NULL stands for the default of the type. Fails with
/// `RIVVEN_CODE_INVALID_ARGUMENT` only; the list is unchanged then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_quota_alterations_set(
    alterations: *mut rivven_quota_alterations_t,
    entity_type: *const c_char,
    entity_name: *const c_char,
    key: *const c_char,
    value: u64,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe { add(alterations, (entity_type, entity_name), key, Some(value), error) }
}

/// Adds the removal of a quota; otherwise as `rivven_quota_alterations_set`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_quota_alterations_remove(
    alterations: *mut rivven_quota_alterations_t,
    entity_type: *const c_char,
    entity_name: *const c_char,
    key: *const c_char,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe { add(alterations, (entity_type, entity_name), key, None, error) }
}

/// What the functions that add an alteration have in common.
unsafe fn add(
    alterations: *mut rivven_quota_alterations_t,
    (entity_type, entity_name): (*const c_char, *const c_char),
    key: *const c_char,
    quota_value: Option<u64>,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives alterations and strings that end with a zero.
    unsafe {
        fallible(error, || -> Result<()> {
            let alterations = handle::borrow(alterations.cast_const())?;
            let alteration = QuotaAlteration {
                entity_type: text(entity_type, "entity_type")?.to_owned(),
                entity_name: optional_text(entity_name, "entity_name")?.map(str::to_owned),
                quota_key: text(key, "key")?.to_owned(),
                quota_value,
            };
            lock(alterations).push(alteration);
            Ok(())
        })
    }
}

/// Frees a list of alterations; accepts NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_quota_alterations_free(alterations: *mut rivven_quota_alterations_t) {
    // SAFETY: the caller gives NULL or alterations that are not used any more.
    silent(|| unsafe { handle::release(alterations) });
}

/// Gives the number of entities; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_quotas_len(quotas: *const rivven_quotas_t) -> usize {
    // SAFETY: the caller gives NULL or quotas.
    unsafe { read(quotas, 0, |entities| Some(entities.len())) }
}

/// Gives the type of an entity; NULL if there is none of that index.
///
/// It lives as long as the quotas.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_quotas_entity_type(quotas: *const rivven_quotas_t, entity: usize) -> *const c_char {
    // SAFETY: the caller gives NULL or quotas.
    unsafe { read(quotas, ptr::null(), |entities| Some(entities.get(entity)?.kind.as_ptr())) }
}

/// Gives the name of an entity; NULL for the default of its type.
///
/// NULL if there is no entity of that index. It lives as long as the quotas.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_quotas_entity_name(quotas: *const rivven_quotas_t, entity: usize) -> *const c_char {
    // SAFETY: the caller gives NULL or quotas.
    unsafe { read(quotas, ptr::null(), |entities| Some(pointer(&entities.get(entity)?.name))) }
}

/// Gives the number of quotas of an entity, which are sorted by key.
///
/// 0 if there is no entity of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_quotas_quotas_len(quotas: *const rivven_quotas_t, entity: usize) -> usize {
    // SAFETY: the caller gives NULL or quotas.
    unsafe { read(quotas, 0, |entities| Some(entities.get(entity)?.quotas.len())) }
}

/// Gives the key of a quota; NULL if there is none of that index.
///
/// It lives as long as the quotas.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_quotas_key(
    quotas: *const rivven_quotas_t,
    entity: usize,
    index: usize,
) -> *const c_char {
    // SAFETY: the caller gives NULL or quotas.
    unsafe { read(quotas, ptr::null(), |entities| Some(entities.get(entity)?.quotas.get(index)?.0.as_ptr())) }
}

/// Gives the value of a quota; 0 if there is none of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_quotas_value(quotas: *const rivven_quotas_t, entity: usize, index: usize) -> u64 {
    // SAFETY: the caller gives NULL or quotas.
    unsafe { read(quotas, 0, |entities| Some(entities.get(entity)?.quotas.get(index)?.1)) }
}

/// Frees quotas and the strings they gave; accepts NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_quotas_free(quotas: *mut rivven_quotas_t) {
    // SAFETY: the caller gives NULL or quotas that are not used any more.
    silent(|| unsafe { handle::release(quotas) });
}
