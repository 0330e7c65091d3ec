//! Clients that guess: what an attempt costs the shard does not grow with the ports, nor with the connections that wait.

use std::time::{Duration, Instant};

use crate::harness::{Venue, config, login};
use corelane_actors::session::{Credentials, SessionConfig, SessionCount};
use corelane_codecs::{soup::ClientPacket, text::Alpha};
use corelane_runtime::net::CloseReason;

/// How much longer the shortest of many attempts may take among many than among few. Both were seen to take the same; where each
/// attempt went through a list, those among many took 17 and 50 times as long.
const FACTOR_MAX: u32 = 8;
const ATTEMPTS: usize = 200;

/// The least time that opening a connection and guessing a password took.
fn shortest_attempt(venue: &mut Venue) -> Duration {
    let attempt = |venue: &mut Venue| {
        let begun = Instant::now();
        let conn = venue.connect();
        venue.send(conn, &ClientPacket::Login(login("alice", "guess", 0)));
        let taken = begun.elapsed();
        assert!(venue.is_closed(conn));
        venue.net.disconnect(conn, CloseReason::Peer);
        venue.sim.run_until_idle();
        taken
    };
    (0..ATTEMPTS).map(|_| attempt(venue)).min().unwrap()
}

#[test]
fn a_guess_costs_the_same_however_many_ports_there_are() {
    let [few, many] = [2, 16_384].map(|others| {
        let mut config = SessionConfig {
            reply_log_bytes: 16 << 10,
            open_orders_per_port_max: 1,
            in_flight_max: 1,
            connections_max: 1000,
            ..config()
        };
        let others = (0..others).map(|index| Credentials {
            user: Alpha::new(&format!("U{index}")).unwrap(),
            password: Alpha::new("secret").unwrap(),
        });
        config.ports.extend(others);
        let mut venue = Venue::new(config);
        let shortest = shortest_attempt(&mut venue);
        assert_eq!(venue.count(SessionCount::NotAuthorized), ATTEMPTS as u64);
        shortest
    });
    assert!(many <= FACTOR_MAX * few, "{many:?} among many ports, {few:?} among few");
}

#[test]
fn a_connection_costs_the_same_however_many_wait() {
    let [few, many] = [4, 8_000].map(|waiting| {
        let mut venue =
            Venue::new(SessionConfig { connections_max: 20_000, connections_per_address_max: 20_000, ..config() });
        (0..waiting).for_each(|_| {
            venue.connect();
        });
        shortest_attempt(&mut venue)
    });
    assert!(many <= FACTOR_MAX * few, "{many:?} among many connections, {few:?} among few");
}
