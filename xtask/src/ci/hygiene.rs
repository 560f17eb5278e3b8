//! No tracked file may depend on the machine it was written on.

use std::fs;

use anyhow::Result;

use crate::checks::Tally;
use crate::session::Session;

/// What no file may contain, written so that this one does not: hosts of
/// package registries and of mirrors, and folders of somebody's machine.
const FORBIDDEN: [&str; 9] = [
    concat!("registry.", "npmjs"),
    concat!("registry.", "yarnpkg"),
    concat!("pypi", ".org"),
    concat!("python", "hosted.org"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("arti", "factory"),
    concat!("/root", "/"),
    concat!("/work", "/main"),
];

/// Looks through all tracked files but lock files of cargo.
pub(super) fn run(session: &Session) -> Result<Tally> {
    let mut list = session.command("git");
    list.args(["ls-files", "-z", "--", ".", ":!:*Cargo.lock"]);
    let files = session.query(&mut list)?;
    let mut found = Vec::new();
    for file in files.trim_end().split('\0').filter(|file| !file.is_empty()) {
        // A file that is tracked but deleted, or a link to a folder, has no text.
        let Ok(bytes) = fs::read(session.root.join(file)) else { continue };
        let text = String::from_utf8_lossy(&bytes);
        for (number, line) in text.lines().enumerate() {
            let forbidden = FORBIDDEN.iter().filter(|forbidden| line.contains(**forbidden));
            found.extend(forbidden.map(|forbidden| format!("{file}:{}: {forbidden}", number + 1)));
        }
    }
    Ok(if found.is_empty() { Tally::PASSED } else { Tally::failure(format!("found\n{}", found.join("\n"))) })
}
