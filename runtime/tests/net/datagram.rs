//! UDP on real sockets: both directions, bounds, multicast.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, SystemTime};

use crate::net_support::{World, echo, frame, listen, loopback, small_net, take};
use corelane_runtime::net::{DriverConfig, EndpointId, EndpointSpec, Flow, Net, SendError, UdpSpec};

const RECEIVER: EndpointId = EndpointId(0);

fn udp_world(config: DriverConfig, specs: Vec<UdpSpec>) -> World {
    World::new(config, specs.into_iter().map(EndpointSpec::Udp).collect(), take)
}

#[test]
fn datagrams_arrive_with_their_sender() {
    let mut world = udp_world(small_net(), vec![UdpSpec::receiver(loopback()), UdpSpec::receiver(loopback())]);
    for endpoint in [EndpointId(0), EndpointId(1)] {
        let sender = UdpSocket::bind(loopback()).unwrap();
        let to = world.driver.local_addr(endpoint).unwrap();
        for payload in [&b"one"[..], b"", &[7; 256]] {
            world.actor.datagrams.clear();
            sender.send_to(payload, to).unwrap();
            world.until("the datagram", |world| !world.actor.datagrams.is_empty());
            let expected = (endpoint, sender.local_addr().unwrap(), payload.to_vec());
            assert_eq!(world.actor.datagrams, [expected]);
        }
    }
    assert_eq!(world.driver.counters().datagrams_received, 6);
}

#[test]
fn a_burst_longer_than_the_buffers_is_received_in_order() {
    let spec = UdpSpec { socket_receive_bytes: Some(1 << 20), ..UdpSpec::receiver(loopback()) };
    let config = DriverConfig { receive_buffers: 4, ..small_net() };
    let mut world = udp_world(config, vec![spec]);
    let sender = UdpSocket::bind(loopback()).unwrap();
    let to = world.driver.local_addr(RECEIVER).unwrap();
    for n in 0..150u8 {
        sender.send_to(&[n], to).unwrap();
    }
    world.until("all", |world| world.actor.datagrams.len() == 150);
    let received: Vec<u8> = world.actor.datagrams.iter().map(|(_, _, payload)| payload[0]).collect();
    assert_eq!(received, (0..150).collect::<Vec<u8>>());
    assert!(world.driver.counters().buffers_exhausted > 0);
}

#[test]
fn a_datagram_that_does_not_fit_is_dropped_and_counted() {
    let mut world = udp_world(small_net(), vec![UdpSpec::receiver(loopback())]);
    let sender = UdpSocket::bind(loopback()).unwrap();
    let to = world.driver.local_addr(RECEIVER).unwrap();
    sender.send_to(&[1; 257], to).unwrap();
    sender.send_to(&[2; 256], to).unwrap();
    world.until("the second", |world| !world.actor.datagrams.is_empty());
    assert_eq!((world.actor.datagrams.len(), world.actor.datagrams[0].2[0]), (1, 2));
    assert_eq!(world.driver.counters().datagrams_truncated, 1);
}

/// The longest way from a datagram's receipt to its delivery here, on a machine with other work.
const DELIVERY_NS_MAX: u64 = 20_000_000_000;

#[test]
fn the_kernels_receive_time_comes_with_datagrams_where_it_is_asked_for() {
    let asking = UdpSpec { kernel_times: true, ..UdpSpec::receiver(loopback()) };
    let asking_v6 = UdpSpec { kernel_times: true, ..UdpSpec::receiver("[::1]:0".parse().unwrap()) };
    let mut world = udp_world(small_net(), vec![UdpSpec::receiver(loopback()), asking, asking_v6]);
    for (endpoint, asks, from) in [(0, false, "127.0.0.1:0"), (1, true, "127.0.0.1:0"), (2, true, "[::1]:0")] {
        let sender = UdpSocket::bind(from).unwrap();
        let to = world.driver.local_addr(EndpointId(endpoint)).unwrap();
        // The longest payload of `small` fits behind a time as it does without one.
        for payload in [&b""[..], b"one", &[7; 256]] {
            let sent_ns = utc_ns();
            sender.send_to(payload, to).unwrap();
            world.until("the datagram", |world| !world.actor.datagrams.is_empty());
            let [(_, from, received)] = &world.actor.datagrams[..] else { panic!("one was sent") };
            assert_eq!((*from, &received[..]), (sender.local_addr().unwrap(), payload));
            let told_ns = world.actor.kernel_times.pop().unwrap();
            assert_eq!(told_ns.is_some(), asks, "endpoint {endpoint}");
            if let Some(told_ns) = told_ns {
                assert!((sent_ns..=sent_ns + DELIVERY_NS_MAX).contains(&told_ns), "{told_ns} after {sent_ns}");
                assert!(told_ns <= utc_ns(), "it was received before it was delivered");
            }
            world.actor.datagrams.clear();
        }
        sender.send_to(&[1; 257], to).unwrap();
        world.until("a truncated one", |world| world.driver.counters().datagrams_truncated == u64::from(endpoint) + 1);
    }
}

/// Times are of receipt, not of delivery: datagrams that waited have theirs from before.
#[test]
fn a_datagram_that_waited_has_the_time_at_which_it_began_to() {
    let spec = UdpSpec { kernel_times: true, ..UdpSpec::receiver(loopback()) };
    let mut world = udp_world(DriverConfig { receive_buffers: 2, ..small_net() }, vec![spec]);
    let to = world.driver.local_addr(RECEIVER).unwrap();
    let sender = UdpSocket::bind(loopback()).unwrap();
    // The kernel begins to take times some moments after the first socket has asked; until then they are of delivery.
    let before_ns = loop {
        sender.send_to(b"x", to).unwrap();
        let before_ns = utc_ns();
        std::thread::sleep(Duration::from_millis(1));
        world.until("it", |world| world.actor.datagrams.pop().is_some());
        if world.actor.kernel_times.pop().flatten().unwrap() <= before_ns {
            break utc_ns();
        }
    };
    for _ in 0..10 {
        sender.send_to(b"x", to).unwrap();
    }
    let sent_ns = utc_ns();
    std::thread::sleep(Duration::from_millis(5));
    world.until("all", |world| world.actor.datagrams.len() == 10);
    let times: Vec<u64> = world.actor.kernel_times.iter().map(|time| time.unwrap()).collect();
    assert!(times.is_sorted() && times[0] >= before_ns && times[9] <= sent_ns, "{before_ns} {times:?} {sent_ns}");
}

fn utc_ns() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64
}

#[test]
fn many_datagrams_leave_in_one_enter_in_order() {
    let receiver = UdpSocket::bind(loopback()).unwrap();
    let spec =
        UdpSpec { send_slots: 20, payload_max: 100, ..UdpSpec::sender(loopback(), receiver.local_addr().unwrap()) };
    let mut world = udp_world(small_net(), vec![spec]);
    let sender = EndpointId(0);
    assert_eq!(world.driver.send_datagram(sender, &[0; 101]), Err(SendError::TooLong));
    assert_eq!(world.driver.send_datagram(EndpointId(9), b"x"), Err(SendError::Closed));
    world.run_until_idle();
    for round in 0..3u8 {
        for n in 0..20u8 {
            world.driver.send_datagram(sender, &[round, n]).unwrap();
        }
        assert_eq!(world.driver.send_datagram(sender, b"x"), Err(SendError::Full));
        assert!(world.driver.has_pending());
        let enters = world.driver.counters().enters;
        world.poll();
        assert_eq!(world.driver.counters().enters, enters + 1);
        for n in 0..20u8 {
            let mut buffer = [0; 8];
            let (len, from) = receiver.recv_from(&mut buffer).unwrap();
            assert_eq!((&buffer[..len], Some(from)), (&[round, n][..], world.driver.local_addr(sender)));
        }
        assert!(!world.driver.has_pending());
    }
    assert_eq!((world.driver.counters().datagrams_sent, world.driver.counters().send_full), (60, 3));
}

#[test]
fn an_answer_goes_to_whom_it_is_told() {
    let clients = [(); 3].map(|()| UdpSocket::bind(loopback()).unwrap());
    let mut world =
        udp_world(small_net(), vec![UdpSpec { payload_max: 8, send_slots: 4, ..UdpSpec::peer(loopback()) }]);
    let server = world.driver.local_addr(RECEIVER).unwrap();
    assert_eq!(world.driver.send_datagram(RECEIVER, b"x"), Err(SendError::Closed), "it has no destination of its own");
    for round in 0..5u8 {
        for (client, number) in clients.iter().zip(0u8..) {
            client.send_to(&[round, number], server).unwrap();
        }
        world.until("the requests", |world| world.actor.datagrams.len() == 3);
        for (_, from, request) in std::mem::take(&mut world.actor.datagrams) {
            world.driver.send_datagram_to(RECEIVER, from, &request).unwrap();
        }
        // A destination of another family costs only that datagram.
        world.driver.send_datagram_to(RECEIVER, "[::1]:9".parse().unwrap(), b"lost").unwrap();
        assert_eq!(world.driver.send_datagram_to(RECEIVER, server, b"x"), Err(SendError::Full));
        assert_eq!(world.driver.send_datagram_to(RECEIVER, server, &[0; 9]), Err(SendError::TooLong));
        world.run_until_idle();
        for (client, number) in clients.iter().zip(0u8..) {
            let mut buffer = [0; 16];
            let (len, from) = client.recv_from(&mut buffer).unwrap();
            assert_eq!((&buffer[..len], from), (&[round, number][..], server));
        }
    }
    assert_eq!((world.driver.counters().datagrams_sent, world.driver.counters().datagram_errors), (15, 5));
}

#[test]
fn a_destination_that_nobody_has_costs_only_that_datagram() {
    // A host of its own: a test beside this one could be given the port that is let go here.
    let nobody = UdpSocket::bind("127.0.0.2:0").unwrap().local_addr().unwrap();
    let mut world = udp_world(small_net(), vec![UdpSpec::sender(loopback(), nobody)]);
    for _ in 0..10 {
        world.driver.send_datagram(EndpointId(0), b"lost").unwrap();
        world.run_until_idle();
    }
    assert_eq!(world.driver.counters().datagrams_sent, 10);
}

#[test]
fn a_stream_is_answered_while_datagrams_are_published() {
    let receiver = UdpSocket::bind(loopback()).unwrap();
    receiver.set_nonblocking(true).unwrap();
    let publisher = EndpointId(1);
    let to = receiver.local_addr().unwrap();
    let endpoints = vec![listen(), EndpointSpec::Udp(UdpSpec::sender(loopback(), to))];
    let mut world = World::new(small_net(), endpoints, move |net, conn, bytes| {
        // Published first, answered second: the answer still leaves first.
        net.send_datagram(publisher, bytes).unwrap();
        echo(net, conn, bytes)
    });
    let (mut client, _) = world.connect();
    for n in 0..100u8 {
        assert_eq!(world.exchange(&mut client, &frame(&[n]), 3), frame(&[n]));
        world.run_until_idle();
        let mut buffer = [0; 8];
        let len = receiver.recv(&mut buffer).unwrap();
        assert_eq!(buffer[..len], frame(&[n]));
    }
}

#[test]
fn reading_can_be_stopped() {
    let mut world = udp_world(small_net(), vec![UdpSpec::receiver(loopback())]);
    let sender = UdpSocket::bind(loopback()).unwrap();
    let to = world.driver.local_addr(RECEIVER).unwrap();
    world.run_until_idle();
    world.driver.stop_reading();
    world.run_until_idle();
    sender.send_to(b"late", to).unwrap();
    world.run_until_idle();
    assert!(world.actor.datagrams.is_empty());
}

/// Runs in a network namespace of its own thread, so that nothing of the host's routes or firewall matters. Needs
/// root; without it the loopback tests above are all there is.
#[test]
fn multicast_reaches_the_members_and_only_those() {
    let thread = std::thread::spawn(|| {
        // SAFETY: only this thread moves to the new namespace, and it opens no descriptor shared with others.
        let moved = unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET) };
        if let Err(error) = moved {
            eprintln!("multicast not tested: a network namespace needs root ({error})");
            return;
        }
        raise_loopback();
        multicast_on_loopback();
    });
    thread.join().unwrap();
}

fn multicast_on_loopback() {
    let group = Ipv4Addr::new(239, 1, 2, 3);
    let other_group = Ipv4Addr::new(239, 1, 2, 4);
    let interface = Ipv4Addr::LOCALHOST;
    let port = 26_000;
    let receiver = |group: Ipv4Addr| UdpSpec::receiver((group, port).into()).join(group, interface);
    let sender = |group: Ipv4Addr, multicast_loop| UdpSpec {
        multicast_interface: Some(interface),
        multicast_loop,
        multicast_ttl: 3,
        ..UdpSpec::sender(loopback(), (group, port).into())
    };
    let specs =
        vec![receiver(group), receiver(group), receiver(other_group), sender(group, true), sender(other_group, true)];
    let mut world = udp_world(small_net(), specs);
    world.driver.send_datagram(EndpointId(3), b"to all of the group").unwrap();
    world.until("both members", |world| world.actor.datagrams.len() == 2);
    world.run_until_idle();
    let from: SocketAddr = world.driver.local_addr(EndpointId(3)).unwrap();
    let mut members: Vec<_> = world.actor.datagrams.drain(..).collect();
    members.sort_by_key(|(endpoint, _, _)| endpoint.0);
    let expected = |endpoint| (EndpointId(endpoint), from, b"to all of the group".to_vec());
    assert_eq!(members, [expected(0), expected(1)]);
    world.driver.send_datagram(EndpointId(4), b"other").unwrap();
    world.until("the other group", |world| world.actor.datagrams.len() == 1);
    assert_eq!(world.actor.datagrams[0].0, EndpointId(2));

    let joined_nowhere = UdpSpec::receiver((group, port).into()).join(Ipv4Addr::new(10, 0, 0, 1), interface);
    let error = corelane_runtime::net::Driver::new(small_net(), vec![EndpointSpec::Udp(joined_nowhere)]).err();
    let text = error.expect("10.0.0.1 is no group").to_string();
    assert!(text.contains("10.0.0.1") && text.contains("224.0.0.0/4"), "{text}");
}

/// The loopback interface of a new namespace is down.
fn raise_loopback() {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    // SAFETY: all-zero is a valid request, `lo` is terminated by the zeros, and the kernel reads and writes one ifreq.
    unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[0] = b'l' as libc::c_char;
        request.ifr_name[1] = b'o' as libc::c_char;
        let fd = std::os::fd::AsRawFd::as_raw_fd(&socket);
        assert_eq!(libc::ioctl(fd, libc::SIOCGIFFLAGS as _, &raw mut request), 0);
        request.ifr_ifru.ifru_flags |= (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        assert_eq!(libc::ioctl(fd, libc::SIOCSIFFLAGS as _, &raw mut request), 0);
    }
}

#[test]
fn taking_is_the_only_answer_to_a_datagram() {
    // A UDP endpoint has no frames: the frame hook must never see one.
    let mut world =
        World::new(small_net(), vec![EndpointSpec::Udp(UdpSpec::receiver(loopback()))], |_, _, _| -> Flow {
            panic!("a frame without a stream")
        });
    let to = world.driver.local_addr(RECEIVER).unwrap();
    UdpSocket::bind(loopback()).unwrap().send_to(&frame(b"x"), to).unwrap();
    world.until("the datagram", |world| world.actor.datagrams.len() == 1);
}

/// R9
#[test]
fn a_closed_udp_endpoint_sends_what_is_queued_and_takes_no_more() {
    let sink = UdpSocket::bind(loopback()).unwrap();
    let spec = UdpSpec { receive: true, ..UdpSpec::sender(loopback(), sink.local_addr().unwrap()) };
    let mut world = World::new(small_net(), vec![EndpointSpec::Udp(spec)], take);
    let addr = world.driver.local_addr(EndpointId(0)).unwrap();
    world.run_until_idle();
    world.driver.send_datagram(EndpointId(0), b"queued").unwrap();
    world.driver.close_endpoint(EndpointId(0));
    // Its address is free once it is closed.
    world.until("the socket is closed", |_| UdpSocket::bind(addr).is_ok());
    let mut payload = [0; 16];
    let length = sink.recv(&mut payload).unwrap();
    assert_eq!(payload[..length], *b"queued");
    assert_eq!(world.driver.send_datagram(EndpointId(0), b"x"), Err(SendError::Closed));
    world.run_until_idle();
}

#[test]
fn datagrams_that_the_kernel_refuses_are_counted_as_lost() {
    // The socket has no SO_BROADCAST, so the kernel answers EACCES.
    let mut world = udp_world(small_net(), vec![UdpSpec::sender(loopback(), "255.255.255.255:9".parse().unwrap())]);
    for _ in 0..3 {
        world.driver.send_datagram(EndpointId(0), b"lost").unwrap();
    }
    assert_eq!(world.driver.unsent_datagrams(), 3, "they wait");
    world.run_until_idle();
    let counters = world.driver.counters();
    assert_eq!((counters.datagrams_sent, counters.datagrams_refused, counters.datagram_errors), (0, 3, 0));
    assert_eq!(world.driver.unsent_datagrams(), 3, "they are lost");
}
