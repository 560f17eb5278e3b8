//! Cases that are made from a seed each.

use std::env;
use std::str::FromStr;
use std::time::{Duration, Instant};

use fastrand::Rng;

/// Runs one case, with the seed given.
const SEED: &str = "RIVVEN_FUZZ_SEED";

/// Runs cases for so many seconds, with seeds that were not run before.
const SECONDS: &str = "RIVVEN_FUZZ_SECONDS";

/// Runs `case` with the seeds 0 to `count`, the same ones each time.
///
/// With `RIVVEN_FUZZ_SECONDS` set it runs other seeds for that time instead,
/// with `RIVVEN_FUZZ_SEED` set just that one. When a case panics, its seed and
/// how to repeat it are printed; `name` is the test to be run for that.
///
/// # Panics
/// If `case` does, or a variable is not a number.
pub fn for_each_seed(name: &str, count: u64, mut case: impl FnMut(&mut Rng)) {
    let mut run = |seed| {
        let _announcement = Announcement { name, seed };
        case(&mut Rng::with_seed(seed));
    };
    if let Some(seed) = variable(SEED) {
        run(seed);
    } else if let Some(seconds) = variable(SECONDS) {
        let time = Duration::from_secs(seconds);
        let (first, start) = (fastrand::u64(..), Instant::now());
        let seeds = (0..).map(|n| first.wrapping_add(n));
        let done = seeds.take_while(|_| start.elapsed() < time).inspect(|&seed| run(seed)).count();
        println!("{name}: {done} cases from seed {first} on");
    } else {
        (0..count).for_each(run);
    }
}

fn variable<T: FromStr>(name: &str) -> Option<T> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text:?}")))
}

/// Tells the seed of a case that panics.
struct Announcement<'a> {
    name: &'a str,
    seed: u64,
}

impl Drop for Announcement<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Announcement { name, seed } = self;
            // Cargo names the package to what it runs.
            let package = env::var("CARGO_PKG_NAME").unwrap_or_default();
            eprintln!("seed {seed} fails; to repeat it: {SEED}={seed} cargo test -p {package} -- --exact {name}");
        }
    }
}
