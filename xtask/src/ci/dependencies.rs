//! What the packages that we depend on ask of us: their licences and their Rust.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use spdx::{Expression, ParseMode};

use crate::build;
use crate::checks::Tally;
use crate::session::Session;

/// The file of `cargo deny` with the licences that are allowed.
const DENY: &str = "deny.toml";

/// What this gate reads of it.
#[derive(Deserialize)]
struct Deny {
    licenses: Licences,
}

#[derive(Deserialize)]
struct Licences {
    allow: Vec<String>,
    #[serde(default)]
    exceptions: Vec<Exception>,
}

/// A licence that one package may have.
#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    package: String,
    allow: Vec<String>,
}

impl Licences {
    /// Why a package may not be used, if so.
    fn objection(&self, package: &Package) -> Option<String> {
        let name = &package.name;
        let Some(licence) = &package.license else { return Some(format!("{name} names no licence")) };
        let expression = match Expression::parse_mode(licence, ParseMode::LAX) {
            Ok(expression) => expression,
            Err(error) => return Some(format!("{name}: {licence}: {error}")),
        };
        let exceptions = self.exceptions.iter().filter(|exception| exception.package == *name);
        let allowed: Vec<&String> = self.allow.iter().chain(exceptions.flat_map(|one| &one.allow)).collect();
        let holds = expression.evaluate(|wanted| allowed.iter().any(|one| **one == wanted.to_string()));
        (!holds).then(|| format!("{name}: {licence} is not allowed by {DENY}"))
    }
}

/// What cargo knows of a workspace and all that it depends on.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    rust_version: Option<String>,
}

/// Every package of the workspace, with those of other systems than this one.
///
/// The test broker and the fuzz targets have workspaces of their own and are
/// never shipped, so neither their licences nor their Rust bind anybody.
fn packages(session: &Session) -> Result<Vec<Package>> {
    let mut command = session.cargo();
    command.args(["metadata", "--format-version", "1", "--locked", "--quiet"]);
    Ok(serde_json::from_str::<Metadata>(&session.query(&mut command)?)?.packages)
}

/// The licences of all that the workspace depends on; the packages of Python and Node depend on nothing.
pub(super) fn licences(session: &Session) -> Result<Tally> {
    let deny: Deny = toml::from_str(&read(&session.root, DENY)?).context(DENY)?;
    let packages = packages(session)?;
    let mut objections: Vec<String> = packages.iter().filter_map(|package| deny.licenses.objection(package)).collect();
    objections.extend(dependencies_of_node(&read(&session.root, &format!("{}/package.json", build::node::PACKAGE))?)?);
    objections
        .extend(dependencies_of_python(&read(&session.root, &format!("{}/pyproject.toml", build::python::PACKAGE))?)?);
    Ok(verdict(objections))
}

/// No package says that it needs a newer Rust than the workspace promises.
pub(super) fn rust_version(session: &Session) -> Result<Tally> {
    let packages = packages(session)?;
    let ours =
        packages.iter().find(|package| package.name == "xtask").and_then(|package| package.rust_version.as_deref());
    let promised = minor(ours.context("xtask has no rust-version")?)?;
    let mut newer = Vec::new();
    for package in &packages {
        let Some(wanted) = &package.rust_version else { continue };
        if minor(wanted)? > promised {
            newer.push(format!("{} {} needs Rust {wanted}, we promise 1.{promised}", package.name, package.version));
        }
    }
    Ok(verdict(newer))
}

fn read(root: &Path, file: &str) -> Result<String> {
    fs::read_to_string(root.join(file)).with_context(|| file.to_owned())
}

fn verdict(objections: Vec<String>) -> Tally {
    if objections.is_empty() { Tally::PASSED } else { Tally::failure(objections.join("\n")) }
}

/// The second number of a version such as `1.88` or `1.88.0`.
fn minor(version: &str) -> Result<u32> {
    let mut numbers = version.split('.');
    match (numbers.next(), numbers.next().map(str::parse)) {
        (Some("1"), Some(Ok(minor))) => Ok(minor),
        _ => bail!("`{version}` is no version of Rust"),
    }
}

/// What a package.json makes its users install, or its builder.
fn dependencies_of_node(manifest: &str) -> Result<Option<String>> {
    let manifest: serde_json::Value = serde_json::from_str(manifest)?;
    let kinds = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];
    let found = kinds.iter().find(|kind| manifest.get(kind).is_some());
    Ok(found.map(|kind| format!("the package of Node has {kind}")))
}

/// What a pyproject.toml makes its users install.
fn dependencies_of_python(manifest: &str) -> Result<Option<String>> {
    let manifest: toml::Table = toml::from_str(manifest)?;
    let dependencies = manifest.get("project").and_then(|project| project.get("dependencies")?.as_array());
    Ok(dependencies.filter(|list| !list.is_empty()).map(|_| "the package of Python has dependencies".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objection(name: &str, licence: Option<&str>) -> Option<String> {
        let deny: Deny = toml::from_str(
            "[licenses]\nallow = ['MIT', 'Apache-2.0', 'Apache-2.0 WITH LLVM-exception']\n\
             exceptions = [{ crate = 'tool', allow = ['MPL-2.0'] }]\n",
        )
        .unwrap();
        let license = licence.map(str::to_owned);
        deny.licenses.objection(&Package {
            name: name.to_owned(),
            version: "1.0.0".into(),
            license,
            rust_version: None,
        })
    }

    #[test]
    fn a_licence_is_allowed_as_a_whole() {
        for fine in ["MIT", "MIT/Unlicense", "GPL-3.0-only OR Apache-2.0", "Apache-2.0 WITH LLVM-exception"] {
            assert_eq!(objection("a", Some(fine)), None);
        }
        for refused in ["MIT AND ISC", "GPL-3.0-only", "MIT WITH LLVM-exception", "anything"] {
            assert!(objection("a", Some(refused)).is_some(), "{refused}");
        }
        assert!(objection("a", None).is_some());
    }

    #[test]
    fn an_exception_is_for_one_package() {
        assert_eq!(objection("tool", Some("MPL-2.0")), None);
        assert!(objection("a", Some("MPL-2.0")).is_some());
    }

    #[test]
    fn packages_of_the_other_languages_are_noticed() -> Result<()> {
        assert!(dependencies_of_node("{\"dependencies\": {\"a\": \"1\"}}")?.is_some());
        assert!(dependencies_of_node("{\"name\": \"rivven\"}")?.is_none());
        assert!(dependencies_of_python("[project]\ndependencies = ['a']")?.is_some());
        assert!(dependencies_of_python("[project]\nname = 'rivven'")?.is_none());
        Ok(())
    }

    #[test]
    fn versions_of_rust_are_compared_as_numbers() -> Result<()> {
        assert!(minor("1.9")? < minor("1.88.0")?);
        assert!(minor("2").is_err());
        Ok(())
    }
}
