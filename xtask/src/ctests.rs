//! Builds and runs the tests of the C and C++ interfaces.
//!
//! The headers are compiled under every standard that they promise, the
//! library's symbols are compared with the committed list, and every program
//! under `rivven-ffi/tests` is compiled and run. A program prints a line per
//! check and ends with `N passed, M failed`.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// What a test program runs under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Under {
    /// Nothing.
    #[default]
    Nothing,
    /// The address, leak and undefined-behaviour sanitizers of the compiler.
    Sanitizers,
    /// valgrind's memcheck.
    Valgrind,
}

impl Under {
    /// What test programs are told that they run under.
    fn name(self) -> Option<&'static str> {
        match self {
            Under::Nothing => None,
            Under::Sanitizers => Some("sanitizers"),
            Under::Valgrind => Some("valgrind"),
        }
    }
}

/// What is tested, and how.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// Only the tests whose names contain this.
    pub only: Option<String>,
    /// What the programs run under.
    pub under: Under,
}

/// Programs that leave handles open on purpose, which leak detection would find.
const LEAKING: &[&str] = &["dlclose", "fork", "hpp_fork"];

/// Programs that a tool cannot run, and why.
const UNABLE: &[(Under, &str, &str)] = &[
    (Under::Sanitizers, "fork", FORKING),
    (Under::Sanitizers, "hpp_fork", FORKING),
    (Under::Sanitizers, "producer_memory", MEASURING),
    (Under::Valgrind, "producer_memory", MEASURING),
    (Under::Valgrind, "sigpipe", "hides functions that valgrind replaces"),
    (Under::Valgrind, "login", DERIVING),
    (Under::Valgrind, "privacy", DERIVING),
    (Under::Valgrind, "hpp_secure", DERIVING),
];

/// Compilers of today have no handler for `fork` in the allocator of the
/// sanitizers, whose locks a child may find held for ever.
const FORKING: &str = "forks under calls, which the sanitizers' allocator does not survive";

/// The tools need memory of their own.
const MEASURING: &str = "measures the memory of the process";

/// The broker closes a connection whose login takes so long.
const DERIVING: &str = "logs in by SCRAM, whose key derivation takes too long";

const WARNINGS: &[&str] = &["-Wall", "-Wextra", "-Werror"];

/// The standards under which a header is compiled.
const STANDARDS: &[(&str, &str)] = &[
    ("rivven.h", "c99"),
    ("rivven.h", "c11"),
    ("rivven.h", "c++17"),
    ("rivven.h", "c++20"),
    ("rivven.hpp", "c++17"),
    ("rivven.hpp", "c++20"),
];

/// Builds the library and runs every test that the options select.
///
/// # Errors
///
/// If something cannot be built, or a test fails.
pub(crate) fn run(root: &Path, options: &Options) -> Result<()> {
    let bench = Bench::new(root, options)?;
    let mut failed = Vec::new();
    for test in bench.tests()? {
        let name = test.name();
        if options.only.as_ref().is_some_and(|only| !name.contains(only)) {
            continue;
        }
        if let Some(reason) = test.obstacle(options.under) {
            println!("skip  {name:<20} {reason}");
            continue;
        }
        let start = Instant::now();
        match bench.execute(&test) {
            Ok(words) => println!("ok    {name:<20} {words:<32} {:>6.1} s", start.elapsed().as_secs_f64()),
            Err(error) => {
                println!("FAIL  {name:<20} {error:#}");
                failed.push(name);
            }
        }
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

/// One test.
enum Test {
    /// A header under a standard.
    Header { header: &'static str, standard: &'static str },
    /// The symbols that the shared library exports.
    Symbols,
    /// The name and the flags of the shared library.
    Dynamic,
    /// A program, linked with the shared library or the static one.
    Program { source: PathBuf, linkage: Linkage },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Linkage {
    Shared,
    Static,
}

impl Test {
    fn name(&self) -> String {
        match self {
            Test::Header { header, standard } => format!("{header} as {standard}"),
            Test::Symbols => "symbols".to_owned(),
            Test::Dynamic => "shared library".to_owned(),
            Test::Program { source, linkage: Linkage::Shared } => stem(source),
            Test::Program { source, linkage: Linkage::Static } => format!("{}-static", stem(source)),
        }
    }

    /// Why the test cannot run under a tool, if it cannot.
    fn obstacle(&self, under: Under) -> Option<&'static str> {
        let Test::Program { source, .. } = self else { return None };
        let known = UNABLE.iter().find(|(tool, name, _)| *tool == under && *name == stem(source));
        known.map(|(_, _, reason)| *reason)
    }
}

/// Where things are.
struct Bench<'a> {
    root: PathBuf,
    options: &'a Options,
    target: PathBuf,
    work: PathBuf,
}

impl<'a> Bench<'a> {
    fn new(root: &Path, options: &'a Options) -> Result<Self> {
        let root = root.canonicalize()?;
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
        let work = target.join("ctests");
        let bench = Bench { root, options, target, work };
        bench.build()?;
        Ok(bench)
    }

    /// Builds the library and the servers, and lays the library out under its SONAME.
    fn build(&self) -> Result<()> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--package", "rivven-ffi", "--package", "rivven-testkit"]);
        complete(build.current_dir(&self.root))?;
        ensure!(self.broker().exists(), "there is no {}: run cargo build in testing/broker", self.broker().display());
        let libraries = self.work.join("lib");
        fs::create_dir_all(&libraries)?;
        for name in ["librivven.so", "librivven.so.1"] {
            let link = libraries.join(name);
            let _ = fs::remove_file(&link);
            symlink(self.library("so"), &link).with_context(|| format!("link {}", link.display()))?;
        }
        Ok(())
    }

    fn library(&self, extension: &str) -> PathBuf {
        self.target.join("debug/librivven").with_extension(extension)
    }

    fn broker(&self) -> PathBuf {
        let default = || self.root.join("testing/broker/target/debug/rivven-test-broker");
        std::env::var_os("RIVVEN_TEST_BROKER").map_or_else(default, PathBuf::from)
    }

    fn registry(&self) -> PathBuf {
        let default = || self.root.join("testing/broker/target/debug/rivven-test-registry");
        std::env::var_os("RIVVEN_TEST_REGISTRY").map_or_else(default, PathBuf::from)
    }

    fn misbehave(&self) -> PathBuf {
        let default = || self.target.join("debug/rivven-misbehave");
        std::env::var_os("RIVVEN_MISBEHAVE").map_or_else(default, PathBuf::from)
    }

    fn scripted_broker(&self) -> PathBuf {
        let default = || self.target.join("debug/rivven-scripted-broker");
        std::env::var_os("RIVVEN_SCRIPTED_BROKER").map_or_else(default, PathBuf::from)
    }

    fn fault_proxy(&self) -> PathBuf {
        let default = || self.target.join("debug/rivven-fault-proxy");
        std::env::var_os("RIVVEN_FAULT_PROXY").map_or_else(default, PathBuf::from)
    }

    fn sink(&self) -> PathBuf {
        let default = || self.target.join("debug/rivven-sink");
        std::env::var_os("RIVVEN_SINK").map_or_else(default, PathBuf::from)
    }

    /// Every test, programs in the order of their names.
    fn tests(&self) -> Result<Vec<Test>> {
        let mut sources = Vec::new();
        for folder in ["c", "cpp"] {
            for entry in fs::read_dir(self.root.join("rivven-ffi/tests").join(folder))? {
                sources.push(entry?.path());
            }
        }
        sources.retain(|path| matches!(path.extension().and_then(OsStr::to_str), Some("c" | "cpp")));
        sources.sort();
        let functions = sources.iter().find(|source| stem(source) == "functions").cloned();
        let headers = STANDARDS.iter().map(|&(header, standard)| Test::Header { header, standard });
        let programs = sources.into_iter().map(|source| Test::Program { source, linkage: Linkage::Shared });
        let linked_statically = functions.map(|source| Test::Program { source, linkage: Linkage::Static });
        Ok(headers.chain([Test::Symbols, Test::Dynamic]).chain(programs).chain(linked_statically).collect())
    }

    /// Runs a test; gives a word on how it went.
    fn execute(&self, test: &Test) -> Result<String> {
        match test {
            Test::Header { header, standard } => self.compile_header(header, standard),
            Test::Symbols => self.compare_symbols(),
            Test::Dynamic => self.inspect_library(),
            Test::Program { source, linkage } => {
                let program = self.compile_program(source, *linkage)?;
                self.run_program(&program, &stem(source))
            }
        }
    }

    /// Compiles a program that does nothing but include a header.
    fn compile_header(&self, header: &str, standard: &str) -> Result<String> {
        let language = if standard.starts_with("c++") { "cpp" } else { "c" };
        let source = self.work.join("header").with_extension(language);
        fs::write(&source, format!("#include <{header}>\nint main(void) {{ return rivven_version() == 0; }}\n"))?;
        let mut compiler = compiler_of(&source);
        compiler.arg(format!("-std={standard}")).args(WARNINGS).args(["-pedantic", "-Wshadow", "-Wconversion"]);
        complete(compiler.arg("-fsyntax-only").arg("-I").arg(self.root.join("include")).arg(&source))?;
        Ok(String::new())
    }

    /// Compares the symbols of the shared library with those that were promised.
    fn compare_symbols(&self) -> Result<String> {
        let listed = complete(Command::new("nm").args(["--dynamic", "--defined-only"]).arg(self.library("so")))?;
        let exported: BTreeSet<_> = listed.lines().filter_map(|line| line.split_whitespace().last()).collect();
        let committed = fs::read_to_string(self.root.join("rivven-ffi/symbols.txt"))?;
        let promised: BTreeSet<_> = committed.lines().collect();
        let missing: Vec<_> = promised.difference(&exported).collect();
        let unexpected: Vec<_> = exported.difference(&promised).collect();
        ensure!(
            missing.is_empty() && unexpected.is_empty(),
            "missing {missing:?}, unexpected {unexpected:?}: what was promised stays, what is new goes into symbols.txt"
        );
        Ok(format!("{} exported", exported.len()))
    }

    /// Looks for the SONAME and for what keeps the library loaded.
    fn inspect_library(&self) -> Result<String> {
        let dynamic = complete(Command::new("readelf").args(["--dynamic", "--wide"]).arg(self.library("so")))?;
        for wanted in ["Library soname: [librivven.so.1]", "NODELETE"] {
            ensure!(dynamic.contains(wanted), "{wanted:?} is missing from the dynamic section");
        }
        Ok("librivven.so.1, not deleted".to_owned())
    }

    fn compile_program(&self, source: &Path, linkage: Linkage) -> Result<PathBuf> {
        let folder = self.work.join("bin");
        fs::create_dir_all(&folder)?;
        let static_suffix = if linkage == Linkage::Static { "-static" } else { "" };
        let program = folder.join(format!("{}{static_suffix}", stem(source)));
        let mut compiler = compiler_of(source);
        let standard = if is_cpp(source) { "-std=c++17" } else { "-std=c11" };
        compiler.args([standard, "-D_GNU_SOURCE", "-g"]).args(WARNINGS);
        for folder in ["include", "rivven-ffi/tests/c"] {
            compiler.arg("-I").arg(self.root.join(folder));
        }
        if self.options.under == Under::Sanitizers {
            compiler.args(["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]);
        }
        compiler.arg("-o").arg(&program).arg(source);
        match linkage {
            Linkage::Shared => {
                // dlclose uses no symbol of the library, and so is not linked with it.
                compiler.arg("-L").arg(self.work.join("lib")).args(["-Wl,--as-needed", "-lrivven", "-pthread", "-ldl"]);
            }
            Linkage::Static => {
                compiler.arg(self.library("a")).args(self.native_libraries()?);
            }
        }
        complete(&mut compiler)?;
        Ok(program)
    }

    /// What pkg-config tells those who link statically.
    fn native_libraries(&self) -> Result<Vec<String>> {
        let template = fs::read_to_string(self.root.join("rivven-ffi/rivven.pc.in"))?;
        let libraries = template.lines().find_map(|line| line.strip_prefix("Libs.private:"));
        let libraries = libraries.context("rivven.pc.in has no Libs.private")?;
        Ok(libraries.split_whitespace().map(str::to_owned).collect())
    }

    fn run_program(&self, program: &Path, name: &str) -> Result<String> {
        let (mut command, limit) = match self.options.under {
            Under::Valgrind => (self.valgrind(program, name), Duration::from_secs(600)),
            _ => (Command::new(program), Duration::from_secs(120)),
        };
        let log = self.work.join(name).with_extension("log");
        let output = File::create(&log)?;
        command
            .env("LD_LIBRARY_PATH", self.work.join("lib"))
            .env("RIVVEN_TEST_BROKER", self.broker())
            .env("RIVVEN_TEST_REGISTRY", self.registry())
            .env("RIVVEN_MISBEHAVE", self.misbehave())
            .env("RIVVEN_SCRIPTED_BROKER", self.scripted_broker())
            .env("RIVVEN_FAULT_PROXY", self.fault_proxy())
            .env("RIVVEN_SINK", self.sink())
            .envs(self.options.under.name().map(|name| ("RIVVEN_TEST_UNDER", name)))
            .env("ASAN_OPTIONS", if LEAKING.contains(&name) { "detect_leaks=0" } else { "" })
            .stdin(Stdio::null())
            .stderr(output.try_clone()?)
            .stdout(output);
        let status = run_within(&mut command, limit)?;
        judge(status, &String::from_utf8_lossy(&fs::read(&log)?), limit)
    }

    /// A program under memcheck, without the servers that it starts.
    fn valgrind(&self, program: &Path, name: &str) -> Command {
        let mut valgrind = Command::new("valgrind");
        let suppressions = self.root.join("rivven-ffi/tests/valgrind.supp");
        valgrind.args(["--quiet", "--error-exitcode=9", "--trace-children=no"]);
        valgrind.arg(format!("--suppressions={}", suppressions.display()));
        if !LEAKING.contains(&name) {
            valgrind.args(["--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"]);
        }
        valgrind.arg(program);
        valgrind
    }
}

/// Gives the summary of a program that ran well, or else what it complained of.
fn judge(status: Option<ExitStatus>, output: &str, limit: Duration) -> Result<String> {
    let summary = output.lines().rev().find(|line| line.ends_with(" failed") && line.contains(" passed, "));
    match (status, summary) {
        (Some(status), Some(summary)) if status.success() => return Ok(summary.to_owned()),
        _ => {}
    }
    let complaints: Vec<_> = output.lines().filter(|line| !line.starts_with("ok ")).collect();
    let complaints = complaints.join("\n        ");
    match status {
        None => bail!("no end after {limit:?}\n        {complaints}"),
        Some(status) => bail!("{status}\n        {complaints}"),
    }
}

/// Runs a program; `None` if it had to be stopped when its time was up.
fn run_within(command: &mut Command, limit: Duration) -> Result<Option<ExitStatus>> {
    let mut child = command.spawn().with_context(|| format!("start {command:?}"))?;
    let until = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() > until {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Runs a tool and gives its output; what it complains of is the error.
fn complete(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn compiler_of(source: &Path) -> Command {
    let (variable, default) = if is_cpp(source) { ("CXX", "c++") } else { ("CC", "cc") };
    Command::new(std::env::var_os(variable).unwrap_or_else(|| default.into()))
}

fn is_cpp(source: &Path) -> bool {
    source.extension().is_some_and(|extension| extension == "cpp")
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
