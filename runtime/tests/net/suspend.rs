//! Endpoints of a suspended actor: what waits for its next generation, and what does not outlive it.

use std::net::{TcpListener, TcpStream};

use crate::net_support::{LengthPrefixed, World, listen, loopback, small_net, take};
use corelane_runtime::net::{EndpointId, EndpointSpec, Net};

#[test]
fn a_connection_that_waited_for_who_was_given_up_leaves_nothing_in_its_slot() {
    let [first, second] = [EndpointId(0), EndpointId(1)];
    let mut world = World::new(small_net(), vec![listen(), listen()], take);
    world.driver.suspend_endpoint(first);
    let waits = TcpStream::connect(world.addr()).unwrap();
    world.until("it is accepted", |world| world.driver.counters().accepted == 1);
    assert_eq!(world.actor.opened.len(), 0, "it waits for the next generation");
    world.driver.close_endpoint(first);
    drop(waits);
    world.until("it is closed", |world| world.driver.open_connections() == 0);

    // The next connection, of another endpoint, has the same slot.
    let addr = world.driver.local_addr(second).unwrap();
    let mut client = TcpStream::connect(addr).unwrap();
    world.until("the next is open", |world| world.actor.opened.len() == 1);
    world.driver.suspend_endpoint(second);
    assert_eq!(world.read_to_end(&mut client), b"", "it ends with its actor");
}

#[test]
fn an_outgoing_connection_is_not_made_anew_for_who_is_suspended_again() {
    let server = TcpListener::bind(loopback()).unwrap();
    let addr = server.local_addr().unwrap();
    let connect = EndpointSpec::Connect { addr, framer: Box::new(LengthPrefixed) };
    let mut world = World::new(small_net(), vec![connect], take);
    world.until("it is open", |world| world.actor.opened.len() == 1);
    let peer = server.accept().unwrap();
    // The peer keeps the connection from its end, for which the next generation waits, and fails.
    world.driver.suspend_endpoint(EndpointId(0));
    world.driver.resume_endpoint(EndpointId(0));
    world.run_until_idle();
    world.driver.suspend_endpoint(EndpointId(0));
    drop(peer);
    world.until("it is closed", |world| world.driver.open_connections() == 0);
    world.run_until_idle();
    assert_eq!(world.driver.open_connections(), 0, "nobody is there to have one");
    world.driver.resume_endpoint(EndpointId(0));
    world.until("it is open again", |world| world.actor.opened.len() == 2);
}
