//! What start-up says when the host does not let it start, provoked for real where a test may.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::net_support::{LengthPrefixed, World, echo, frame, loopback, small_net};
use corelane_runtime::net::{Driver, DriverConfig, EndpointId, EndpointSpec, Net, NetError, Owners, UdpSpec};
use corelane_runtime::topology::{Idle, ShardSpec, Topology};
use corelane_test_support::shards::{options, two_cpus};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

fn start(config: DriverConfig, addr: SocketAddr) -> Result<Driver, NetError> {
    Driver::new(config, vec![EndpointSpec::Listen { addr, framer: Box::new(LengthPrefixed), backlog: 8 }])
}

#[test]
fn an_address_in_use_is_named() {
    let taken = TcpListener::bind(loopback()).unwrap();
    let addr = taken.local_addr().unwrap();
    let error = start(small_net(), addr).err().unwrap();
    assert!(matches!(error, NetError::AddressInUse { endpoint: 0, .. }), "{error:?}");
    assert!(error.to_string().contains(&addr.to_string()) && error.to_string().contains("ss -lnp"), "{error}");
}

#[test]
fn an_address_of_another_host_is_named() {
    let error = start(small_net(), "192.0.2.1:7000".parse().unwrap()).err().unwrap();
    assert!(matches!(error, NetError::AddressNotAvailable { .. }), "{error:?}");
    assert!(error.to_string().contains("192.0.2.1"), "{error}");
}

#[test]
fn sizes_out_of_range_are_named() {
    let cases = [
        ("receive_buffers", DriverConfig { receive_buffers: 3, ..small_net() }),
        ("receive_buffer_bytes", DriverConfig { receive_buffer_bytes: 0, ..small_net() }),
        ("send_buffer_bytes", DriverConfig { send_buffer_bytes: 1000, ..small_net() }),
        ("connections_max", DriverConfig { connections_max: 0, ..small_net() }),
        ("submission_entries", DriverConfig { submission_entries: 4, ..small_net() }),
        ("max_frame_bytes", DriverConfig { max_frame_bytes: 0, ..small_net() }),
        ("sends_by_call", DriverConfig { sends_by_call: 40_000, ..small_net() }),
    ];
    for (field, config) in cases {
        let error = start(config, loopback()).err().unwrap();
        assert!(error.to_string().starts_with(&format!("net.{field} is ")), "{error}");
    }
}

/// A small network has fewer completions than the largest submission queue has entries.
#[test]
fn each_size_of_the_submission_queue_that_is_allowed_starts() {
    for submission_entries in [8, 1 << 15] {
        let started = start(DriverConfig { submission_entries, ..small_net() }, loopback());
        assert!(started.is_ok(), "{submission_entries}: {:?}", started.err());
    }
}

/// The filter is this thread's only.
#[test]
fn a_seccomp_filter_is_named() {
    for (errno, remedy) in [(libc::EPERM, "seccomp profile"), (libc::ENOSYS, "CONFIG_IO_URING")] {
        let thread = std::thread::spawn(move || {
            refuse_io_uring(errno);
            start(small_net(), loopback()).err().unwrap().to_string()
        });
        let text = thread.join().unwrap();
        assert!(text.contains(remedy), "{text}");
    }
}

fn refuse_io_uring(errno: i32) {
    let refused = libc::SECCOMP_RET_ERRNO | errno as u32;
    install_filter(&[libc::SYS_io_uring_setup], refused, libc::SECCOMP_RET_ALLOW);
}

/// Answers the system calls in `listed` by `then` and all others by `otherwise`, in this thread and for good.
fn install_filter(listed: &[libc::c_long], then: u32, otherwise: u32) {
    let statement = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let skip_unless_equal =
        |k: u32| libc::sock_filter { jf: 1, ..statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, k) };
    let answer = |k: u32| statement(libc::BPF_RET | libc::BPF_K, k);
    let mut filter = vec![statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0)];
    filter.extend(listed.iter().flat_map(|&call| [skip_unless_equal(call as u32), answer(then)]));
    filter.push(answer(otherwise));
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the program and its filter live during the call, which copies them.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let mode = libc::SECCOMP_MODE_FILTER;
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program), 0);
    }
}

/// Any other call kills the process, so that the outer test fails.
#[test]
fn polling_makes_no_system_call_but_enter_and_sends() {
    in_own_process("polling_makes_no_system_call_but_enter_and_sends", || polls_under_a_filter(2, &[libc::SYS_sendto]));
}

/// The same without sends by call.
#[test]
fn polling_makes_no_system_call_but_enter() {
    in_own_process("polling_makes_no_system_call_but_enter", || polls_under_a_filter(0, &[]));
}

fn polls_under_a_filter(sends_by_call: u16, sends: &'static [libc::c_long]) {
    let sink = UdpSocket::bind(loopback()).unwrap();
    let to = sink.local_addr().unwrap();
    let (tell_addr, addr) = std::sync::mpsc::channel();
    let done = Arc::new(AtomicBool::new(false));
    let finished = done.clone();
    std::thread::spawn(move || {
        let feed = EndpointSpec::Udp(UdpSpec { receive: true, ..UdpSpec::sender(loopback(), to) });
        let mut world = World::new(
            DriverConfig { sends_by_call, ..small_net() },
            vec![crate::net_support::listen(), feed],
            |net, conn, bytes| {
                net.send_datagram(EndpointId(1), bytes).unwrap();
                echo(net, conn, bytes)
            },
        );
        tell_addr.send((world.addr(), world.driver.local_addr(EndpointId(1)).unwrap())).unwrap();
        // What the recording handler needs for its own memory is allowed too.
        let memory = [libc::SYS_brk, libc::SYS_mmap, libc::SYS_mremap, libc::SYS_munmap];
        let allowed = [&[libc::SYS_io_uring_enter], sends, &memory[..]].concat();
        install_filter(&allowed, libc::SECCOMP_RET_ALLOW, libc::SECCOMP_RET_KILL_PROCESS);
        loop {
            world.poll();
            let all = world.actor.closed.len() == 3 && world.actor.datagrams.len() == 3;
            finished.store(all, Ordering::Release);
        }
    });
    let (addr, feed) = addr.recv().unwrap();
    for _ in 0..3 {
        let mut client = TcpStream::connect(addr).unwrap();
        for n in 0..100u8 {
            client.write_all(&frame(&[n])).unwrap();
            client.read_exact(&mut [0; 3]).unwrap();
            assert_eq!(sink.recv(&mut [0; 8]).unwrap(), 3);
        }
        sink.send_to(b"in", feed).unwrap();
        // The polite close of a connection makes the calls that `Driver` lists; a reset makes none.
        rustix::net::sockopt::set_socket_linger(&client, Some(Duration::ZERO)).unwrap();
    }
    while !done.load(Ordering::Acquire) {
        std::thread::yield_now();
    }
}

/// Runs the named test again in a process of its own, because limits are a process's.
fn in_own_process(test: &str, body: fn()) {
    const MARK: &str = "NET_START_OWN_PROCESS";
    if std::env::var(MARK).as_deref() == Ok(test) {
        return body();
    }
    let this = std::env::current_exe().unwrap();
    let output = Command::new(this)
        .args(["--exact", &format!("start::{test}"), "--nocapture"])
        .env(MARK, test)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn a_memlock_limit_is_named() {
    in_own_process("a_memlock_limit_is_named", || {
        setrlimit(Resource::Memlock, Rlimit { current: Some(1024), maximum: Some(1024) }).unwrap();
        // Root is exempt. The raw call changes this thread only, which is the one that starts the driver.
        // SAFETY: integers only.
        unsafe { libc::syscall(libc::SYS_setresuid, 65_534, 65_534, 65_534) };
        match start(DriverConfig::default(), loopback()) {
            // Kernels before 6.14 charge rings and buffers to the memory cgroup instead.
            Ok(_) => {}
            Err(error) => {
                assert!(matches!(error, NetError::LockedMemory { limit_bytes: Some(1024), .. }), "{error:?}");
                assert!(error.to_string().contains("ulimit -l"), "{error}");
                eprintln!("{error}");
            }
        }
    });
}

#[test]
fn a_process_out_of_descriptors_accepts_again_when_it_has_some() {
    in_own_process("a_process_out_of_descriptors_accepts_again_when_it_has_some", || {
        let mut world = World::listening(small_net(), echo);
        let mut client = TcpStream::connect(world.addr()).unwrap();
        // R4: the pause is counted from now, not from when the driver last had to do with time.
        world.pause(Duration::from_secs(3));
        let limit = getrlimit(Resource::Nofile);
        // All descriptors up to the limit are taken now.
        setrlimit(Resource::Nofile, Rlimit { current: Some(0), ..limit }).unwrap();
        world.until("an accept fails", |world| world.driver.counters().accept_errors > 0);
        let errors = world.driver.counters().accept_errors;
        let deadline = world.driver.next_deadline_ns();
        let now_ns = world.actor.now_ns();
        assert!(deadline.is_some_and(|at_ns| at_ns + 1_000_000_000 > now_ns), "the listener backs off");
        assert!(errors <= 16, "without spinning: {errors}");
        setrlimit(Resource::Nofile, limit).unwrap();
        world.pause(Duration::from_millis(50));
        world.until("accepted after all", |world| world.driver.open_connections() == 1);
        client.write_all(&frame(b"x")).unwrap();
        assert_eq!(world.exchange(&mut client, &[], 3), frame(b"x"));
    });
}

#[test]
fn an_outgoing_connection_of_the_next_generation_is_tried_again_when_there_are_descriptors() {
    in_own_process("an_outgoing_connection_of_the_next_generation_is_tried_again_when_there_are_descriptors", || {
        let server = TcpListener::bind(loopback()).unwrap();
        let connect = EndpointSpec::Connect { addr: server.local_addr().unwrap(), framer: Box::new(LengthPrefixed) };
        let mut world = World::new(small_net(), vec![connect], echo);
        world.until("it is open", |world| world.actor.opened.len() == 1);
        drop(server.accept().unwrap());
        world.driver.suspend_endpoint(EndpointId(0));
        world.until("it is closed", |world| world.driver.open_connections() == 0);
        let limit = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(0), ..limit }).unwrap();
        let begun_ns = world.actor.now_ns();
        world.driver.resume_endpoint(EndpointId(0));
        world.run_until_idle();
        let errors = world.driver.counters().connect_errors;
        // It is tried again after 10 ms.
        let tries_max = 2 + (world.actor.now_ns() - begun_ns) / 10_000_000;
        assert!((1..=tries_max).contains(&errors), "it is told, without spinning: {errors} of {tries_max}");
        assert!(world.driver.next_deadline_ns().is_some(), "a shard that sleeps tries it too");
        setrlimit(Resource::Nofile, limit).unwrap();
        world.pause(Duration::from_millis(50));
        world.until("it is open again", |world| world.actor.opened.len() == 2);
    });
}

/// Polls as a shard does that sleeps as soon as it may; returns whether it is woken.
fn is_woken(world: &mut World) -> bool {
    while world.poll() > 0 || !world.driver.prepare_park() {}
    world.driver.next_deadline_ns().is_some()
}

#[test]
fn a_shard_that_sleeps_tries_an_outgoing_connection_again_until_there_are_descriptors() {
    in_own_process("a_shard_that_sleeps_tries_an_outgoing_connection_again_until_there_are_descriptors", || {
        let server = TcpListener::bind(loopback()).unwrap();
        let connect = EndpointSpec::Connect { addr: server.local_addr().unwrap(), framer: Box::new(LengthPrefixed) };
        let mut world = World::new(small_net(), vec![connect], echo);
        world.until("it is open", |world| world.actor.opened.len() == 1);
        drop(server.accept().unwrap());
        world.driver.suspend_endpoint(EndpointId(0));
        world.until("it is closed", |world| world.driver.open_connections() == 0);
        let limit = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(0), ..limit }).unwrap();
        world.driver.resume_endpoint(EndpointId(0));
        let woken = [(); 4].map(|()| {
            let is_woken = is_woken(&mut world);
            world.pause(Duration::from_millis(50));
            is_woken
        });
        setrlimit(Resource::Nofile, limit).unwrap();
        assert_eq!(woken, [true; 4], "for the next try");
        assert!(world.driver.counters().connect_errors >= 4, "{:?}", world.driver.counters());
        world.until("it is open again", |world| world.actor.opened.len() == 2);
    });
}

#[test]
fn dropping_a_busy_driver_ends_its_connections() {
    let mut world = World::listening(small_net(), echo);
    let (mut client, conn) = world.connect();
    // A send that cannot end is in flight when the driver goes.
    world.fill(conn);
    let addr = world.addr();
    drop(world);
    std::io::copy(&mut client, &mut std::io::sink()).unwrap();
    assert!(TcpStream::connect(addr).is_err());
}

/// R17: without it the shard would spin for ever and say nothing.
#[test]
fn a_process_out_of_descriptors_is_told_that_a_shard_cannot_be_woken() {
    in_own_process("a_process_out_of_descriptors_is_told_that_a_shard_cannot_be_woken", || {
        let mut topology = Topology::new();
        let limit = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(0), ..limit }).unwrap();
        topology.shard(ShardSpec::new("sleeper", two_cpus()[0]).idle(Idle::Park).net(small_net()));
        setrlimit(Resource::Nofile, limit).unwrap();
        let error = topology.start(options()).expect_err("a shard that parks needs a descriptor").to_string();
        assert!(error.contains("\"sleeper\"") && error.contains("ulimit -n"), "{error}");
    });
}

#[test]
fn what_a_start_refuses_of_the_network_the_check_of_the_host_refuses_too() {
    let configs = [
        DriverConfig { receive_buffers: 3, ..small_net() },
        DriverConfig { connections_max: 0, ..small_net() },
        DriverConfig { submission_entries: 4, ..small_net() },
    ];
    for net in configs {
        let mut topology = Topology::new();
        topology.shard(ShardSpec::new("sleeper", two_cpus()[0]).idle(Idle::Park).net(net));
        let checked = topology.check_host().expect_err("a start refuses it").to_string();
        assert_eq!(topology.start(options()).expect_err("it is out of range").to_string(), checked);
    }
}

/// One executor after the other would find enough.
#[test]
fn the_check_of_the_host_counts_the_open_files_of_all_shards_together() {
    in_own_process("the_check_of_the_host_counts_the_open_files_of_all_shards_together", || {
        let mut topology = Topology::new();
        for name in ["one", "two", "three", "four"] {
            topology.shard(ShardSpec::new(name, two_cpus()[0]).idle(Idle::Park).net(small_net()));
        }
        topology.check_host().unwrap();
        let open = std::fs::read_dir("/proc/self/fd").unwrap().count() as u64;
        let limit = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(open + 20), ..limit }).unwrap();
        let checked = topology.check_host().expect_err("a start refuses it").to_string();
        let refused = topology.start(options()).expect_err("there are too few").to_string();
        setrlimit(Resource::Nofile, limit).unwrap();
        assert!(checked.contains("ulimit -n"), "{checked}");
        assert_eq!(refused, checked);
    });
}
