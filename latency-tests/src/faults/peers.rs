//! Clients that misbehave.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use corelane_codecs::soup::{ClientPacket, ServerPacket};
use corelane_tester::{
    load::Credentials,
    script::{MarketScript, REQUEST_BYTES_MAX, Script},
};

use crate::measure::client::{log_in, packet};

/// How long the server may take to close the connection of a peer that misbehaves.
const PATIENCE: Duration = Duration::from_secs(10);
/// Receive buffer asked of the kernel, which gives its minimum.
const RECEIVE_BYTES: usize = 4096;

/// A client that the server shall close: waits for that, reading what comes; how long it took.
fn closed_within(mut stream: TcpStream, since: Instant) -> Result<Duration, String> {
    let mut bytes = [0; 4096];
    stream.set_nonblocking(false).map_err(|error| error.to_string())?;
    stream.set_read_timeout(Some(Duration::from_millis(5))).map_err(|error| error.to_string())?;
    while since.elapsed() < PATIENCE {
        match stream.read(&mut bytes) {
            Ok(0) => return Ok(since.elapsed()),
            Ok(_) => {}
            Err(error) if is_wait(&error) => {}
            Err(_) => return Ok(since.elapsed()),
        }
    }
    Err(format!("the server did not close the connection within {} s", PATIENCE.as_secs()))
}

fn is_wait(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn text(error: io::Error) -> String {
    format!("a client that misbehaves: {error}")
}

/// Logs in and says nothing any more, as if its host had died.
pub(super) fn half_open(server: SocketAddr, user: &Credentials) -> Result<Duration, String> {
    let stream = log_in(server, user, 0).map_err(text)?;
    closed_within(stream, Instant::now())
}

/// Sends the requests of a script's first session and never reads their answers.
pub(super) fn slow_reader(
    server: SocketAddr,
    user: &Credentials,
    script: &mut MarketScript,
) -> Result<Duration, String> {
    let mut stream = log_in(server, user, 0).map_err(text)?;
    rustix::net::sockopt::set_socket_recv_buffer_size(&stream, RECEIVE_BYTES).map_err(|error| text(error.into()))?;
    let since = Instant::now();
    let mut unsent = Vec::new();
    let mut request = Vec::with_capacity(REQUEST_BYTES_MAX);
    while since.elapsed() < PATIENCE {
        if unsent.is_empty() {
            request.clear();
            script.next(0, &mut request);
            unsent = packet(&ClientPacket::Unsequenced(&request));
        }
        match stream.write(&unsent) {
            Ok(bytes) => drop(unsent.drain(..bytes)),
            Err(error) if is_wait(&error) => thread::sleep(Duration::from_millis(1)),
            Err(_) => return Ok(since.elapsed()),
        }
    }
    Err("the server did not close a client that does not read".to_owned())
}

/// Sends bytes that are no packet.
pub(super) fn malformed(server: SocketAddr) -> Result<Duration, String> {
    let mut longest = Duration::ZERO;
    for bytes in [
        &[0xff; 64][..],
        &[0, 0, b'L'],
        b"\0\x2fLtoo short for a log-in and too long for a packet",
        b"GET / HTTP/1.1\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(server).map_err(text)?;
        let since = Instant::now();
        stream.write_all(bytes).map_err(text)?;
        longest = longest.max(closed_within(stream, since)?);
    }
    Ok(longest)
}

/// A log-in that asks for a number that the server has not reached.
pub(super) fn sequence_gap(server: SocketAddr, user: &Credentials) -> Result<Duration, String> {
    let since = Instant::now();
    answer_to(log_in(server, user, 1_000_000).map_err(text)?, since)
}

/// Guesses passwords; the longest that an answer took.
pub(super) fn brute_force(server: SocketAddr, user: &Credentials, guesses: u32) -> Result<Duration, String> {
    let mut longest = Duration::ZERO;
    for guess in 0..guesses {
        let user = Credentials { user: user.user.clone(), password: format!("guess{guess:04}") };
        let since = Instant::now();
        longest = longest.max(answer_to(log_in(server, &user, 0).map_err(text)?, since)?);
    }
    Ok(longest)
}

/// Waits for the first packet of the server and demands that it is a rejected log-in, or the end of the connection.
fn answer_to(mut stream: TcpStream, since: Instant) -> Result<Duration, String> {
    stream.set_nonblocking(false).map_err(text)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(text)?;
    let mut bytes = [0; 256];
    match stream.read(&mut bytes) {
        Ok(0) => Ok(since.elapsed()),
        Ok(length) => match ServerPacket::decode(&bytes[..length]) {
            Ok(ServerPacket::LoginRejected(_)) => Ok(since.elapsed()),
            other => Err(format!("a log-in that must fail got {other:?}")),
        },
        Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(since.elapsed()),
        Err(error) => Err(format!("a log-in that must fail got no answer: {error}")),
    }
}

/// Opens connections that say nothing, and keeps them for a while.
pub(super) fn flood(server: SocketAddr, connections: usize) -> Result<Duration, String> {
    let since = Instant::now();
    let kept: Vec<_> = (0..connections).map_while(|_| TcpStream::connect(server).ok()).collect();
    let took = since.elapsed();
    thread::sleep(Duration::from_millis(500));
    drop(kept);
    Ok(took)
}
