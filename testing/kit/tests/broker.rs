//! Starts the real broker and looks at what the launcher makes of it.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use rivven_testkit::{Mtls, TestBroker};

/// Sends a ping and returns whether the answer is a pong.
fn answers(broker: &TestBroker) -> io::Result<bool> {
    let mut stream = TcpStream::connect(broker.address())?;
    stream.write_all(&[0, 0, 0, 6, 0, 0, 0, 0, 7, 13])?;
    let mut answer = [0; 10];
    stream.read_exact(&mut answer)?;
    Ok(answer == [0, 0, 0, 6, 0, 0, 0, 0, 7, 12])
}

#[test]
fn lives_as_long_as_its_value() {
    let broker = TestBroker::start().unwrap();
    assert!(answers(&broker).unwrap());
    assert_eq!(broker.address(), format!("127.0.0.1:{}", broker.port()));
    let (address, data_dir) = (broker.address().to_owned(), broker.data_dir().to_owned());
    assert!(data_dir.is_dir());
    drop(broker);
    assert!(TcpStream::connect(address).is_err());
    assert!(!data_dir.exists());
}

#[test]
fn comes_back_where_it_was() {
    let mut broker = TestBroker::builder().default_partitions(1).start().unwrap();
    let first = broker.info().clone();
    broker.kill().unwrap();
    assert!(answers(&broker).is_err());
    broker.restart().unwrap();
    assert!(answers(&broker).unwrap());

    broker.terminate().unwrap();
    assert!(answers(&broker).is_err());
    broker.restart().unwrap();
    broker.restart().unwrap();
    assert!(answers(&broker).unwrap());

    assert_eq!(broker.address(), first.address);
    assert_eq!(broker.data_dir(), first.data_dir);
    assert_ne!(broker.info().pid, first.pid);
}

#[test]
fn tells_where_the_certificates_are() {
    let broker = TestBroker::builder().mtls(Mtls::Optional).user("ann", "Secr3t-word", &["admin"]).start().unwrap();
    let info = broker.info();
    assert!(info.tls);
    for file in [&info.ca_cert, &info.client_cert, &info.client_key, &info.other_ca_cert] {
        assert!(file.as_ref().unwrap().is_file());
    }
}

#[test]
fn fails_to_start_where_another_listens() {
    let broker = TestBroker::start().unwrap();
    assert!(TestBroker::builder().port(broker.port()).start().is_err());
}
