//! Every target with its corpus and with mutations of it.

use std::fs;
use std::path::PathBuf;

use rivven_fuzz::{Entry, FRAMES, RECORDS, REQUEST, RESPONSE, Target, VALUES, corpus, for_each_seed, mutate};

/// Cases per target: a few seconds in all.
const CASES: u64 = 300_000;

/// Runs an input, and keeps it in a file if the target panics.
fn run(target: &Target, input: &[u8]) {
    let _kept = Kept { target, input };
    (target.run)(input);
}

struct Kept<'a> {
    target: &'a Target,
    input: &'a [u8],
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("failed-{}", self.target.name));
        match fs::write(&path, self.input) {
            Ok(()) => eprintln!("the input is kept in {}", path.display()),
            Err(error) => eprintln!("the input cannot be kept in {}: {error}", path.display()),
        }
    }
}

fn fuzz(target: &Target) {
    let corpus = corpus(target.name);
    for Entry { name, input } in &corpus {
        println!("{name}");
        run(target, input);
    }
    for_each_seed(target.name, CASES, |rng| {
        let [base, other] = [(); 2].map(|()| &corpus[rng.usize(..corpus.len())].input);
        let mut input = base.clone();
        mutate(rng, &mut input, other);
        run(target, &input);
    });
}

#[test]
fn request() {
    fuzz(&REQUEST);
}

#[test]
fn response() {
    fuzz(&RESPONSE);
}

#[test]
fn records() {
    fuzz(&RECORDS);
}

#[test]
fn frames() {
    fuzz(&FRAMES);
}

#[test]
fn values() {
    fuzz(&VALUES);
}
