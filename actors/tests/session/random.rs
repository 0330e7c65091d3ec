//! Whatever clients send, the actor does not fail, and another client's stream stays the same.

use std::collections::BTreeMap;

use crate::harness::{MS, Venue, config, enter, login, replace, with_options};
use corelane_actors::types::{Command, EntrySwitch, MassCancel, OtherChannel};
use corelane_codecs::{
    IntoBytes, MessageType,
    ouch::{self, TagValue},
    soup::ClientPacket,
    text::Alpha,
};
use corelane_runtime::net::{CloseReason, ConnId};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Act {
    Connect,
    /// Arbitrary bytes as a frame.
    Noise(Vec<u8>),
    /// A well-framed packet with any type and payload.
    Packet(u8, Vec<u8>),
    /// An enter or replace with some bytes corrupted.
    Spoilt(u32, Vec<(usize, u8)>),
    LogIn(bool, u64),
    Enter(u32),
    Replace(u32, u32),
    /// In this channel, 0 among them.
    DisableEntry(u32, u8),
    EnterInChannel(u32, u8),
    Query,
    LogOut,
    HalfClose,
    Vanish,
    Wait(u64),
    SendRoom(usize),
}

fn act() -> impl Strategy<Value = Act> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..80);
    let number = 0_u32..12;
    prop_oneof![
        1 => Just(Act::Connect),
        1 => bytes().prop_map(Act::Noise),
        1 => (prop::sample::select(b"LURO+SAHZ?".to_vec()), bytes()).prop_map(|(kind, body)| Act::Packet(kind, body)),
        1 => (number.clone(), prop::collection::vec((0_usize..47, any::<u8>()), 1..4))
            .prop_map(|(user_ref, spoils)| Act::Spoilt(user_ref, spoils)),
        3 => (any::<bool>(), 0_u64..6).prop_map(|(good, sequence)| Act::LogIn(good, sequence)),
        6 => number.clone().prop_map(Act::Enter),
        2 => (number.clone(), 0..3_u8).prop_map(|(user_ref, channel)| Act::DisableEntry(user_ref, channel)),
        1 => (number.clone(), 1..3_u8).prop_map(|(user_ref, channel)| Act::EnterInChannel(user_ref, channel)),
        1 => Just(Act::Query),
        3 => (number.clone(), number).prop_map(|(original, user_ref)| Act::Replace(original, user_ref)),
        1 => Just(Act::LogOut),
        1 => Just(Act::HalfClose),
        1 => Just(Act::Vanish),
        1 => (1_u64..3000).prop_map(Act::Wait),
        1 => (0_usize..500).prop_map(Act::SendRoom),
    ]
}

fn perform(venue: &mut Venue, conn: &mut ConnId, act: &Act) {
    match act {
        Act::Connect => *conn = venue.connect(),
        Act::Noise(bytes) => venue.net.bytes(*conn, bytes),
        Act::Packet(kind, body) => {
            let mut frame = (body.len() as u16 + 1).to_be_bytes().to_vec();
            frame.push(*kind);
            frame.extend(body);
            venue.net.bytes(*conn, &frame);
        }
        Act::Spoilt(user_ref, spoils) => {
            let mut message = enter(*user_ref, "AAPL").as_bytes().to_vec();
            spoils.iter().for_each(|&(at, byte)| message[at] = byte);
            venue.queue(*conn, &ClientPacket::Unsequenced(&message));
        }
        Act::LogIn(good, sequence) => {
            let password = if *good { "secret" } else { "wrong" };
            let request = login("alice", password, *sequence);
            venue.queue(*conn, &ClientPacket::Login(request));
        }
        Act::Enter(user_ref) => {
            let message = enter(*user_ref, "MSFT");
            venue.queue(*conn, &ClientPacket::Unsequenced(message.as_bytes()));
        }
        Act::Replace(original, user_ref) => {
            let message = replace(*original, *user_ref);
            venue.queue(*conn, &ClientPacket::Unsequenced(message.as_bytes()));
        }
        Act::DisableEntry(user_ref, channel) => {
            let message = ouch::DisableEntry {
                message_type: MessageType::NEW,
                user_ref_num: (*user_ref).into(),
                firm: Alpha::BLANK,
                appendage_len: 0.into(),
            };
            let message = with_options(&message, &[TagValue::UserRefIdx(*channel)]);
            venue.queue(*conn, &ClientPacket::Unsequenced(&message));
        }
        Act::EnterInChannel(user_ref, channel) => {
            let message = with_options(&enter(*user_ref, "MSFT"), &[TagValue::UserRefIdx(*channel)]);
            venue.queue(*conn, &ClientPacket::Unsequenced(&message));
        }
        Act::Query => venue.queue(*conn, &ClientPacket::Unsequenced(b"Q")),
        Act::LogOut => venue.queue(*conn, &ClientPacket::Logout),
        Act::HalfClose => venue.net.half_close(*conn),
        Act::Vanish => venue.net.disconnect(*conn, CloseReason::Peer),
        Act::Wait(ms) => {
            venue.advance(ms * MS);
        }
        Act::SendRoom(bytes) => venue.net.set_send_room(Some(*bytes)),
    }
    venue.sim.run_until_idle();
}

/// A group that keeps OUCH's rule of rising numbers. It accepts every valid enter and keeps at most three orders open: the
/// oldest ends when there are more.
#[derive(Default)]
struct Model {
    consumed: u32,
    /// The same of other channels.
    channels: BTreeMap<u8, u32>,
    /// The number and shares of each open order.
    open: Vec<(u32, u32)>,
}

impl Model {
    fn take(&mut self, venue: &mut Venue, command: &Command) {
        match command {
            Command::Enter(enter) if enter.user_ref > self.consumed => {
                let user_ref = enter.user_ref;
                self.consumed = user_ref;
                let leaves_qty = if enter.unsupported == 0 { 100 } else { 0 };
                if leaves_qty > 0 {
                    self.open.push((user_ref, leaves_qty));
                }
                venue.answer(0, user_ref, leaves_qty, &Venue::some_answer(user_ref));
            }
            Command::AccountQuery(_) => venue.answer(0, 0, 0, b"Q"),
            Command::EntrySwitch(EntrySwitch { user_ref, channel: channel @ 1.., .. })
            | Command::MassCancel(MassCancel { user_ref, channel: channel @ 1.., .. })
            | Command::OtherChannel(OtherChannel { user_ref, channel, .. }) => {
                let last = self.channels.entry(*channel).or_default();
                if user_ref > last {
                    *last = *user_ref;
                    venue.answer(0, 0, 0, &Venue::some_answer(1));
                }
            }
            Command::EntrySwitch(EntrySwitch { user_ref, .. }) | Command::MassCancel(MassCancel { user_ref, .. })
                if *user_ref > self.consumed =>
            {
                self.consumed = *user_ref;
                venue.answer(0, *user_ref, 0, &Venue::some_answer(*user_ref));
            }
            Command::Replace(replace) if replace.user_ref > self.consumed => {
                let (original, user_ref) = (replace.original_user_ref, replace.user_ref);
                let Some(at) = self.open.iter().position(|open| open.0 == original) else {
                    return;
                };
                let message = Venue::some_answer(user_ref);
                if replace.unsupported != 0 {
                    // Invalid details: the order is cancelled, the new number is not consumed.
                    self.open.remove(at);
                    venue.answer(0, original, 0, &message);
                } else if user_ref % 4 == 0 {
                    // The order cannot be touched: rejected, the new number is consumed.
                    self.consumed = user_ref;
                    venue.answer(0, user_ref, 0, &message);
                } else {
                    self.consumed = user_ref;
                    self.open[at] = (user_ref, 50);
                    venue.answer_replace(0, user_ref, 50, original, &message);
                }
            }
            _ => {}
        }
        if self.open.len() > 3 {
            let (done, _) = self.open.remove(0);
            venue.answer(0, done, 0, &Venue::some_answer(done));
        }
    }
}

/// The stream that the neighbour reads; the group sends it one answer per step.
fn neighbour(acts: &[Act]) -> (Vec<u8>, Vec<String>) {
    let mut small = config();
    small.in_flight_max = 4;
    let mut venue = Venue::with_edge(small, 64);
    let bob = venue.bob();
    let mut alice = venue.alice();
    let mut model = Model::default();
    let (mut stream, mut faults) = (Vec::new(), Vec::new());
    for (step, act) in (1..).zip(acts) {
        perform(&mut venue, &mut alice, act);
        venue.send(bob, &ClientPacket::Heartbeat);
        venue.answer(1, step, 0, &Venue::some_answer(step));
        for command in venue.commands() {
            model.take(&mut venue, &command);
        }
        venue.tick();
        stream.extend(venue.sent(bob));
    }
    // Once the group is quiet, a new log-in gets the whole stream, and a request passes: no credit has leaked.
    venue.net.set_send_room(None);
    venue.sim.run_until_idle();
    stream.extend(venue.sent(bob));
    for _ in 0..100 {
        for command in venue.commands() {
            model.take(&mut venue, &command);
        }
        venue.tick();
    }
    let conn = venue.log_in("alice", "secret", 1);
    let replayed = venue.sent(conn);
    if crate::harness::packets(&replayed).len() as u64 != 1 + venue.numbers[0] {
        faults.push("the replay is not whole".to_owned());
    }
    venue.commands();
    for extra in 1..=20 {
        let message = enter(1000 + extra, "AAPL");
        venue.send(conn, &ClientPacket::Unsequenced(message.as_bytes()));
        let commands = venue.commands();
        if commands.len() != 1 {
            faults.push(format!("request {extra} is held: {commands:?}"));
            break;
        }
        model.take(&mut venue, &commands[0]);
        venue.tick();
    }
    // Who is owed nothing more is closed at once.
    for (user_ref, _) in std::mem::take(&mut model.open) {
        venue.answer(0, user_ref, 0, &Venue::some_answer(user_ref));
    }
    venue.net.half_close(conn);
    venue.tick();
    if !venue.is_closed(conn) {
        faults.push("an answer is waited for that does not come".to_owned());
    }
    faults.extend(venue.sim.failures().iter().map(|failure| format!("{failure:?}")));
    (stream, faults)
}

/// Its answers without heartbeats, whose positions depend only on time.
fn sequenced(stream: &[u8]) -> Vec<u8> {
    let packets = crate::harness::packets(stream);
    packets.into_iter().filter(|packet| packet[2] == b'S').flatten().copied().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// The group lags behind, answers some requests after each step, and finally fails.
    #[test]
    fn nobody_answers_for_a_group_that_has_failed(
        acts in prop::collection::vec(act(), 1..60),
        speeds in prop::collection::vec(0_usize..4, 60)
    ) {
        let mut venue = Venue::new(config());
        let mut alice = venue.alice();
        let mut model = Model::default();
        let mut waiting = Vec::new();
        for (act, speed) in acts.iter().zip(speeds) {
            perform(&mut venue, &mut alice, act);
            waiting.extend(venue.commands());
            for command in waiting.drain(..speed.min(waiting.len())) {
                model.take(&mut venue, &command);
            }
            venue.tick();
        }
        venue.fail_group();
        venue.net.set_send_room(None);
        for _ in 0..10 {
            venue.tick();
        }
        // What it has answered can be had again, and nothing else.
        let given = venue.numbers[0];
        let conn = venue.log_in("alice", "secret", 1);
        prop_assert_eq!(crate::harness::packets(&venue.sent(conn)).len() as u64, 1 + given);
        venue.commands();
        venue.send(conn, &ClientPacket::Unsequenced(enter(u32::MAX, "AAPL").as_bytes()));
        venue.tick();
        prop_assert_eq!((venue.commands(), venue.sent(conn)), (vec![], vec![]), "the request waits");
        prop_assert_eq!(venue.sim.failures().len(), 1);
    }

    #[test]
    fn nothing_that_a_client_does_fails_the_actor_or_reaches_its_neighbour(
        acts in prop::collection::vec(act(), 1..60)
    ) {
        let (stream, faults) = neighbour(&acts);
        prop_assert_eq!(faults, Vec::<String>::new());
        let alone: Vec<Act> = acts.iter().map(|_| Act::Wait(1)).collect();
        let (undisturbed, _) = neighbour(&alone);
        prop_assert_eq!(sequenced(&stream), sequenced(&undisturbed));
    }
}
