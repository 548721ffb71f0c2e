//! The server over real sockets.

use hsm_sim::server::{Limits, serve};
use hsm_sim::{Engine, Lmk, Settings};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

#[test]
fn public_samples_and_a_malformed_frame_on_one_connection() {
    let mut stream = connect(start(Limits::default()));
    for name in [
        "nc-diagnostics",
        "b2-echo",
        "da-verify-ibm",
        "no-command-code",
        "cw-generate-cvv",
        "cy-verify-cvv",
        "truncated-command",
        "cc-translate-pin",
        "cc-translate-pin-key-block",
        "bu-check-value",
    ] {
        let (request, response) = sample(name);
        stream.write_all(&request).unwrap();
        assert_eq!(read(&mut stream, response.len()), response, "{name}");
    }
    // Shorter than the message header: what there is of it comes back, and the connection lives on.
    stream.write_all(b"\x00\x0212").unwrap();
    assert_eq!(read(&mut stream, 8), b"\x00\x0612ZZ15");
    let (request, response) = sample("b2-echo");
    stream.write_all(&request).unwrap();
    assert_eq!(read(&mut stream, response.len()), response);
}

#[test]
fn messages_sent_together_or_in_pieces_are_answered_in_order() {
    let mut stream = connect(start(Limits::default()));
    let (echo, cvv) = (sample("b2-echo"), sample("cy-verify-cvv"));
    let requests = [&echo.0[..], &cvv.0, &echo.0].concat();
    let responses = [&echo.1[..], &cvv.1, &echo.1].concat();
    stream.write_all(&requests).unwrap();
    assert_eq!(read(&mut stream, responses.len()), responses);
    for byte in &requests {
        stream.write_all(&[*byte]).unwrap();
    }
    assert_eq!(read(&mut stream, responses.len()), responses);
}

#[test]
fn the_header_length_is_a_setting() {
    let mut stream = connect(start(Limits { header_length: 12, ..Limits::default() }));
    stream.write_all(b"\x00\x14twelve chars".get(..14).unwrap()).unwrap();
    stream.write_all(b"B20002AB").unwrap();
    assert_eq!(read(&mut stream, 20), b"\x00\x12twelve charsB300AB");
}

#[test]
fn a_message_too_long_closes_the_connection_after_the_answers_before_it() {
    let mut stream = connect(start(Limits::default()));
    let (request, response) = sample("b2-echo");
    stream.write_all(&[&request[..], b"\xFF\xFF"].concat()).unwrap();
    assert_eq!(read(&mut stream, response.len()), response);
    assert_closed(&mut stream);
}

#[test]
fn one_connection_too_many_is_closed() {
    let address = start(Limits { max_connections: 1, ..Limits::default() });
    let (request, response) = sample("b2-echo");
    let mut first = connect(address);
    first.write_all(&request).unwrap();
    assert_eq!(read(&mut first, response.len()), response);
    assert_closed(&mut connect(address));
    // The first is served still.
    first.write_all(&request).unwrap();
    assert_eq!(read(&mut first, response.len()), response);
}

#[test]
fn a_silent_connection_is_closed() {
    let mut stream = connect(start(Limits { idle_timeout: Duration::from_millis(20), ..Limits::default() }));
    assert_closed(&mut stream);
}

fn start(limits: Limits) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let engine = Arc::new(Engine::new(Lmk::public_test(), Settings::default()));
    thread::spawn(move || serve(&listener, &engine, limits));
    address
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

fn read(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

fn assert_closed(stream: &mut TcpStream) {
    match stream.read(&mut [0]) {
        Ok(0) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        other => panic!("still open: {other:?}"),
    }
}

fn sample(name: &str) -> (Vec<u8>, Vec<u8>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../fixtures/hsm/{name}.hex"));
    let text = std::fs::read_to_string(path).unwrap();
    let line =
        |word| hex::decode(text.lines().find_map(|line| line.strip_prefix(word)).unwrap().trim()).unwrap();
    (line("request"), line("response"))
}
