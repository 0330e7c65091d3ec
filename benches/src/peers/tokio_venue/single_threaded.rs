//! A server on one thread that never sleeps: the task that has read an order calls the exchange and writes the answers.
//!
//! A task that yields for ever keeps the runtime from sleeping in `epoll_wait`; in its turns it publishes, and writes
//! what a socket did not take at once. A client that leaves [`UNSENT_BYTES_MAX`] unread is disconnected.

use std::{cell::RefCell, io::ErrorKind, rc::Rc};

use corelane_actors::types::{PortId, Publication};
use corelane_codecs::soup::{ClientPacket, RejectCode, ServerPacket, SessionName};
use tokio::{
    io::AsyncReadExt,
    net::{
        TcpListener, TcpStream, UdpSocket,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::{LocalSet, spawn_local, yield_now},
    time::{Duration, interval},
};

use super::{
    channels::put,
    exchange::{Exchange, Outlet, Request},
    feed::{Feed, FeedSetup, publication},
    inbox::{Credentials, Inbox, authenticate, request},
    server::{Serving, Setup, now_ns},
};

/// Maximum that a slow reader may leave unread beyond the socket's buffer, in bytes; as our venue's.
const UNSENT_BYTES_MAX: usize = 256 * 1024;

/// Everything; borrowed between two awaits only.
struct Venue {
    session: SessionName,
    ports: Vec<Credentials>,
    exchange: Exchange,
    clients: Clients,
}

struct Clients {
    clients: Vec<Client>,
    /// Accounts with something to write.
    dirty: Vec<PortId>,
    publications: Vec<Publication>,
}

#[derive(Default)]
struct Client {
    /// The connection it is logged in on, counted by log-ins.
    write: Option<(u64, OwnedWriteHalf)>,
    log_ins: u64,
    last_number: u64,
    unsent: Vec<u8>,
    is_dirty: bool,
}

impl Outlet for Clients {
    fn answer(&mut self, port: PortId, message: &[u8]) {
        self.clients[port.index()].last_number += 1;
        self.send(port, &ServerPacket::Sequenced(message));
    }

    fn publish(&mut self, message: &[u8]) {
        self.publications.push(publication(message));
    }
}

impl Clients {
    fn send(&mut self, port: PortId, packet: &ServerPacket<'_>) {
        let client = &mut self.clients[port.index()];
        if client.write.is_none() {
            return;
        }
        put(packet, &mut client.unsent);
        if !std::mem::replace(&mut client.is_dirty, true) {
            self.dirty.push(port);
        }
    }

    /// Writes what the sockets take.
    fn flush(&mut self) {
        let clients = &mut self.clients;
        self.dirty.retain(|&port| {
            let client = &mut clients[port.index()];
            client.is_dirty = client.flush();
            client.is_dirty
        });
    }
}

impl Client {
    /// Whether something is left.
    fn flush(&mut self) -> bool {
        let Some((_, write)) = &self.write else {
            return false;
        };
        match write.try_write(&self.unsent) {
            Ok(written) => drop(self.unsent.drain(..written)),
            Err(error) if error.kind() == ErrorKind::WouldBlock && self.unsent.len() <= UNSENT_BYTES_MAX => {}
            Err(_) => {
                self.write = None;
                self.unsent.clear();
            }
        }
        !self.unsent.is_empty()
    }
}

/// The server, see the [module](self).
pub(super) fn serve(setup: Setup) -> Serving {
    Box::pin(async move { LocalSet::new().run_until(accept(setup)).await })
}

async fn accept(setup: Setup) {
    let Setup { listener, session, ports, group, feed } = setup;
    let listener = TcpListener::from_std(listener).expect("a listener on the runtime");
    let clients = Clients {
        clients: ports.iter().map(|_| Client::default()).collect(),
        dirty: Vec::new(),
        publications: Vec::new(),
    };
    let exchange = Exchange::new(&group);
    let venue = Rc::new(RefCell::new(Venue { session, ports, exchange, clients }));
    spawn_local(turn(venue.clone(), feed));
    spawn_local(heartbeats(venue.clone()));
    loop {
        // A connection that is gone before it is accepted is no concern of the others.
        if let Ok((stream, _)) = listener.accept().await {
            spawn_local(connection(stream, venue.clone()));
        }
    }
}

/// Reads until the client goes.
async fn connection(stream: TcpStream, venue: Rc<RefCell<Venue>>) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let (mut read, write) = stream.into_split();
    let mut write = Some(write);
    let mut logged_in = None;
    // What ends the connection is the same to the exchange, whether the client said good-bye or not.
    let _ = read_in(&mut read, &mut write, &venue, &mut logged_in).await;
    if let Some((port, log_in)) = logged_in {
        venue.borrow_mut().log_out(port, log_in);
    }
}

/// Reads packets; `None` when there will be no more.
async fn read_in(
    read: &mut OwnedReadHalf,
    write: &mut Option<OwnedWriteHalf>,
    venue: &RefCell<Venue>,
    logged_in: &mut Option<(PortId, u64)>,
) -> Option<()> {
    let mut inbox = Inbox::new();
    loop {
        let bytes = read.read(inbox.space()).await.ok().filter(|&bytes| bytes > 0)?;
        inbox.received(bytes);
        let venue = &mut *venue.borrow_mut();
        let ended = venue.read(&mut inbox, write, logged_in);
        venue.clients.flush();
        ended?;
    }
}

impl Venue {
    /// Handles what has come; `None` if it ends the connection.
    fn read(
        &mut self,
        inbox: &mut Inbox,
        write: &mut Option<OwnedWriteHalf>,
        logged_in: &mut Option<(PortId, u64)>,
    ) -> Option<()> {
        while let Some(packet) = inbox.next().ok()? {
            match (packet, *logged_in) {
                (ClientPacket::Unsequenced(payload), Some((port, _))) => {
                    if let Some(request) = request(payload) {
                        self.exchange.handle(now_ns(), port, &request, &mut self.clients);
                    }
                }
                (ClientPacket::Login(login), None) => {
                    let write = write.take()?;
                    let Some(port) = authenticate(&self.ports, &login) else {
                        let mut rejected = Vec::new();
                        put(&ServerPacket::LoginRejected(RejectCode::NotAuthorized), &mut rejected);
                        // A fresh connection takes four bytes; should it not, closing says enough.
                        let _ = write.try_write(&rejected);
                        return None;
                    };
                    let client = &mut self.clients.clients[port.index()];
                    client.log_ins += 1;
                    client.write = Some((client.log_ins, write));
                    client.unsent.clear();
                    *logged_in = Some((port, client.log_ins));
                    let (session, next_sequence) = (self.session, client.last_number + 1);
                    self.clients.send(port, &ServerPacket::LoginAccepted { session, next_sequence });
                }
                (ClientPacket::Heartbeat | ClientPacket::Debug(_), _) => {}
                _ => return None,
            }
        }
        Some(())
    }

    /// The connection of this log-in is gone.
    fn log_out(&mut self, port: PortId, log_in: u64) {
        let client = &mut self.clients.clients[port.index()];
        // Another connection may have taken over.
        if client.log_ins == log_in {
            client.write = None;
            client.unsent.clear();
            self.exchange.handle(now_ns(), port, &Request::Disconnect, &mut self.clients);
        }
    }
}

/// Once in every turn of the runtime: what the sockets did not take, then the feed.
async fn turn(venue: Rc<RefCell<Venue>>, setup: Option<FeedSetup>) {
    let mut out = None;
    if let Some(setup) = setup {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a UDP port on loopback");
        socket.connect(setup.to).await.expect("a UDP socket connects to any address");
        out = Some((socket, Feed::new(&setup)));
    }
    let mut batch = Vec::new();
    loop {
        yield_now().await;
        {
            let clients = &mut venue.borrow_mut().clients;
            clients.flush();
            std::mem::swap(&mut batch, &mut clients.publications);
        }
        if let Some((socket, feed)) = &mut out {
            let mut messages = &batch[..];
            while !messages.is_empty() {
                // What nobody listens to is refused; a feed does not mind.
                let _ = socket.send(feed.pack(&mut messages)).await;
            }
        }
        batch.clear();
    }
}

async fn heartbeats(venue: Rc<RefCell<Venue>>) {
    let mut seconds = interval(Duration::from_secs(1));
    loop {
        seconds.tick().await;
        let clients = &mut venue.borrow_mut().clients;
        for port in 0..clients.clients.len() {
            clients.send(PortId::from_index(port), &ServerPacket::Heartbeat);
        }
    }
}
