//! What an error carries behind its variant.

use std::error::Error as StdError;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use super::{ErrorCode, Outcome};

type Source = Arc<dyn StdError + Send + Sync>;

/// The text of an error and what goes with it: code, address, outcome, source.
///
/// It reads as a string (`Display`, `Deref<Target = str>`) and is made from one.
/// Cloning is cheap.
#[derive(Clone)]
pub struct Detail(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    text: String,
    code: Option<ErrorCode>,
    address: Option<Arc<str>>,
    outcome: Option<Outcome>,
    retriable: Option<bool>,
    registry_code: Option<u32>,
    retry_after: Option<Duration>,
    source: Option<Source>,
}

impl Detail {
    /// A detail of a text alone.
    pub fn new(text: impl Into<String>) -> Self {
        Detail(Arc::new(Inner {
            text: text.into(),
            code: None,
            address: None,
            outcome: None,
            retriable: None,
            registry_code: None,
            retry_after: None,
            source: None,
        }))
    }

    /// The code, where the error has one more exact than its variant's.
    pub fn code(&self) -> Option<ErrorCode> {
        self.0.code
    }

    /// The server concerned, as it was dialled: `host:port`.
    pub fn address(&self) -> Option<&str> {
        self.0.address.as_deref()
    }

    /// What is known of the request's execution.
    pub fn outcome(&self) -> Option<Outcome> {
        self.0.outcome
    }

    /// Whether the same call may succeed when it is repeated, where the code alone does not say it.
    pub(crate) fn retriable(&self) -> Option<bool> {
        self.0.retriable
    }

    /// The schema registry's own number for the error (`error_code`), where it gave one.
    pub fn registry_code(&self) -> Option<u32> {
        self.0.registry_code
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The error beneath, if there is one.
    pub fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }

    /// The same with this code.
    pub fn with_code(self, code: ErrorCode) -> Self {
        self.change(|inner| inner.code = Some(code))
    }

    pub(crate) fn with_address(self, address: &Arc<str>) -> Self {
        self.change(|inner| inner.address = Some(Arc::clone(address)))
    }

    /// The same with this outcome.
    pub fn with_outcome(self, outcome: Outcome) -> Self {
        self.change(|inner| inner.outcome = Some(outcome))
    }

    pub(crate) fn with_retriable(self, retriable: Option<bool>) -> Self {
        self.change(|inner| inner.retriable = retriable)
    }

    #[cfg(feature = "schema-registry")]
    pub(crate) fn with_registry_code(self, code: Option<u32>) -> Self {
        self.change(|inner| inner.registry_code = code)
    }

    pub(crate) fn with_retry_after(self, wait: Duration) -> Self {
        self.change(|inner| inner.retry_after = Some(wait))
    }

    pub(crate) fn with_source(self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.change(|inner| inner.source = Some(Arc::new(source)))
    }

    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl fmt::Debug for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0.text, f)
    }
}

impl Deref for Detail {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0.text
    }
}

impl From<String> for Detail {
    fn from(text: String) -> Self {
        Detail::new(text)
    }
}

impl From<&str> for Detail {
    fn from(text: &str) -> Self {
        Detail::new(text)
    }
}

impl PartialEq<str> for Detail {
    fn eq(&self, other: &str) -> bool {
        self.0.text == other
    }
}

impl PartialEq<&str> for Detail {
    fn eq(&self, other: &&str) -> bool {
        self.0.text == *other
    }
}
