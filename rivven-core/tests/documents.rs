//! The documents that are made from tables in the code say what the tables say.
//!
//! `RIVVEN_WRITE_DOCUMENTS=1 cargo test -p rivven-client --test documents` writes them anew.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use rivven_client::{ErrorCode, Kind, Property, Scope};

/// Compares a document with what it has to be, or writes it.
fn check(name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    if std::env::var_os("RIVVEN_WRITE_DOCUMENTS").is_some() {
        fs::write(&path, expected).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "docs/{name} is out of date: run this test with RIVVEN_WRITE_DOCUMENTS=1");
}

fn values(key: &Property) -> String {
    match key.kind {
        Kind::Text => "text".into(),
        Kind::List => "texts between commas".into(),
        Kind::Flag => "`true` or `false`".into(),
        Kind::Choice(choices) => choices.iter().map(|choice| format!("`{choice}`")).collect::<Vec<_>>().join(", "),
        Kind::Integer { min, max } => format!("{min} to {max}"),
        Kind::Decimal { min, max } => format!("{min} to {max}, with a fraction"),
        _ => "as its description says".into(),
    }
}

/// The keys of some scopes, with the defaults of producers and consumers where they are others.
fn table(scopes: impl Fn(Scope) -> bool) -> String {
    let mut text = String::from("| key | values | default | what it does |\n|---|---|---|---|\n");
    for key in Property::all().iter().filter(|key| scopes(key.scope)) {
        let mut default = key.default.map_or("as described".to_owned(), |default| format!("`{default}`"));
        for (whose, value) in [("producers", key.producer_default), ("consumers", key.consumer_default)] {
            if let Some(value) = value {
                default += &format!(", for {whose} `{value}`");
            }
        }
        let mut doc = key.doc.to_owned();
        if key.secret {
            doc += " (never shown)";
        }
        if key.scope == Scope::Process {
            doc += " (one value for the process)";
        }
        writeln!(text, "| `{}` | {} | {default} | {doc} |", key.name, values(key)).unwrap();
    }
    text
}

#[test]
fn the_configuration_keys() {
    let mut text = String::from(
        "# Configuration\n\n\
         Every key, made from `rivven-core/src/config/keys.rs`. C, C++ and files spell a key as here, Python with\n\
         `_` (`request_timeout_ms`), Node in camel case (`requestTimeoutMs`); `Properties` of Rust takes any of\n\
         them. Keys that end in `.ms` are milliseconds.\n\n\
         A key that a client, producer or consumer has no use for is accepted and not read: one set of values does for\n\
         all.\n\n\
         ## Clients, and producers and consumers where it concerns them\n\n",
    );
    text += &table(|scope| scope != Scope::Producer && scope != Scope::Consumer);
    text += "\n## Producers\n\n";
    text += &table(|scope| scope == Scope::Producer);
    text += "\n## Consumers\n\n";
    text += &table(|scope| scope == Scope::Consumer);
    check("CONFIGURATION.md", &text);
}

#[test]
fn the_error_codes() {
    let mut text = String::from(
        "# Errors\n\n\
         Every code, made from `rivven-core/src/error/code.rs`. The name is the code in Python and Node, with the\n\
         prefix `RIVVEN_CODE_` in C; numbers never change. *Retry*: the same call may succeed when it is repeated.\n\
         *Fatal*: the handle is of no use any more. *Abort*: the open transaction has to be aborted. The outcome is\n\
         what is known of the request where the error itself says nothing more exact.\n\n\
         What was called decides where one answer means two things: after `UNKNOWN_TOPIC_OR_PARTITION` a publish, a\n\
         consume and a commit of offsets may be repeated, as the broker may come to know the topic; nothing but a\n\
         consume may after `ANSWER_TOO_LARGE`, and that for fewer records.\n\n\
         | number | name | meaning | flag | outcome |\n|---|---|---|---|---|\n",
    );
    for code in ErrorCode::ALL {
        let flags = [("retry", code.is_retriable()), ("fatal", code.is_fatal()), ("abort", code.is_abortable())];
        let flag = flags.iter().find(|(_, set)| *set).map_or("", |(name, _)| *name);
        let (value, name, meaning, outcome) = (code.value(), code.name(), code.text(), code.outcome().name());
        writeln!(text, "| {value} | `{name}` | {meaning} | {flag} | `{outcome}` |").unwrap();
    }
    check("ERRORS.md", &text);
}
