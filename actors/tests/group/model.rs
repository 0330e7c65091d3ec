//! Random streams compared with a slow, obvious model, message by message, and the invariants of every stream.

use std::collections::{BTreeMap, HashMap};

use crate::group_support::{
    Model, Outputs, Venue, config, firms_config, market,
    streams::{Op, stream},
};
use corelane_actors::types::{GroupConfig, Publication, Reply};
use corelane_codecs::{itch, ouch::Outbound};
use proptest::prelude::*;

/// A configuration with such small bounds that each is reached again and again.
fn cramped() -> GroupConfig {
    GroupConfig { orders_max: 7, levels_max: 4, open_orders_per_port_max: 4, ..config() }
}

/// Runs the stream, compares every message with the model's, and returns all of them.
fn run_beside_model(config: GroupConfig, ops: &[Op]) -> Result<Outputs, TestCaseError> {
    let mut venue = Venue::new(config.clone());
    let mut model = Model::new(config);
    let (mut all, mut book) = (Outputs::default(), Book::new());
    let end_of_day = Op::Other(market(b'M'));
    for (step, op) in ops.iter().chain([&end_of_day]).enumerate() {
        let time_ns = 1_000 * step as u64;
        let mut outputs = Outputs::default();
        venue.sim.set_time_ns(time_ns);
        venue.send(op.resolve(&model), &mut outputs);
        venue.settle(&mut outputs);
        let mut expected = Outputs::default();
        for input in venue.recorded() {
            expected = model.run(input.header.time_ns, &input.body);
        }
        prop_assert_eq!(&outputs.replies, &expected.replies, "replies to step {}: {:?}", step, op);
        prop_assert_eq!(&outputs.publications, &expected.publications, "publications of step {}: {:?}", step, op);
        follow(&mut book, &outputs.publications);
        all.replies.extend(outputs.replies);
        all.publications.extend(outputs.publications);
        let resting = model
            .orders
            .iter()
            .map(|order| (order.order_ref, (order.locate, order.side == b'B', order.price as u32, order.leaves)));
        prop_assert_eq!(&book, &resting.collect::<Book>());
    }
    Ok(all)
}

/// The book of a subscriber of the feed: reference → locate, whether it buys, price, shares.
type Book = BTreeMap<u64, (u16, bool, u32, u32)>;

fn follow(book: &mut Book, publications: &[Publication]) {
    for publication in publications {
        let message = itch::Message::decode(&publication.bytes[..usize::from(publication.length)]).unwrap();
        match message {
            itch::Message::AddOrder(add) => {
                let buys = add.side.get() == itch::Side::Buy;
                let order = (message.stock_locate(), buys, add.price.get().raw(), add.shares.get());
                assert_eq!(book.insert(add.order_ref.get(), order), None);
            }
            itch::Message::OrderExecuted(executed) => {
                take(book, executed.order_ref.get(), executed.executed_shares.get());
            }
            itch::Message::OrderCancel(cancel) => {
                take(book, cancel.order_ref.get(), cancel.cancelled_shares.get());
            }
            itch::Message::OrderDelete(delete) => {
                book.remove(&delete.order_ref.get()).expect("what is deleted rests");
            }
            itch::Message::OrderReplace(replace) => {
                let (locate, buys, ..) =
                    book.remove(&replace.original_order_ref.get()).expect("what is replaced rests");
                let order = (locate, buys, replace.price.get().raw(), replace.shares.get());
                assert_eq!(book.insert(replace.new_order_ref.get(), order), None);
            }
            _ => {}
        }
    }
}

fn take(book: &mut Book, order_ref: u64, shares: u32) {
    let order = book.get_mut(&order_ref).expect("what trades or is reduced rests");
    order.3 = order.3.checked_sub(shares).expect("no more than rests");
    if order.3 == 0 {
        book.remove(&order_ref);
    }
}

/// Checks the invariants of all answers of a day that has ended.
fn check_answers(replies: &[Reply]) -> Result<(), TestCaseError> {
    let mut numbers: HashMap<u32, u64> = HashMap::new();
    let mut open: HashMap<(u32, u32), u32> = HashMap::new();
    let mut shares_of_match: HashMap<u64, Vec<(u8, u32)>> = HashMap::new();
    for reply in replies {
        let number = numbers.entry(reply.port.0).or_default();
        *number += 1;
        prop_assert_eq!(reply.number.0, *number);
        let key = (reply.port.0, reply.user_ref);
        let leaves = match Outbound::decode(&reply.bytes[..usize::from(reply.length)]).unwrap() {
            Outbound::Rejected(..) => {
                prop_assert!(!open.contains_key(&key));
                continue;
            }
            Outbound::SystemEvent(_) => continue,
            Outbound::Accepted(accepted, _) => accepted.quantity.get(),
            Outbound::Replaced(replaced, _) => {
                let original = (reply.port.0, replaced.orig_user_ref_num.get());
                prop_assert!(open.remove(&original).is_some(), "only a live order is replaced");
                replaced.quantity.get()
            }
            Outbound::Executed(executed, _) => {
                let side = (executed.liquidity_flag, executed.quantity.get());
                shares_of_match.entry(executed.match_number.get()).or_default().push(side);
                open[&key] - executed.quantity.get()
            }
            Outbound::Canceled(canceled, _) => open[&key] - canceled.quantity.get(),
            Outbound::Modified(modified, _) => {
                prop_assert!(modified.quantity.get() <= open[&key], "a modify takes off, if anything");
                modified.quantity.get()
            }
            Outbound::MassCancelResponse(..)
            | Outbound::DisableEntryResponse(..)
            | Outbound::EnableEntryResponse(..)
            | Outbound::AccountQueryResponse(..) => {
                prop_assert!(!open.contains_key(&key));
                continue;
            }
            other => panic!("unexpected {other:?}"),
        };
        prop_assert_eq!(reply.leaves_qty.0, leaves);
        match leaves {
            0 => open.remove(&key),
            leaves => open.insert(key, leaves),
        };
    }
    prop_assert!(open.is_empty(), "no final answer for {:?}", open);
    for (number, sides) in shares_of_match {
        let [(b'A', added), (b'R', removed)] = sides[..] else { panic!("match {number} has {sides:?}") };
        prop_assert_eq!(added, removed);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn every_message_is_the_models(ops in stream(160)) {
        let outputs = run_beside_model(config(), &ops)?;
        check_answers(&outputs.replies)?;
    }

    /// Streams with limits and kill switches of ports, accounts and firms.
    #[test]
    fn every_message_is_the_models_where_firms_have_accounts_and_accounts_have_ports(ops in stream(250)) {
        let outputs = run_beside_model(firms_config(), &ops)?;
        check_answers(&outputs.replies)?;
    }

    #[test]
    fn every_message_is_the_models_where_all_tables_are_full(ops in stream(400)) {
        let outputs = run_beside_model(cramped(), &ops)?;
        check_answers(&outputs.replies)?;
    }
}

#[test]
fn streams_reach_what_they_are_meant_to_test() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeMap<(bool, u8, u16), u32> = BTreeMap::new();
    for case in 0..60 {
        let ops = stream(300).new_tree(&mut runner).unwrap().current();
        let is_cramped = case % 2 == 0;
        let outputs = run_beside_model(if is_cramped { cramped() } else { config() }, &ops).unwrap();
        for reply in outputs.replies {
            let detail = match reply.bytes[0] {
                b'J' => u16::from_be_bytes([reply.bytes[13], reply.bytes[14]]),
                b'C' => u16::from(reply.bytes[17]),
                _ => 0,
            };
            *seen.entry((is_cramped, reply.bytes[0], detail)).or_default() += 1;
        }
    }
    let wanted = [
        (false, b'A', 0),
        (false, b'U', 0),
        (false, b'E', 0),
        (false, b'C', u16::from(b'U')),
        (false, b'C', u16::from(b'I')),
        (false, b'C', u16::from(b'S')),
        (false, b'C', u16::from(b'E')),
        (false, b'C', u16::from(b'Z')),
        (false, b'M', 0),
        (false, b'X', 0),
        (false, b'G', 0),
        (false, b'K', 0),
        (false, b'Q', 0),
        (false, b'J', 0x02),
        (false, b'J', 0x0c),
        (false, b'J', 0x13),
        (false, b'J', 0x1d),
        (false, b'J', 0x20),
        (false, b'J', 0x26),
        (true, b'J', 0x0a),
        (true, b'J', 0x0f),
    ];
    for key in wanted {
        assert!(seen.contains_key(&key), "{key:?} never came; {seen:?}");
    }
}
