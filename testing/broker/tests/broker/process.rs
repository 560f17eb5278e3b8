//! The program as a launcher sees it, and a client that knows a few requests.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// `Ping` with correlation id 7, as a whole frame.
pub(crate) const PING: [u8; 10] = [0, 0, 0, 6, 0, 0, 0, 0, 7, 13];

/// The answer to [`PING`] without its length.
pub(crate) const PONG: [u8; 6] = [0, 0, 0, 0, 7, 12];

/// The program, running.
pub(crate) struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    pub(crate) info: Value,
}

impl Process {
    /// Starts the program and reads its line.
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut child = command(args).spawn().unwrap();
        let stdin = child.stdin.take();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let info = serde_json::from_str(&line).unwrap();
        Self { child, stdin, stdout, info }
    }

    pub(crate) fn port(&self) -> u16 {
        self.info["port"].as_u64().unwrap().try_into().unwrap()
    }

    /// A text of the line, for instance a path.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.info[key].as_str().unwrap()
    }

    pub(crate) fn connect(&self) -> TcpStream {
        TcpStream::connect(self.text("address")).unwrap()
    }

    pub(crate) fn signal(&self, signal: i32) {
        // SAFETY: the child has not been waited for, so the id is still its own.
        assert_eq!(unsafe { libc::kill(self.child.id() as i32, signal) }, 0);
    }

    pub(crate) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Waits for the end, and tells how long that took.
    pub(crate) fn wait(&mut self) -> (ExitStatus, Duration) {
        let start = Instant::now();
        (self.child.wait().unwrap(), start.elapsed())
    }

    /// What came on standard output after the line.
    pub(crate) fn more_output(&mut self) -> String {
        let mut more = String::new();
        self.stdout.read_to_string(&mut more).unwrap();
        more
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.close_stdin();
        let deadline = Instant::now() + Duration::from_secs(5);
        while self.child.try_wait().is_ok_and(|status| status.is_none()) {
            // A failed test must not leave a broker behind.
            if Instant::now() > deadline {
                let _ = self.child.kill();
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// The program with arguments; its input and output are pipes.
fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rivven-test-broker"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// Runs the program, which must fail without its line; returns standard error.
pub(crate) fn fail(args: &[&str]) -> String {
    let mut child = command(args).stderr(Stdio::piped()).spawn().unwrap();
    // Held, or the end of input would end the program too, and well.
    let _stdin = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success(), "{args:?}");
    assert!(output.stdout.is_empty(), "{args:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Sends a request and returns the answer's payload.
pub(crate) fn call(stream: &mut (impl Read + Write), payload: &[u8]) -> io::Result<Vec<u8>> {
    send(stream, payload)?;
    let frame = receive(stream)?;
    Ok(frame[5..].to_vec())
}

/// Sends a request under correlation id 1.
pub(crate) fn send(stream: &mut impl Write, payload: &[u8]) -> io::Result<()> {
    let length = u32::try_from(payload.len() + 5).unwrap();
    let frame = [&length.to_be_bytes(), &[0, 0, 0, 0, 1][..], payload].concat();
    stream.write_all(&frame)?;
    stream.flush()
}

/// Reads one frame and returns it without its length.
pub(crate) fn receive(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut frame)?;
    Ok(frame)
}

/// A short text or byte string as the protocol writes it.
pub(crate) fn short(bytes: &[u8]) -> Vec<u8> {
    assert!(bytes.len() < 128);
    [&[bytes.len() as u8], bytes].concat()
}
