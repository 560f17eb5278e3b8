//! What the headers promise, compared with what is there.

use std::collections::BTreeSet;

use rivven_bridge::SURFACE;
use rivven_client::ErrorCode;

const HEADER: &str = include_str!("../../include/rivven.h");
const CPP_HEADER: &str = include_str!("../../include/rivven.hpp");
const EVERY: &str = include_str!("../tests/c/every.h");
const EVERY_CONSUMER: &str = include_str!("../tests/c/every_consumer.h");
const EVERY_TRANSACTION: &str = include_str!("../tests/c/every_transaction.h");
const SYMBOLS: &str = include_str!("../symbols.txt");

/// The functions that the C header declares.
fn declared() -> BTreeSet<&'static str> {
    let code = HEADER.lines().filter(|line| !line.trim_start().starts_with(['*', '/', '#']));
    code.filter_map(|line| line.split_once('(')?.0.rsplit([' ', '*']).next())
        .filter(|name| name.starts_with("rivven_"))
        .collect()
}

#[test]
fn the_header_declares_the_committed_symbols() {
    let promised: Vec<_> = SYMBOLS.lines().collect();
    assert!(promised.is_sorted(), "symbols.txt is not sorted");
    assert_eq!(declared(), promised.into_iter().collect());
}

#[test]
fn every_operation_is_tried_where_it_has_to_fail() {
    // Closing succeeds on a closed client, and has tests of its own; so has all that a producer does.
    for method in SURFACE.iter().filter(|method| method.class == "client" && method.name != "close") {
        let call = format!("{}(client,", method.c_name());
        assert!(EVERY.contains(&call), "every.h does not call {}", method.c_name());
    }
    for method in SURFACE.iter().filter(|method| method.class == "consumer") {
        let call = format!("{}(consumer,", method.c_name());
        assert!(EVERY_CONSUMER.contains(&call), "every_consumer.h does not call {}", method.c_name());
    }
    for method in SURFACE.iter().filter(|method| ["transaction", "transformer"].contains(&method.class)) {
        let of = if method.name == "begin" { "producer" } else { method.class };
        let call = format!("{}({of},", method.c_name());
        assert!(EVERY_TRANSACTION.contains(&call), "every_transaction.h does not call {}", method.c_name());
    }
}

#[test]
fn every_code_is_in_both_headers() {
    for code in ErrorCode::ALL {
        let name = format!("RIVVEN_CODE_{}", code.name());
        assert!(HEADER.contains(&format!(" {name} = {},", code.value())), "rivven.h has no {name} = {}", code.value());
        assert!(CPP_HEADER.contains(&format!(" {code:?} = {name},")), "rivven.hpp has no {code:?} = {name}");
    }
}

#[test]
fn no_two_types_of_handles_have_the_same_marker() {
    let mut markers = BTreeSet::new();
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap() {
        let source = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for line in source.lines().filter_map(|line| line.trim().strip_prefix("const MARKER: u64 = 0x")) {
            assert!(markers.insert(line.to_owned()), "two types have the marker {line}");
        }
    }
    assert!(markers.len() > 20);
}
