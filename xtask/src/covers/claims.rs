//! The features and the languages that each is claimed for.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::language::Language;

/// The file with the claims.
pub(super) const FILE: &str = "testing/parity/features.toml";

/// A feature by which the client can be judged.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Feature {
    /// What it is, in a few words.
    pub(super) title: String,
    /// The languages that it is claimed for; none if it is not built yet.
    pub(super) languages: Vec<Language>,
}

/// The features by their ids.
pub(super) type Features = BTreeMap<String, Feature>;

/// Reads the file of the repository.
pub(super) fn load(root: &Path) -> Result<Features> {
    parse(&fs::read_to_string(root.join(FILE)).context(FILE)?).context(FILE)
}

pub(super) fn parse(text: &str) -> Result<Features> {
    Ok(toml::from_str(text)?)
}
