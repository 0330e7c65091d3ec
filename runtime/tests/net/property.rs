//! Whatever the cuts, holds and sizes: each connection delivers exactly the bytes that were written to it, in order, and those
//! that came before its handler has ended its input.

use std::io::Write;
use std::net::TcpStream;
use std::os::fd::AsRawFd;

use crate::net_support::{World, frame, ready, small_net};
use corelane_runtime::net::{DriverConfig, Flow, Net};
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Debug, Clone)]
struct Peer {
    payload_lengths: Vec<usize>,
    cuts: Vec<usize>,
}

fn peer() -> impl Strategy<Value = Peer> {
    (vec(1usize..=100, 1..80), vec(1usize..=700, 1..40))
        .prop_map(|(payload_lengths, cuts)| Peer { payload_lengths, cuts })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_stream_that_is_delivered_is_the_stream_that_was_sent(
        peers in vec(peer(), 1..5),
        answers in vec(prop::bool::weighted(0.6), 1..64),
        receive_buffers in prop::sample::select(vec![1u16, 2, 8, 64]),
        receive_buffer_bytes in 1u32..600,
        submission_entries in prop::sample::select(vec![8u32, 64]),
        sends_by_call in 0u16..4,
    ) {
        let config = DriverConfig { receive_buffers, receive_buffer_bytes, submission_entries, sends_by_call, ..small_net() };
        let mut turn = 0;
        let mut world = World::listening(config, move |net, conn, bytes| {
            turn += 1;
            let taken = answers[turn % answers.len()] || turn % 7 == 0;
            if taken && net.send(conn, bytes).is_ok() { Flow::Taken } else { Flow::Hold }
        });
        let mut sessions: Vec<_> = peers
            .iter()
            .map(|peer| {
                let (client, conn) = world.connect();
                client.set_nonblocking(true).unwrap();
                let lengths = peer.payload_lengths.iter().enumerate();
                let stream: Vec<u8> = lengths.flat_map(|(n, &length)| frame(&vec![n as u8; length])).collect();
                (client, conn, stream, 0usize, Vec::new())
            })
            .collect();
        let mut step = 0;
        world.until("all streams are echoed", |_| {
            step += 1;
            let mut done = true;
            for ((client, _, stream, written, echoed), peer) in sessions.iter_mut().zip(&peers) {
                let cut = peer.cuts[step % peer.cuts.len()];
                let end = (*written + cut).min(stream.len());
                *written += ready(client.write(&stream[*written..end]));
                let mut chunk = [0; 512];
                if echoed.len() < stream.len() {
                    let len = ready(std::io::Read::read(client, &mut chunk));
                    echoed.extend_from_slice(&chunk[..len]);
                }
                done &= echoed.len() >= stream.len();
            }
            done
        });
        for (_, conn, stream, _, echoed) in &sessions {
            prop_assert_eq!(&world.actor.bytes_of(*conn), stream);
            prop_assert_eq!(echoed, stream);
        }
    }

    #[test]
    fn an_input_that_is_ended_has_all_that_came_before_and_nothing_that_came_much_later(
        cuts in vec(1usize..=900, 1..60),
        answers in vec(prop::bool::weighted(0.6), 1..64),
        receive_buffers in prop::sample::select(vec![1u16, 2, 8, 64]),
        receive_buffer_bytes in 1u32..600,
        submission_entries in prop::sample::select(vec![8u32, 64]),
        end_after in 0usize..60,
        flushes in any::<bool>(),
    ) {
        let config = DriverConfig { receive_buffers, receive_buffer_bytes, submission_entries, ..small_net() };
        let mut turn = 0;
        let mut world = World::listening(config, move |_, _, _| {
            turn += 1;
            if answers[turn % answers.len()] || turn % 7 == 0 { Flow::Taken } else { Flow::Hold }
        });
        world.actor.keeps_half_closed = true;
        let (mut client, conn) = world.connect();
        client.set_nonblocking(true).unwrap();
        let stream: Vec<u8> = (0..200_000_u32).flat_map(|n| frame(&n.to_be_bytes())).collect();
        let (mut written, mut step, mut came_before, mut written_later) = (0, 0, 0, 0);
        world.until("the end", |world| {
            let end = (written + cuts[step % cuts.len()]).min(stream.len());
            written += ready(client.write(&stream[written..end]));
            if flushes {
                world.driver.flush();
            }
            if step == end_after {
                came_before = written - unacknowledged_bytes(&client);
                world.driver.end_input(conn);
            }
            if step == end_after + 1 {
                // By then it was polled.
                written_later = written;
            }
            step += 1;
            step > end_after && !world.actor.half_closed.is_empty()
        });
        let taken = world.actor.bytes_of(conn);
        prop_assert!(stream.starts_with(&taken));
        // The last frame may be incomplete.
        prop_assert!(taken.len() + 6 > came_before, "{} of {came_before}", taken.len());
        prop_assert!(written_later == 0 || taken.len() <= written_later, "{} of {written_later}", taken.len());
    }
}

/// The bytes that the other end's kernel has not received yet.
fn unacknowledged_bytes(client: &TcpStream) -> usize {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the request writes one int, which outlives the call.
    let answer = unsafe { libc::ioctl(client.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    assert_eq!(answer, 0);
    bytes.try_into().unwrap()
}
