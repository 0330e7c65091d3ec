//! What order entry knows of a port's requests, against the model of the group, which answers late.

use std::collections::VecDeque;

use crate::harness::{Venue, config, enter, replace};
use corelane_actors::{
    session::{SessionConfig, SessionCount},
    types::{
        Command, GroupConfig, Instrument, Limits, Notional, Quantity, SequencerIn, WithoutReference, separate_members,
    },
};
use corelane_codecs::{
    IntoBytes, MessageType,
    ouch::{self, Cancel, Side, TimeInForce},
    price::Price,
    soup::ClientPacket,
    text::{Alpha, Mpid, Symbol},
};
use corelane_model::Model;
use corelane_runtime::net::ConnId;
use proptest::prelude::*;

/// What a client does. Its numbers, and those of the orders that it means, count from one that rises slowly.
#[derive(Clone, Debug)]
enum Act {
    /// Number, symbol, side, whether it rests.
    Enter(u32, bool, bool, bool),
    /// Original, number, shares; none are invalid.
    Replace(u32, u32, u32),
    Cancel(u32),
    MassCancel(u32, bool),
    Disable(u32),
    Enable(u32),
    Query,
    /// An enter with a code that OUCH does not have.
    SpoiltEnter(u32),
    /// A replace with such a code.
    SpoiltReplace(u32, u32),
    /// In channel 1: an enter, a replace, a mass cancel, a disable.
    InChannel(u32, u8),
}

fn act() -> impl Strategy<Value = Act> {
    let number = || 0_u32..6;
    prop_oneof![
        6 => (number(), any::<bool>(), any::<bool>(), prop::bool::weighted(0.8)).prop_map(|(n, s, b, r)| Act::Enter(n, s, b, r)),
        6 => (number(), number(), 0..3_u32).prop_map(|(original, n, lots)| Act::Replace(original, n, 40 * lots)),
        3 => number().prop_map(Act::Cancel),
        1 => (number(), any::<bool>()).prop_map(|(n, all)| Act::MassCancel(n, all)),
        1 => number().prop_map(Act::Disable),
        1 => number().prop_map(Act::Enable),
        1 => Just(Act::Query),
        1 => number().prop_map(Act::SpoiltEnter),
        1 => (number(), number()).prop_map(|(original, n)| Act::SpoiltReplace(original, n)),
        1 => (number(), 0..4_u8).prop_map(|(n, kind)| Act::InChannel(n, kind)),
    ]
}

fn bytes_of(act: &Act, first: u32) -> Vec<u8> {
    let symbol = |second: bool| if second { "MSFT" } else { "AAPL" };
    match *act {
        Act::Enter(number, second, buys, rests) => ouch::Enter {
            side: if buys { Side::Buy } else { Side::Sell },
            time_in_force: if rests { TimeInForce::Day } else { TimeInForce::ImmediateOrCancel },
            ..enter(first + number, symbol(second))
        }
        .as_bytes()
        .to_vec(),
        Act::Replace(original, number, quantity) => {
            ouch::Replace { quantity: quantity.into(), ..replace(first + original, first + number) }.as_bytes().to_vec()
        }
        Act::Cancel(number) => Cancel::new(first + number, 0).as_bytes().to_vec(),
        Act::MassCancel(number, all) => ouch::MassCancel {
            message_type: MessageType::NEW,
            user_ref_num: (first + number).into(),
            firm: Mpid::BLANK,
            symbol: if all { Symbol::BLANK } else { Symbol::new("MSFT").unwrap() },
            appendage_len: 0.into(),
        }
        .as_bytes()
        .to_vec(),
        Act::Disable(number) => ouch::DisableEntry {
            message_type: MessageType::NEW,
            user_ref_num: (first + number).into(),
            firm: Mpid::BLANK,
            appendage_len: 0.into(),
        }
        .as_bytes()
        .to_vec(),
        Act::Enable(number) => ouch::EnableEntry {
            message_type: MessageType::NEW,
            user_ref_num: (first + number).into(),
            firm: Mpid::BLANK,
            appendage_len: 0.into(),
        }
        .as_bytes()
        .to_vec(),
        Act::Query => b"Q".to_vec(),
        Act::SpoiltEnter(number) => {
            let mut bytes = bytes_of(&Act::Enter(number, false, true, true), first);
            bytes[SIDE] = b'?';
            bytes
        }
        Act::SpoiltReplace(original, number) => {
            let mut bytes = bytes_of(&Act::Replace(original, number, 40), first);
            bytes[REPLACED_TIME_IN_FORCE] = b'?';
            bytes
        }
        Act::InChannel(number, kind) => {
            let mut bytes = match kind {
                0 => bytes_of(&Act::Enter(number, false, true, true), first),
                1 => bytes_of(&Act::Replace(number, number + 1, 40), first),
                2 => bytes_of(&Act::MassCancel(number, true), first),
                _ => bytes_of(&Act::Disable(number), first),
            };
            // The length of the options, and the channel's.
            let options_at = bytes.len() - 2;
            bytes.splice(options_at.., [0, 3, 2, 28, 1]);
            bytes
        }
    }
}

/// Offsets of codes in an enter and in a replace.
const SIDE: usize = 5;
const REPLACED_TIME_IN_FORCE: usize = 21;

fn group_config() -> GroupConfig {
    let instrument = |symbol| Instrument {
        symbol: Alpha::new(symbol).unwrap(),
        tick: Price::from_raw(100),
        lot: Quantity(1),
        reference_price: Price::from_raw(1_000_000),
    };
    let (ports, accounts, firms) = separate_members(3);
    GroupConfig {
        ports,
        accounts,
        firms,
        instruments: vec![instrument("AAPL"), instrument("MSFT")],
        orders_max: 64,
        levels_max: 64,
        open_orders_per_port_max: 8,
        cancel_on_disconnect: true,
        opens_at_start: true,
        pause_ns: 0,
        quote_width_parts_per_million: 50_000,
        limits: Limits {
            quantity_max: Quantity(1000),
            notional_max: Notional::MAX,
            collar_parts_per_million: 100_000,
            without_reference: WithoutReference::Reject,
        },
    }
}

/// A session between alice and the model of the group.
struct Bench {
    venue: Venue,
    alice: ConnId,
    model: Model,
    /// Requests that the group has not taken yet.
    waiting: VecDeque<Command>,
    time_ns: u64,
}

impl Bench {
    fn new() -> Bench {
        let mut venue = Venue::new(SessionConfig { in_flight_max: 6, open_orders_per_port_max: 8, ..config() });
        let alice = venue.alice();
        Bench { venue, alice, model: Model::new(group_config()), waiting: VecDeque::new(), time_ns: 0 }
    }

    fn request(&mut self, message: &[u8]) {
        self.venue.send(self.alice, &ClientPacket::Unsequenced(message));
        self.take_commands();
    }

    fn take_commands(&mut self) {
        while let Some(envelope) = self.venue.requests.receive() {
            let SequencerIn::Command(command) = envelope.body else { panic!("a session has no prices") };
            self.waiting.push_back(command);
        }
    }

    /// Lets the group take some requests, and the session read the answers.
    fn answer(&mut self, count: usize) {
        for command in self.waiting.drain(..count.min(self.waiting.len())) {
            self.time_ns += 1;
            for reply in self.model.run(self.time_ns, &command).replies {
                self.venue.group.send(reply).unwrap();
            }
        }
        self.venue.tick();
        self.take_commands();
    }

    fn settle(&mut self) {
        while !self.waiting.is_empty() {
            self.answer(1);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever numbers a client gives its requests: once the group has answered all, none counts as unanswered, every open order
    /// is known with its instrument, and the connection of a client that has ended its side ends when its last order has.
    #[test]
    fn what_a_session_knows_is_what_the_group_has(acts in prop::collection::vec((act(), 0..3_usize), 1..60)) {
        let mut bench = Bench::new();
        for (step, (act, speed)) in (0..).zip(&acts) {
            bench.request(&bytes_of(act, 1 + step / 3));
            bench.answer(*speed);
        }
        bench.settle();
        prop_assert_eq!(bench.venue.count(SessionCount::Unanswered), 0);
        let open: Vec<_> = bench.model.orders.iter().map(|order| (order.user_ref, order.locate)).collect();
        for (at, (user_ref, locate)) in (1000..).zip(&open) {
            bench.request(replace(*user_ref, at).as_bytes());
            let Some(Command::Replace(replace)) = bench.waiting.back() else { panic!("no replace of {user_ref}") };
            prop_assert_eq!(replace.locate.0, *locate, "order {}", user_ref);
            bench.settle();
        }
        prop_assert_eq!(bench.venue.count(SessionCount::Unanswered), 0);
        let open: Vec<_> = bench.model.orders.iter().map(|order| order.user_ref).collect();
        for (left, user_ref) in open.iter().enumerate().rev() {
            bench.request(Cancel::new(*user_ref, 0).as_bytes());
            if left == 0 {
                break;
            }
            bench.settle();
        }
        bench.venue.net.half_close(bench.alice);
        bench.venue.tick();
        prop_assert_eq!(bench.venue.is_closed(bench.alice), open.is_empty());
        bench.take_commands();
        bench.settle();
        prop_assert!(bench.venue.is_closed(bench.alice));
        prop_assert!(bench.venue.sim.failures().is_empty());
    }
}
