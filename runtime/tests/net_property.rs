//! Whatever the cuts, holds and sizes: each connection delivers exactly the bytes that were written to it, in order.

mod net_support;

use std::io::Write;

use corelane_runtime::net::{DriverConfig, Flow};
use net_support::{World, frame, ready, small_net};
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
}
