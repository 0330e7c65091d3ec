//! A task that reads and one that writes for each connection, one that owns the exchange, one that publishes; bounded
//! channels between them.
//!
//! A client that leaves [`OUTGOING_MAX`] answers unread is disconnected; all else waits for room.

use std::sync::Arc;

use corelane_actors::types::{PortId, Publication};
use corelane_codecs::soup::{ClientPacket, LOGIN_ACCEPTED_LEN, RejectCode, ServerPacket, SessionName};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream, UdpSocket,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc::{Receiver, Sender, channel},
    time::{Duration, interval},
};

use super::{
    exchange::{Exchange, Outlet, Request},
    feed::{Feed, FeedSetup, publication},
    inbox::{Credentials, Inbox, authenticate, request},
    server::{Serving, Setup, now_ns},
};

/// Messages that may wait for the exchange, and for the publisher.
const QUEUED_MAX: usize = 4096;
/// Answers that may wait for a client.
const OUTGOING_MAX: usize = 65_536;
/// Messages taken from a channel at once.
const BATCH: usize = 256;

/// Messages to the exchange's task.
enum ToExchange {
    LogIn { port: PortId, client: Sender<Outgoing> },
    LogOut { port: PortId, client: Sender<Outgoing> },
    Request { port: PortId, request: Request },
    Heartbeat,
}

/// Messages to a connection's writer.
enum Outgoing {
    Accepted { next_sequence: u64 },
    Rejected,
    Answer { length: u8, bytes: [u8; 71] },
    Heartbeat,
}

/// The server, see the [module](self).
pub(super) fn serve(setup: Setup) -> Serving {
    Box::pin(async move {
        let Setup { listener, session, ports, group, feed } = setup;
        let listener = TcpListener::from_std(listener).expect("a listener on the runtime");
        let (to_exchange, requests) = channel(QUEUED_MAX);
        let publications = match feed {
            Some(feed) => {
                let (sender, receiver) = channel(QUEUED_MAX);
                tokio::spawn(publish(feed, receiver));
                Some(sender)
            }
            None => None,
        };
        let clients = vec![Client { sender: None, last_number: 0 }; ports.len()];
        tokio::spawn(exchange(Exchange::new(&group), requests, clients, publications));
        tokio::spawn(heartbeats(to_exchange.clone()));
        let ports: Arc<[Credentials]> = ports.into();
        loop {
            // A connection that is gone before it is accepted is no concern of the others.
            if let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(stream, session, ports.clone(), to_exchange.clone()));
            }
        }
    })
}

/// Reads until the client goes, and tells the exchange.
async fn connection(stream: TcpStream, session: SessionName, ports: Arc<[Credentials]>, exchange: Sender<ToExchange>) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let (read, write) = stream.into_split();
    let (client, outgoing) = channel(OUTGOING_MAX);
    tokio::spawn(write_out(write, session, outgoing));
    let mut port = None;
    // What ends the connection is the same to the exchange, whether the client said good-bye or not.
    let _ = read_in(read, &ports, &exchange, &client, &mut port).await;
    if let Some(port) = port {
        let _ = exchange.send(ToExchange::LogOut { port, client }).await;
    }
}

/// Reads packets; `None` when there will be no more.
async fn read_in(
    mut read: OwnedReadHalf,
    ports: &[Credentials],
    exchange: &Sender<ToExchange>,
    client: &Sender<Outgoing>,
    port: &mut Option<PortId>,
) -> Option<()> {
    let mut inbox = Inbox::new();
    loop {
        let bytes = read.read(inbox.space()).await.ok().filter(|&bytes| bytes > 0)?;
        inbox.received(bytes);
        while let Some(packet) = inbox.next().ok()? {
            match (packet, *port) {
                (ClientPacket::Unsequenced(payload), Some(port)) => {
                    if let Some(request) = request(payload) {
                        exchange.send(ToExchange::Request { port, request }).await.ok()?;
                    }
                }
                (ClientPacket::Login(login), None) => match authenticate(ports, &login) {
                    Some(slot) => {
                        *port = Some(slot);
                        exchange.send(ToExchange::LogIn { port: slot, client: client.clone() }).await.ok()?;
                    }
                    None => {
                        client.send(Outgoing::Rejected).await.ok()?;
                        return None;
                    }
                },
                (ClientPacket::Heartbeat | ClientPacket::Debug(_), _) => {}
                _ => return None,
            }
        }
    }
}

/// Writes all that waits in one call, until nobody has anything to write any more.
async fn write_out(mut write: OwnedWriteHalf, session: SessionName, mut outgoing: Receiver<Outgoing>) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut bytes = Vec::with_capacity(BATCH * 80);
    while outgoing.recv_many(&mut batch, BATCH).await > 0 {
        bytes.clear();
        for message in batch.drain(..) {
            let packet = match &message {
                Outgoing::Answer { length, bytes } => ServerPacket::Sequenced(&bytes[..usize::from(*length)]),
                Outgoing::Accepted { next_sequence } => {
                    ServerPacket::LoginAccepted { session, next_sequence: *next_sequence }
                }
                Outgoing::Rejected => ServerPacket::LoginRejected(RejectCode::NotAuthorized),
                Outgoing::Heartbeat => ServerPacket::Heartbeat,
            };
            put(&packet, &mut bytes);
        }
        if write.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

/// Appends a packet.
pub(super) fn put(packet: &ServerPacket<'_>, out: &mut Vec<u8>) {
    // A packet with the longest answer is longer than a log-in's.
    let mut bytes = [0; LOGIN_ACCEPTED_LEN + 71];
    let length = packet.encode(&mut bytes).expect("answers are of at most 71 bytes");
    out.extend_from_slice(&bytes[..length]);
}

#[derive(Clone)]
struct Client {
    sender: Option<Sender<Outgoing>>,
    last_number: u64,
}

impl Client {
    fn send(&mut self, message: Outgoing) {
        if let Some(sender) = &self.sender
            && sender.try_send(message).is_err()
        {
            // Gone, or too slow: without senders its writer ends.
            self.sender = None;
        }
    }
}

struct Answers<'a> {
    clients: &'a mut [Client],
    publications: &'a mut Vec<Publication>,
}

impl Outlet for Answers<'_> {
    fn answer(&mut self, port: PortId, message: &[u8]) {
        let mut bytes = [0; 71];
        bytes[..message.len()].copy_from_slice(message);
        let client = &mut self.clients[port.index()];
        client.last_number += 1;
        client.send(Outgoing::Answer { length: message.len() as u8, bytes });
    }

    fn publish(&mut self, message: &[u8]) {
        self.publications.push(publication(message));
    }
}

/// Owns the exchange and the clients' queues.
async fn exchange(
    mut exchange: Exchange,
    mut requests: Receiver<ToExchange>,
    mut clients: Vec<Client>,
    publisher: Option<Sender<Publication>>,
) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut publications = Vec::new();
    while requests.recv_many(&mut batch, BATCH).await > 0 {
        for message in batch.drain(..) {
            match message {
                ToExchange::Request { port, request } => {
                    let mut out = Answers { clients: &mut clients, publications: &mut publications };
                    exchange.handle(now_ns(), port, &request, &mut out);
                }
                ToExchange::LogIn { port, client } => {
                    let known = &mut clients[port.index()];
                    known.sender = Some(client);
                    let next_sequence = known.last_number + 1;
                    known.send(Outgoing::Accepted { next_sequence });
                }
                ToExchange::LogOut { port, client } => {
                    let known = &mut clients[port.index()].sender;
                    // Another connection may have taken over.
                    if known.as_ref().is_some_and(|one| one.same_channel(&client)) {
                        *known = None;
                        let mut out = Answers { clients: &mut clients, publications: &mut publications };
                        exchange.handle(now_ns(), port, &Request::Disconnect, &mut out);
                    }
                }
                ToExchange::Heartbeat => clients.iter_mut().for_each(|client| client.send(Outgoing::Heartbeat)),
            }
        }
        for publication in publications.drain(..) {
            if let Some(publisher) = &publisher
                && publisher.send(publication).await.is_err()
            {
                return;
            }
        }
    }
}

/// Packs what waits into as few packets as it takes.
async fn publish(setup: FeedSetup, mut publications: Receiver<Publication>) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a UDP port on loopback");
    socket.connect(setup.to).await.expect("a UDP socket connects to any address");
    let mut feed = Feed::new(&setup);
    let mut batch = Vec::with_capacity(BATCH);
    while publications.recv_many(&mut batch, BATCH).await > 0 {
        let mut messages = &batch[..];
        while !messages.is_empty() {
            // What nobody listens to is refused; a feed does not mind.
            let _ = socket.send(feed.pack(&mut messages)).await;
        }
        batch.clear();
    }
}

async fn heartbeats(exchange: Sender<ToExchange>) {
    let mut seconds = interval(Duration::from_secs(1));
    loop {
        seconds.tick().await;
        if exchange.send(ToExchange::Heartbeat).await.is_err() {
            return;
        }
    }
}
