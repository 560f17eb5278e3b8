//! `rivven-bench calls`: so many calls and nothing else, for a profiler that counts instructions.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use anyhow::{Result, bail};
use clap::ValueEnum;
use rivven_client::{PipelineConfig, PipelinedClient, ResilientClient, ResilientClientConfig, Response};

/// Make so many pings, one after the other, against the smallest server there can be
///
/// Client and server share the process but no thread: the calling thread, named after the program, is the
/// client's alone, the server's is called `server`. To count the instructions of one call:
///
///     valgrind --tool=callgrind --separate-threads=yes rivven-bench calls --count 1000
///
/// twice with different counts, and divide the difference; what connecting costs falls out.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// Which client makes the calls
    #[arg(long, value_enum, default_value_t = Kind::Resilient)]
    client: Kind,
    /// How many calls are made
    #[arg(long, default_value_t = 1000)]
    count: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Resilient,
    Pipelined,
}

/// Carries out the command.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let server = thread::Builder::new().name("server".into()).spawn(move || serve(listener.accept()?.0))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(call(arguments, &address))?;
    drop(runtime);
    match server.join() {
        Ok(result) => Ok(result?),
        Err(_) => bail!("the server panicked"),
    }
}

async fn call(arguments: &Arguments, address: &str) -> rivven_client::Result<()> {
    match arguments.client {
        Kind::Resilient => {
            let config = ResilientClientConfig::builder().servers(vec![address.to_owned()]).health_check_enabled(false);
            let client = ResilientClient::new(config.build());
            for _ in 0..arguments.count {
                client.ping().await?;
            }
            client.close(client.close_timeout()).await;
        }
        Kind::Pipelined => {
            let client = PipelinedClient::connect(address, PipelineConfig::low_latency()).await?;
            for _ in 0..arguments.count {
                client.ping().await?;
            }
            client.close().await;
        }
    }
    Ok(())
}

/// Answers every request by a pong under its id until the client closes.
///
/// The handshake too: a client takes an answer that it did not expect for that
/// of a broker that knows no handshake.
fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let pong = Response::Pong.encode();
    loop {
        let mut length = [0; 4];
        match stream.read_exact(&mut length) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            result => result?,
        }
        let mut body = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut body)?;
        let id = u32::from_be_bytes([body[1], body[2], body[3], body[4]]);
        let mut answer = rivven_client::protocol::header(id, pong.len()).to_vec();
        answer.extend_from_slice(&pong);
        stream.write_all(&answer)?;
    }
}
