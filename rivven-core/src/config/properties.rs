//! Configuration as strings, for languages and files.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::keys::{Kind, Property, Scope, dotted};
use crate::error::{Detail, Error, Result};

/// Values by key, each checked when it is set.
///
/// `Debug` hides secrets.
#[derive(Clone, Default)]
pub struct Properties {
    values: BTreeMap<&'static str, String>,
}

impl Properties {
    /// No value set: every key has its default.
    pub fn new() -> Self {
        Properties::default()
    }

    /// Sets a key, in any spelling, to a value.
    ///
    /// # Errors
    ///
    /// `INVALID_CONFIG` for an unknown key (the nearest one is named) or a
    /// value that it does not take.
    pub fn set(&mut self, name: &str, value: &str) -> Result<&mut Self> {
        let key = Property::find(name).ok_or_else(|| unknown(name))?;
        check(key, name, value)?;
        // A password may begin or end with a space.
        let value = if key.secret { value } else { value.trim() };
        self.values.insert(key.name, value.to_owned());
        Ok(self)
    }

    /// The value of a key: the one set, or else its default.
    pub fn get(&self, name: &str) -> Option<&str> {
        let key = Property::find(name)?;
        self.values.get(key.name).map(String::as_str).or(key.default)
    }

    /// The same values, with the defaults of a scope where they differ from those of every client.
    pub(super) fn within(&self, scope: Scope) -> Properties {
        let mut properties = self.clone();
        for key in Property::all().iter().filter(|key| key.default_in(scope) != key.default) {
            let default = key.default_in(scope).unwrap_or_default();
            properties.values.entry(key.name).or_insert_with(|| default.to_owned());
        }
        properties
    }

    pub(super) fn duration(&self, name: &str) -> Option<Duration> {
        self.integer(name).map(Duration::from_millis)
    }

    /// The value of a key that holds a whole number.
    pub fn integer(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    /// The value of a key that holds a number.
    pub(super) fn decimal(&self, name: &str) -> Option<f64> {
        self.get(name)?.parse().ok()
    }

    /// The value of a key that is `true` or `false`.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }

    /// A build without TLS must not connect in clear what was to be encrypted.
    #[cfg(not(feature = "tls"))]
    pub(super) fn refuse_tls(&self) -> Result<()> {
        let asked = Property::all()
            .iter()
            .filter(|key| key.name.starts_with("tls."))
            .find(|key| self.explicit(key.name).is_some_and(|value| value != "false"));
        match asked {
            Some(key) => Err(Error::ConfigError(Detail::new(format!(
                "{} is set, but the client was built without TLS: build it with the feature tls",
                key.name
            )))),
            None => Ok(()),
        }
    }

    /// The value that was set for a key, if any; defaults do not count.
    pub(super) fn explicit(&self, name: &str) -> Option<&str> {
        self.values.get(Property::find(name)?.name).map(String::as_str)
    }

    pub(super) fn list(&self, name: &str) -> Vec<String> {
        self.get(name).map(entries).into_iter().flatten().map(str::to_owned).collect()
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.values.iter().map(|(name, value)| {
            let secret = Property::find(name).is_some_and(|key| key.secret);
            (name, if secret { "[REDACTED]" } else { value.as_str() })
        });
        f.debug_map().entries(shown).finish()
    }
}

fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}

fn check(key: &Property, name: &str, value: &str) -> Result<()> {
    let problem = match key.kind {
        Kind::Text if value.trim().is_empty() => "a text that is not empty".to_owned(),
        Kind::List if entries(value).next().is_none() => "at least one entry, between commas".to_owned(),
        Kind::Flag if !matches!(value.trim(), "true" | "false") => "true or false".to_owned(),
        Kind::Choice(choices) if !choices.contains(&value.trim()) => format!("one of {}", choices.join(", ")),
        Kind::Integer { min, max } if !value.trim().parse().is_ok_and(|number: u64| (min..=max).contains(&number)) => {
            format!("a whole number from {min} to {max}")
        }
        Kind::Decimal { min, max } if !value.trim().parse().is_ok_and(|number: f64| (min..=max).contains(&number)) => {
            format!("a number from {min} to {max}")
        }
        _ => return Ok(()),
    };
    let shown = if key.secret { "[REDACTED]" } else { value };
    Err(Error::ConfigError(Detail::new(format!("{} is {shown:?} but takes {problem}", name.trim()))))
}

fn unknown(name: &str) -> Error {
    let wanted = dotted(name);
    let nearest = Property::all()
        .iter()
        .map(|key| (strsim::jaro_winkler(key.name, &wanted), key.name))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness > 0.8);
    let hint = nearest.map_or(String::new(), |(_, key)| format!(": did you mean {}?", spelled(key, name)));
    Error::ConfigError(Detail::new(format!("there is no configuration key {name:?}{hint}")))
}

/// The name of a key in the spelling of another name: `linger.ms`, `linger_ms` or `lingerMs`.
fn spelled(key: &str, like: &str) -> String {
    if like.contains('_') {
        return key.replace('.', "_");
    }
    if !like.contains(|c: char| c.is_ascii_uppercase()) {
        return key.to_owned();
    }
    let (first, rest) = key.split_once('.').unwrap_or((key, ""));
    let capitalised = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    first.to_owned() + &rest.split('.').filter(|word| !word.is_empty()).map(capitalised).collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    #[test]
    fn values_are_checked_when_they_are_set() {
        let mut properties = Properties::new();
        properties.set("request_timeout_ms", " 5 ").unwrap();
        assert_eq!(properties.duration("request.timeout.ms"), Some(Duration::from_millis(5)));
        for (name, value) in [
            ("request.timeout.ms", "0"),
            ("requestTimeoutMs", "x"),
            ("bootstrap.servers", " , "),
            ("client.id", ""),
            ("tls.enabled", "yes"),
            ("auth.mechanism", "gssapi"),
            ("retry.multiplier", "0.5"),
            ("retry.multiplier", "NaN"),
        ] {
            assert_eq!(properties.set(name, value).unwrap_err().code(), ErrorCode::InvalidConfig, "{name}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let mut properties = Properties::new();
        properties.set("auth.password", "hunter2").unwrap();
        assert!(!format!("{properties:?}").contains("hunter2"));
        let error = properties.set("auth.password", "").unwrap_err();
        assert!(error.to_string().contains("[REDACTED]"), "{error}");
    }

    #[test]
    fn spaces_around_a_value_are_removed_but_not_those_of_a_password() {
        let mut properties = Properties::new();
        properties.set("auth.username", " alice ").unwrap().set("auth.password", " hunter2 ").unwrap();
        assert_eq!(
            (properties.get("auth.username"), properties.get("auth.password")),
            (Some("alice"), Some(" hunter2 "))
        );
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_name() {
        let error = Properties::new().set("request.timeout", "1").unwrap_err();
        assert!(error.to_string().contains("did you mean request.timeout.ms?"), "{error}");
        for (name, near) in [("request_timeout", "request_timeout_ms"), ("requestTimeout", "requestTimeoutMs")] {
            let error = Properties::new().set(name, "1").unwrap_err();
            assert!(error.to_string().contains(&format!("did you mean {near}?")), "{error}");
        }
        let error = Properties::new().set("requestTimeoutMs", "soon").unwrap_err();
        assert!(error.to_string().contains("requestTimeoutMs is"), "{error}");
    }
}
