//! Whatever peers do, and however often the owners of endpoints are suspended, resumed and given up: a handler hears of each
//! connection from its begin to its end, of no other, and nothing stays behind.

mod net_support;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    time::{Duration, Instant},
};

use corelane_runtime::net::{
    CloseReason, ConnId, Datagram, Driver, DriverConfig, EndpointId, EndpointSpec, Flow, Net, NetHandler, Owners,
};
use corelane_test_support::random::Random;
use net_support::{LengthPrefixed, frame, listen, loopback, small_net};
use rustix::net::sockopt::set_socket_linger;

const LISTENERS: u32 = 2;
const OUTGOING: EndpointId = EndpointId(LISTENERS);
const STEPS: usize = 400;
const SEEDS: u64 = 60;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Served {
    Yes,
    Suspended,
    GivenUp,
}

/// What the handler knows, and what it must not hear.
struct Judge {
    random: Random,
    served: BTreeMap<u32, Served>,
    /// Its connections, with their endpoints, and those that were half-closed.
    live: BTreeMap<(u32, u32), EndpointId>,
    half_closed: BTreeSet<(u32, u32)>,
    reconnects: bool,
    started: Instant,
    offset: Duration,
}

fn key(conn: ConnId) -> (u32, u32) {
    (conn.slot, conn.generation)
}

impl Judge {
    fn knows(&self, conn: ConnId, what: &str) -> EndpointId {
        let endpoint =
            *self.live.get(&key(conn)).unwrap_or_else(|| panic!("{what} of a connection that nobody knows: {conn:?}"));
        assert_eq!(self.served[&endpoint.0], Served::Yes, "{what} for who is not served");
        endpoint
    }

    fn act(&mut self, net: &mut dyn Net, conn: ConnId) {
        match self.random.below(40) {
            0 => net.close(conn, CloseReason::Local),
            1 => net.close(conn, CloseReason::SlowReader),
            2 => net.end_input(conn),
            3 => while net.send(conn, &[7; 700]).is_ok() {},
            4 if !self.live.is_empty() => {
                let other = self.random.index(self.live.len());
                let &(slot, generation) = self.live.keys().nth(other).unwrap();
                net.close(ConnId { slot, generation }, CloseReason::Local);
            }
            _ => {}
        }
    }
}

impl NetHandler for Judge {
    fn on_open(&mut self, net: &mut dyn Net, endpoint: EndpointId, conn: ConnId, _: SocketAddr) {
        assert_eq!(self.served[&endpoint.0], Served::Yes, "a connection for who is not served");
        assert_eq!(self.live.insert(key(conn), endpoint), None, "opened twice");
        self.act(net, conn);
    }
    fn on_frame(&mut self, net: &mut dyn Net, conn: ConnId, bytes: &[u8]) -> Flow {
        self.knows(conn, "a frame");
        assert!(!self.half_closed.contains(&key(conn)), "a frame after the end");
        self.act(net, conn);
        if self.random.below(8) == 0 || net.send(conn, bytes).is_err() { Flow::Hold } else { Flow::Taken }
    }
    fn on_datagram(&mut self, _: &mut dyn Net, _: EndpointId, _: &Datagram<'_>) {
        panic!("no socket receives any");
    }
    fn on_half_close(&mut self, net: &mut dyn Net, conn: ConnId) {
        self.knows(conn, "a half-close");
        assert!(self.half_closed.insert(key(conn)), "half-closed twice");
        if self.random.below(2) == 0 {
            net.close(conn, CloseReason::Peer);
        }
    }
    fn on_writable(&mut self, net: &mut dyn Net, conn: ConnId) {
        self.knows(conn, "room");
        self.act(net, conn);
    }
    fn on_close(&mut self, net: &mut dyn Net, endpoint: EndpointId, conn: ConnId, _: CloseReason) {
        assert_ne!(self.served[&endpoint.0], Served::Suspended, "an end for who is suspended");
        let known = self.live.remove(&key(conn));
        self.half_closed.remove(&key(conn));
        // An outgoing connection may end before it is established, one of who is given up before it was opened.
        let may_be_new = endpoint == OUTGOING || self.served[&endpoint.0] == Served::GivenUp;
        assert!(known == Some(endpoint) || known.is_none() && may_be_new, "{known:?}");
        if endpoint == OUTGOING && self.reconnects {
            let _ = net.reconnect(endpoint);
        }
    }
}

impl Owners for Judge {
    fn handler(&mut self, _: EndpointId) -> &mut dyn NetHandler {
        self
    }
    fn now_ns(&mut self) -> u64 {
        (self.started.elapsed() + self.offset).as_nanos() as u64
    }
}

fn run(seed: u64) {
    let mut random = Random::new(seed);
    let server = TcpListener::bind(loopback()).unwrap();
    server.set_nonblocking(true).unwrap();
    let connect = EndpointSpec::Connect { addr: server.local_addr().unwrap(), framer: Box::new(LengthPrefixed) };
    let endpoints = vec![listen(), listen(), connect];
    let config = DriverConfig {
        connections_max: 1 + random.below(4) as u32,
        receive_buffers: [1, 2, 8][random.index(3)],
        submission_entries: 8,
        sends_by_call: [0, 8][random.index(2)],
        ..small_net()
    };
    let mut driver = Driver::new(config, endpoints).unwrap();
    let addrs: Vec<_> = (0..LISTENERS).map(|id| driver.local_addr(EndpointId(id)).unwrap()).collect();
    let mut judge = Judge {
        random: Random::new(!seed),
        served: (0..=LISTENERS).map(|id| (id, Served::Yes)).collect(),
        live: BTreeMap::new(),
        half_closed: BTreeSet::new(),
        reconnects: true,
        started: Instant::now(),
        offset: Duration::ZERO,
    };
    let mut clients: Vec<TcpStream> = Vec::new();
    for _ in 0..STEPS {
        let at = random.index(clients.len().max(1));
        match random.below(24) {
            0..=4 => {
                let addr = addrs[random.index(addrs.len())];
                if let Ok(client) = TcpStream::connect(addr) {
                    client.set_nonblocking(true).unwrap();
                    clients.push(client);
                }
            }
            5 => clients.extend(server.accept().ok().map(|(client, _)| {
                client.set_nonblocking(true).unwrap();
                client
            })),
            6..=10 if !clients.is_empty() => {
                let frames: Vec<u8> = (0..random.below(20)).flat_map(|n| frame(&[n as u8; 60])).collect();
                let _ = clients[at].write(&frames);
            }
            11 if !clients.is_empty() => drop(clients.swap_remove(at)),
            12 if !clients.is_empty() => {
                set_socket_linger(&clients[at], Some(Duration::ZERO)).unwrap();
                drop(clients.swap_remove(at));
            }
            13 if !clients.is_empty() => _ = clients[at].shutdown(Shutdown::Write),
            14 | 15 if !clients.is_empty() => _ = clients[at].read(&mut [0; 4096]),
            16 | 17 => {
                let id = random.below(3) as u32;
                if judge.served[&id] == Served::Yes {
                    judge.served.insert(id, Served::Suspended);
                    driver.suspend_endpoint(EndpointId(id));
                    judge.live.retain(|_, endpoint| endpoint.0 != id);
                }
            }
            18 | 19 => {
                let id = random.below(3) as u32;
                if judge.served[&id] == Served::Suspended {
                    judge.served.insert(id, Served::Yes);
                    driver.resume_endpoint(EndpointId(id));
                }
            }
            20 if random.below(40) == 0 => {
                let id = random.below(3) as u32;
                judge.served.insert(id, Served::GivenUp);
                driver.close_endpoint(EndpointId(id));
                // Its handler does not run, and the shard's cell drops what comes for it.
                judge.live.retain(|_, endpoint| endpoint.0 != id);
            }
            21 => judge.offset += Duration::from_millis(random.below(2_500)),
            _ => {}
        }
        driver.poll(&mut judge);
    }
    // All come back, and all peers go; or they stay, and the driver stops.
    for id in 0..=LISTENERS {
        if judge.served[&id] == Served::Suspended {
            judge.served.insert(id, Served::Yes);
            driver.resume_endpoint(EndpointId(id));
        }
    }
    judge.reconnects = false;
    let stops = random.below(2) == 0;
    if stops {
        driver.stop_accepting();
        driver.stop_reading();
    } else {
        clients.clear();
    }
    drop(server);
    let begun = Instant::now();
    let mut polls = 0;
    while driver.open_connections() > 0 || driver.has_pending() {
        polls += 1;
        if stops {
            driver.close_served();
        }
        if stops && polls == 40 {
            driver.cut_off_all();
        }
        for &(slot, generation) in judge.half_closed.clone().iter() {
            driver.close(ConnId { slot, generation }, CloseReason::Peer);
        }
        judge.offset += Duration::from_millis(if stops { 1 } else { 100 });
        driver.poll(&mut judge);
        let counters = driver.counters();
        assert!(begun.elapsed() < Duration::from_secs(20), "something stays behind: {:?} {counters:?}", judge.live);
    }
    assert!(judge.live.is_empty(), "{:?}", judge.live);
    // Nothing is left to do: a shard could sleep.
    for _ in 0..20 {
        driver.poll(&mut judge);
    }
    assert!(driver.prepare_park(), "seed {seed}");
}

#[test]
fn each_connection_is_told_from_its_begin_to_its_end_and_nothing_stays_behind() {
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = descriptors();
    for seed in 0..SEEDS {
        println!("seed {seed}");
        run(seed);
        assert_eq!(descriptors(), before, "seed {seed}");
    }
}
