//! Sessions that are no part of the load: what they say to log in.

use std::{
    io::{self, ErrorKind, Write},
    net::{SocketAddr, TcpStream},
};

use corelane_codecs::{
    soup::{self, ClientPacket, LoginRequest},
    text::Alpha,
};
use corelane_tester::{load::Credentials, script::REQUEST_BYTES_MAX};

/// A connection on which the log-in was sent, and which does not block from then on. `sequence` is the number of the first
/// answer that is wanted; 0 for new ones only.
pub(crate) fn log_in(server: SocketAddr, user: &Credentials, sequence: u64) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    let invalid = |error| io::Error::new(ErrorKind::InvalidInput, format!("user {}: {error}", user.user));
    let login = LoginRequest {
        user: Alpha::new(&user.user).map_err(invalid)?,
        password: Alpha::new(&user.password).map_err(invalid)?,
        session: Alpha::BLANK,
        sequence: Some(sequence),
        heartbeat_timeout_ms: None,
    };
    stream.write_all(&packet(&ClientPacket::Login(login)))?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

/// Bytes of a client's packet.
pub(crate) fn packet(packet: &ClientPacket<'_>) -> Vec<u8> {
    let mut bytes = [0; soup::HEADER_LEN + REQUEST_BYTES_MAX];
    let length = packet.encode(&mut bytes).expect("log-ins and requests of at most REQUEST_BYTES_MAX fit");
    bytes[..length].to_vec()
}
