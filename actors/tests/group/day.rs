//! Tables of requests, with the exact answers to clients and messages of the feed.

use crate::group_support::{
    Edges, MASS_CANCEL, Outputs, Venue, account_query, cancel, config, disconnect, enter, entry_switch, firms_config,
    kill, kill_port, log_in, market, modify, reference, replace,
};
use corelane_actors::types::{
    AccountId, Command, Enter, FirmId, GroupConfig, LevelLimits, Limits, Locate, MassCancel, Notional, PortId,
    Quantity, Replace, Scope, SequencerIn, WithoutReference, separate_members,
};
use corelane_codecs::price::Price;

/// Runs the requests one nanosecond apart and compares the outputs with lines such as
/// `0#1 A 1 100@10.0000 ref 1 leaves 100`.
fn check(venue: &mut Venue, name: &str, steps: &[(Command, &[&str])]) {
    for (step, (command, expected)) in steps.iter().enumerate() {
        let shown = show(&venue.run(1_000 + step as u64, *command));
        assert_eq!(shown, *expected, "{name}, step {step}: {command:?}");
    }
}

fn show(outputs: &Outputs) -> Vec<String> {
    use corelane_codecs::{itch, ouch::Outbound};
    let replies = outputs.replies.iter().map(|reply| {
        let bytes = &reply.bytes[..usize::from(reply.length)];
        let (kind, user_ref) = (char::from(bytes[0]), reply.user_ref);
        let what = match Outbound::decode(bytes).unwrap() {
            Outbound::Accepted(accepted, _) => {
                format!("{}@{} ref {}", accepted.quantity, accepted.price.get(), accepted.order_ref)
            }
            Outbound::Replaced(replaced, _) => {
                let (of, quantity, price) = (replaced.orig_user_ref_num, replaced.quantity, replaced.price.get());
                assert_eq!(reply.replaced_user_ref, of.get());
                format!("of {of} {quantity}@{price} ref {}", replaced.order_ref)
            }
            Outbound::Executed(executed, _) => {
                let liquidity = char::from(executed.liquidity_flag);
                format!("{}@{} {liquidity} match {}", executed.quantity, executed.price.get(), executed.match_number)
            }
            Outbound::Canceled(canceled, _) => {
                format!("{} {}", canceled.quantity, char::from(canceled.reason_code))
            }
            Outbound::Rejected(rejected, _) => format!("{:#04x}", rejected.reason_code.get()),
            Outbound::SystemEvent(event) => char::from(event.event_code as u8).to_string(),
            Outbound::Modified(modified, _) => format!("{:?} {}", modified.side, modified.quantity),
            Outbound::MassCancelResponse(response, _) => format!("{} {}", response.firm, response.symbol),
            Outbound::DisableEntryResponse(response, _) => response.firm.to_string(),
            Outbound::EnableEntryResponse(response, _) => response.firm.to_string(),
            Outbound::AccountQueryResponse(response, _) => format!("next {}", response.next_user_ref_num),
            other => panic!("unexpected {other:?}"),
        };
        format!("{}#{} {kind} {user_ref} {what} leaves {}", reply.port.0, reply.number, reply.leaves_qty)
    });
    let publications = outputs.publications.iter().map(|publication| {
        match itch::Message::decode(&publication.bytes[..usize::from(publication.length)]).unwrap() {
            itch::Message::SystemEvent(event) => format!("S {}", char::from(event.event_code)),
            itch::Message::StockDirectory(stock) => {
                format!("R {} {}", stock.header.stock_locate, stock.stock)
            }
            itch::Message::AddOrder(add) => {
                format!("A {} {:?} {}@{}", add.order_ref, add.side, add.shares, add.price.get())
            }
            itch::Message::OrderExecuted(executed) => {
                format!("E {} {} match {}", executed.order_ref, executed.executed_shares, executed.match_number)
            }
            itch::Message::OrderCancel(cancel) => {
                format!("X {} {}", cancel.order_ref, cancel.cancelled_shares)
            }
            itch::Message::OrderDelete(delete) => format!("D {}", delete.order_ref),
            itch::Message::OrderReplace(replace) => {
                let (old, new) = (replace.original_order_ref, replace.new_order_ref);
                format!("U {old} {new} {}@{}", replace.shares, replace.price.get())
            }
            other => panic!("unexpected {other:?}"),
        }
    });
    replies.chain(publications).collect()
}

fn buy(port: u32, user_ref: u32, quantity: u32, price: u64) -> Command {
    Command::Enter(enter(port, user_ref, b'B', quantity, price))
}

fn sell(port: u32, user_ref: u32, quantity: u32, price: u64) -> Command {
    Command::Enter(enter(port, user_ref, b'S', quantity, price))
}

fn immediate(command: Command) -> Command {
    let Command::Enter(order) = command else { panic!("only orders have a time in force") };
    Command::Enter(Enter { time_in_force: b'3', ..order })
}

fn amend(port: u32, original: u32, user_ref: u32, quantity: u32, price: u64) -> Command {
    Command::Replace(replace(port, original, user_ref, quantity, price))
}

const NOTHING: &[&str] = &[];

#[test]
fn orders_trade_by_price_then_time_at_the_resting_price() {
    check(
        &mut Venue::new(config()),
        "price, time",
        &[
            (sell(0, 1, 100, 100_100), &["0#1 A 1 100@10.0100 ref 1 leaves 100", "A 1 Sell 100@10.0100"]),
            (sell(1, 1, 50, 100_000), &["1#1 A 1 50@10.0000 ref 2 leaves 50", "A 2 Sell 50@10.0000"]),
            (sell(0, 2, 50, 100_000), &["0#2 A 2 50@10.0000 ref 3 leaves 50", "A 3 Sell 50@10.0000"]),
            (
                buy(2, 1, 120, 100_100),
                &[
                    "2#1 A 1 120@10.0100 ref 4 leaves 120",
                    "1#2 E 1 50@10.0000 A match 1 leaves 0",
                    "2#2 E 1 50@10.0000 R match 1 leaves 70",
                    "0#3 E 2 50@10.0000 A match 2 leaves 0",
                    "2#3 E 1 50@10.0000 R match 2 leaves 20",
                    "0#4 E 1 20@10.0100 A match 3 leaves 80",
                    "2#4 E 1 20@10.0100 R match 3 leaves 0",
                    "E 2 50 match 1",
                    "E 3 50 match 2",
                    "E 1 20 match 3",
                ],
            ),
            (
                immediate(buy(2, 2, 100, 100_200)),
                &[
                    "2#5 A 2 100@10.0200 ref 5 leaves 100",
                    "0#5 E 1 80@10.0100 A match 4 leaves 0",
                    "2#6 E 2 80@10.0100 R match 4 leaves 20",
                    "2#7 C 2 20 I leaves 0",
                    "E 1 80 match 4",
                ],
            ),
            (immediate(sell(0, 3, 5, 100_000)), &["0#6 A 3 5@10.0000 ref 6 leaves 5", "0#7 C 3 5 I leaves 0"]),
        ],
    );
}

#[test]
fn a_cancel_names_the_intended_total_and_keeps_priority() {
    check(
        &mut Venue::new(config()),
        "cancel",
        &[
            (buy(0, 1, 100, 100_000), &["0#1 A 1 100@10.0000 ref 1 leaves 100", "A 1 Buy 100@10.0000"]),
            (buy(1, 1, 100, 100_000), &["1#1 A 1 100@10.0000 ref 2 leaves 100", "A 2 Buy 100@10.0000"]),
            (cancel(0, 1, 100), NOTHING),
            (cancel(0, 1, 500), NOTHING),
            (cancel(0, 2, 0), NOTHING),
            (cancel(0, 1, 80), &["0#2 C 1 20 U leaves 80", "X 1 20"]),
            (
                sell(2, 1, 30, 100_000),
                &[
                    "2#1 A 1 30@10.0000 ref 3 leaves 30",
                    "0#3 E 1 30@10.0000 A match 1 leaves 50",
                    "2#2 E 1 30@10.0000 R match 1 leaves 0",
                    "E 1 30 match 1",
                ],
            ),
            (cancel(0, 1, 70), &["0#4 C 1 10 U leaves 40", "X 1 10"]),
            (cancel(0, 1, 30), &["0#5 C 1 40 U leaves 0", "D 1"]),
            (cancel(0, 1, 0), NOTHING),
            (cancel(1, 1, 0), &["1#2 C 1 100 U leaves 0", "D 2"]),
        ],
    );
}

#[test]
fn a_replace_counts_what_was_executed_and_loses_priority() {
    check(
        &mut Venue::new(config()),
        "replace",
        &[
            (buy(0, 1, 500, 100_000), &["0#1 A 1 500@10.0000 ref 1 leaves 500", "A 1 Buy 500@10.0000"]),
            (buy(1, 1, 100, 100_000), &["1#1 A 1 100@10.0000 ref 2 leaves 100", "A 2 Buy 100@10.0000"]),
            (
                sell(2, 1, 100, 100_000),
                &[
                    "2#1 A 1 100@10.0000 ref 3 leaves 100",
                    "0#2 E 1 100@10.0000 A match 1 leaves 400",
                    "2#2 E 1 100@10.0000 R match 1 leaves 0",
                    "E 1 100 match 1",
                ],
            ),
            // 500 entered, 100 executed, replaced by 500: 400 are left, now behind the other order.
            (amend(0, 1, 2, 500, 100_000), &["0#3 U 2 of 1 400@10.0000 ref 4 leaves 400", "U 1 4 400@10.0000"]),
            // A used number, a dead order, an unknown order: all ignored, and the numbers are not used up.
            (amend(0, 2, 2, 400, 100_000), NOTHING),
            (amend(0, 1, 3, 400, 100_000), NOTHING),
            (amend(0, 9, 3, 400, 100_000), NOTHING),
            (
                sell(2, 2, 110, 100_000),
                &[
                    "2#3 A 2 110@10.0000 ref 5 leaves 110",
                    "1#2 E 1 100@10.0000 A match 2 leaves 0",
                    "2#4 E 2 100@10.0000 R match 2 leaves 10",
                    "0#4 E 2 10@10.0000 A match 3 leaves 390",
                    "2#5 E 2 10@10.0000 R match 3 leaves 0",
                    "E 2 100 match 2",
                    "E 4 10 match 3",
                ],
            ),
            (sell(2, 3, 40, 100_200), &["2#6 A 3 40@10.0200 ref 6 leaves 40", "A 6 Sell 40@10.0200"]),
            // Number 3 is still free. The new price trades: the feed deletes the old order and adds the remainder.
            (
                amend(0, 2, 3, 200, 100_200),
                &[
                    "0#5 U 3 of 2 90@10.0200 ref 7 leaves 90",
                    "2#7 E 3 40@10.0200 A match 4 leaves 0",
                    "0#6 E 3 40@10.0200 R match 4 leaves 50",
                    "D 4",
                    "E 6 40 match 4",
                    "A 7 Buy 50@10.0200",
                ],
            ),
            // No more shares than are executed: the existing order is cancelled, the number stays free.
            (amend(0, 3, 4, 150, 100_200), &["0#7 C 3 50 U leaves 0", "D 7"]),
            (buy(0, 4, 10, 100_000), &["0#8 A 4 10@10.0000 ref 8 leaves 10", "A 8 Buy 10@10.0000"]),
            // Invalid details: the existing order is cancelled, the number stays free.
            (amend(0, 4, 5, 10, 100_001), &["0#9 C 4 10 Z leaves 0", "D 8"]),
            (buy(0, 5, 10, 100_000), &["0#10 A 5 10@10.0000 ref 9 leaves 10", "A 9 Buy 10@10.0000"]),
            // Rejected by risk: the existing order stays, the number is used.
            (amend(0, 5, 6, 10_001, 100_000), &["0#11 J 6 0x31 leaves 0"]),
            (amend(0, 5, 6, 11, 100_000), NOTHING),
            (
                Command::Replace(Replace { time_in_force: b'3', ..replace(0, 5, 7, 10, 100_000) }),
                &["0#12 U 7 of 5 10@10.0000 ref 10 leaves 10", "0#13 C 7 10 I leaves 0", "D 9"],
            ),
        ],
    );
}

#[test]
fn every_fault_of_an_order_has_its_reject_reason() {
    let good = enter(0, 0, b'B', 100, 100_000);
    let cases = [
        ("option", Enter { unsupported: 0x16, ..good }, "0x16"),
        ("option of no known reason", Enter { unsupported: 999, ..good }, "0x0f"),
        ("no symbol", Enter { locate: Locate::NONE, ..good }, "0x17"),
        ("unknown symbol", Enter { locate: Locate(4), ..good }, "0x17"),
        ("side", Enter { side: b'x', ..good }, "0x09"),
        ("zero shares", Enter { quantity: Quantity(0), ..good }, "0x13"),
        ("a million shares", Enter { quantity: Quantity(1_000_000), ..good }, "0x13"),
        ("not a lot", Enter { locate: Locate(2), quantity: Quantity(15), ..good }, "0x13"),
        ("good till time", Enter { time_in_force: b'6', ..good }, "0x0f"),
        ("hidden", Enter { display: b'N', ..good }, "0x03"),
        ("capacity", Enter { capacity: b'?', ..good }, "0x0f"),
        ("sweep", Enter { intermarket_sweep: b'Y', ..good }, "0x08"),
        ("cross", Enter { cross: b'O', ..good }, "0x14"),
        ("price zero", Enter { price: Price::from_raw(0), ..good }, "0x1d"),
        ("not a tick", Enter { price: Price::from_raw(100_050), ..good }, "0x1d"),
        ("price beyond the wire's limit", Enter { price: Price::from_raw(1_999_999_901), ..good }, "0x1d"),
        ("price beyond 32 bits", Enter { price: Price::from_raw((1 << 32) + 100_000), ..good }, "0x1d"),
        ("at the market", Enter { price: Price::from_raw(2_000_000_000), ..good }, "0x2c"),
        ("at the market, all bits", Enter { price: Price::from_raw(u64::MAX), ..good }, "0x2c"),
        ("quantity limit", Enter { quantity: Quantity(10_001), ..good }, "0x31"),
        ("notional limit", Enter { quantity: Quantity(5_001), ..good }, "0x30"),
        ("collar above", Enter { price: Price::from_raw(110_100), ..good }, "0x26"),
        ("collar below", Enter { side: b'S', price: Price::from_raw(89_900), ..good }, "0x26"),
        ("collar below, short", Enter { side: b'T', price: Price::from_raw(89_900), ..good }, "0x26"),
    ];
    let mut venue = Venue::new(config());
    for (index, (name, order, reason)) in cases.into_iter().enumerate() {
        let number = index as u32 + 1;
        let command = Command::Enter(Enter { user_ref: number, ..order });
        let expected = format!("0#{number} J {number} {reason} leaves 0");
        check(&mut venue, name, &[(command, &[&expected]), (command, NOTHING)]);
    }
}

/// M2: it changes size and side without loss of priority, and OUCH has no answer for one that may not be.
#[test]
fn a_modify_lowers_the_size_or_changes_the_kind_of_sale_and_keeps_priority() {
    let mut venue = Venue::new(config());
    check(
        &mut venue,
        "modify",
        &[
            (sell(0, 1, 100, 100_000), &["0#1 A 1 100@10.0000 ref 1 leaves 100", "A 1 Sell 100@10.0000"]),
            (sell(1, 1, 50, 100_000), &["1#1 A 1 50@10.0000 ref 2 leaves 50", "A 2 Sell 50@10.0000"]),
            (modify(0, 1, b'T', 100), &["0#2 M 1 SellShort 100 leaves 100"]),
            (modify(0, 1, b'T', 100), NOTHING),
            (modify(0, 1, b'B', 50), NOTHING),
            (modify(0, 1, b'?', 50), NOTHING),
            (modify(0, 1, b'S', 101), NOTHING),
            (modify(0, 2, b'S', 50), NOTHING),
            (modify(1, 1, b'S', 50), NOTHING),
            (modify(0, 1, b'S', 60), &["0#3 M 1 Sell 60 leaves 60", "X 1 40"]),
            (
                buy(1, 2, 10, 100_000),
                &[
                    "1#2 A 2 10@10.0000 ref 3 leaves 10",
                    "0#4 E 1 10@10.0000 A match 1 leaves 50",
                    "1#3 E 2 10@10.0000 R match 1 leaves 0",
                    "E 1 10 match 1",
                ],
            ),
            (modify(0, 1, b'E', 60), &["0#5 M 1 SellShortExempt 50 leaves 50"]),
            (modify(0, 1, b'E', 10), &["0#6 M 1 SellShortExempt 0 leaves 0", "D 1"]),
            (modify(0, 1, b'S', 5), NOTHING),
        ],
    );
}

/// M2: response first, then the orders that match all it names, oldest first; other ports' orders stay.
#[test]
fn a_mass_cancel_means_the_orders_that_match_all_it_names() {
    let order = |user_ref, side, locate, firm: &[u8; 4], group| {
        Command::Enter(Enter {
            locate: Locate(locate),
            firm: *firm,
            group,
            ..enter(0, user_ref, side, 10, if side == b'B' { 99_000 } else { 101_000 })
        })
    };
    let cancels = |of: &[u32]| of.iter().map(|user_ref| format!("C{user_ref}")).collect::<Vec<_>>();
    let cases: [(&str, MassCancel, &[u32]); 11] = [
        ("all", MASS_CANCEL, &[1, 2, 3, 4, 5]),
        ("firm", MassCancel { firm: *b"LIME", ..MASS_CANCEL }, &[3, 4]),
        ("another firm", MassCancel { firm: *b"PEAR", ..MASS_CANCEL }, &[]),
        ("symbol", MassCancel { symbol: *b"BBB     ", locate: Locate(2), ..MASS_CANCEL }, &[2, 4]),
        ("unknown symbol", MassCancel { symbol: *b"NONE    ", ..MASS_CANCEL }, &[]),
        ("buys", MassCancel { side: b'B', ..MASS_CANCEL }, &[1, 3]),
        ("sells of any kind", MassCancel { side: b'E', ..MASS_CANCEL }, &[2, 4, 5]),
        ("unknown side", MassCancel { side: b'?', ..MASS_CANCEL }, &[]),
        ("group", MassCancel { group: 7, has_group: 1, ..MASS_CANCEL }, &[4, 5]),
        ("without group", MassCancel { group: 0, has_group: 1, ..MASS_CANCEL }, &[1, 2, 3]),
        ("firm and side", MassCancel { firm: *b"LIME", side: b'S', ..MASS_CANCEL }, &[4]),
    ];
    for (name, request, expected) in cases {
        let mut venue = Venue::new(config());
        let orders = [
            order(1, b'B', 1, b"    ", 0),
            order(2, b'S', 2, b"    ", 0),
            order(3, b'B', 1, b"LIME", 0),
            order(4, b'S', 2, b"LIME", 7),
            order(5, b'T', 1, b"    ", 7),
            buy(1, 1, 10, 99_000),
        ];
        for (time_ns, command) in (1..).zip(orders) {
            venue.run(time_ns, command);
        }
        let outputs = venue.run(10, Command::MassCancel(MassCancel { user_ref: 6, ..request }));
        let kinds: Vec<String> =
            outputs.replies.iter().map(|reply| format!("{}{}", char::from(reply.bytes[0]), reply.user_ref)).collect();
        assert_eq!(kinds, [vec!["X6".to_owned()], cancels(expected)].concat(), "{name}");
        assert_eq!(outputs.publications.len(), expected.len(), "{name}");
        assert!(outputs.replies[1..].iter().all(|reply| reply.bytes[17] == b'U'));
        let again = venue.run(11, Command::MassCancel(MassCancel { user_ref: 6, ..MASS_CANCEL }));
        assert_eq!(again, Outputs::default(), "{name}: a retransmission");
    }
}

/// M2: more orders than a step cancels, most of which are not meant.
#[test]
fn a_mass_cancel_of_many_orders_takes_several_steps() {
    let mut venue = Venue::with_edges(config(), Edges::TIGHT);
    let mut outputs = Outputs::default();
    for user_ref in 1..=200 {
        let group = u16::from(user_ref % 3 == 0);
        let order = Enter { group, ..enter(0, user_ref, b'B', 10, 99_000) };
        venue.run(u64::from(user_ref), Command::Enter(order));
    }
    venue.send(
        SequencerIn::Command(Command::MassCancel(MassCancel { user_ref: 201, group: 1, has_group: 1, ..MASS_CANCEL })),
        &mut outputs,
    );
    venue.settle(&mut outputs);
    let cancelled: Vec<u32> = outputs.replies[1..].iter().map(|reply| reply.user_ref).collect();
    assert_eq!(cancelled, (1..=66).map(|third| 3 * third).collect::<Vec<u32>>());
}

/// M2: a firm's entry is closed for enters, and for replaces that raise something.
#[test]
fn disabled_entry_rejects_orders_of_the_firm_until_it_is_enabled() {
    let of_firm = |user_ref| Command::Enter(Enter { firm: *b"LIME", ..enter(0, user_ref, b'B', 10, 99_000) });
    let mut venue = Venue::new(config());
    check(
        &mut venue,
        "disable and enable",
        &[
            (of_firm(1), &["0#1 A 1 10@9.9000 ref 1 leaves 10", "A 1 Buy 10@9.9000"]),
            (of_firm(2), &["0#2 A 2 10@9.9000 ref 2 leaves 10", "A 2 Buy 10@9.9000"]),
            (entry_switch(0, 3, *b"LIME", 0), &["0#3 G 3 LIME leaves 0"]),
            (entry_switch(0, 3, *b"LIME", 1), NOTHING),
            (of_firm(4), &["0#4 J 4 0x0c leaves 0"]),
            (amend(0, 1, 5, 11, 99_000), &["0#5 J 5 0x0c leaves 0"]),
            (buy(0, 6, 10, 99_000), &["0#6 A 6 10@9.9000 ref 3 leaves 10", "A 3 Buy 10@9.9000"]),
            (buy(1, 1, 10, 99_000), &["1#1 A 1 10@9.9000 ref 4 leaves 10", "A 4 Buy 10@9.9000"]),
            (modify(0, 1, b'B', 8), &["0#7 M 1 Buy 8 leaves 8", "X 1 2"]),
            (cancel(0, 1, 0), &["0#8 C 1 8 U leaves 0", "D 1"]),
            (entry_switch(0, 7, *b"    ", 0), &["0#9 G 7  leaves 0"]),
            (buy(0, 8, 10, 99_000), &["0#10 J 8 0x0c leaves 0"]),
            (entry_switch(0, 9, *b"    ", 1), &["0#11 K 9  leaves 0"]),
            (amend(0, 2, 10, 5, 99_000), &["0#12 U 10 of 2 5@9.9000 ref 5 leaves 5", "U 2 5 5@9.9000"]),
            (of_firm(11), &["0#13 A 11 10@9.9000 ref 6 leaves 10", "A 6 Buy 10@9.9000"]),
            (account_query(0, 0), &["0#14 Q 0 next 12 leaves 0"]),
            (account_query(2, 0), &["2#1 Q 0 next 1 leaves 0"]),
            (account_query(9, 0), NOTHING),
        ],
    );
}

/// M2: an order without the option `Firm` is its port's own firm's.
#[test]
fn a_request_that_names_the_ports_own_firm_means_the_orders_that_name_none() {
    let own = *b"0000";
    let of_firm = |user_ref, firm| Command::Enter(Enter { firm, ..enter(0, user_ref, b'B', 10, 99_000) });
    check(
        &mut Venue::new(config()),
        "own firm",
        &[
            (buy(0, 1, 10, 99_000), &["0#1 A 1 10@9.9000 ref 1 leaves 10", "A 1 Buy 10@9.9000"]),
            (of_firm(2, own), &["0#2 A 2 10@9.9000 ref 2 leaves 10", "A 2 Buy 10@9.9000"]),
            (of_firm(3, *b"LIME"), &["0#3 A 3 10@9.9000 ref 3 leaves 10", "A 3 Buy 10@9.9000"]),
            (buy(1, 1, 10, 99_000), &["1#1 A 1 10@9.9000 ref 4 leaves 10", "A 4 Buy 10@9.9000"]),
            (
                Command::MassCancel(MassCancel { user_ref: 4, firm: own, ..MASS_CANCEL }),
                &["0#4 X 4 0000  leaves 0", "0#5 C 1 10 U leaves 0", "0#6 C 2 10 U leaves 0", "D 1", "D 2"],
            ),
            (entry_switch(0, 5, own, 0), &["0#7 G 5 0000 leaves 0"]),
            (buy(0, 6, 10, 99_000), &["0#8 J 6 0x0c leaves 0"]),
            (of_firm(7, own), &["0#9 J 7 0x0c leaves 0"]),
            (of_firm(8, *b"LIME"), &["0#10 A 8 10@9.9000 ref 5 leaves 10", "A 5 Buy 10@9.9000"]),
            (entry_switch(0, 9, own, 1), &["0#11 K 9 0000 leaves 0"]),
            (buy(0, 10, 10, 99_000), &["0#12 A 10 10@9.9000 ref 6 leaves 10", "A 6 Buy 10@9.9000"]),
        ],
    );
}

/// M2: more firms than are few, and a firm of a disabled port.
#[test]
fn the_last_word_on_entry_holds_and_the_answer_says_what_holds() {
    let firm = |index: u32| [b'F', b'0' + (index / 10) as u8, b'0' + (index % 10) as u8, b' '];
    let mut venue = Venue::new(config());
    let mut number = 0;
    let mut say = |firm: [u8; 4], enabled| {
        number += 1;
        let switched = show(&venue.run(0, entry_switch(0, number, firm, enabled)));
        number += 1;
        let order = Enter { firm, time_in_force: b'3', ..enter(0, number, b'B', 10, 99_000) };
        let entered = show(&venue.run(0, Command::Enter(order)));
        let kind = |line: &String| line.split(' ').nth(1).unwrap().to_owned();
        (kind(&switched[0]), switched[0].split(' ').nth(3).unwrap().to_owned(), kind(&entered[0]))
    };
    let told = |kind: &str, firm: [u8; 4], entered: &str| {
        (kind.to_owned(), String::from_utf8(firm.to_vec()).unwrap().trim().to_owned(), entered.to_owned())
    };
    for (enabled, kind, entered) in [(0, "G", "J"), (1, "K", "A")] {
        for index in 0..64 {
            assert_eq!(say(firm(index), enabled), told(kind, firm(index), entered));
        }
    }
    assert_eq!(say(*b"    ", 0), told("G", *b"    ", "J"));
    for index in 0..64 {
        assert_eq!(say(firm(index), 1), told("K", firm(index), "A"));
    }
    assert_eq!(say(firm(64), 1), told("G", firm(64), "J"), "the bound: it stays disabled");
    assert_eq!(say(*b"    ", 1), told("K", *b"    ", "A"));
    for index in 0..64 {
        assert_eq!(say(firm(index), 0), told("G", firm(index), "J"));
    }
    assert_eq!(say(firm(64), 0), told("G", *b"    ", "J"), "the bound: the port is disabled");
    assert_eq!(say(*b"    ", 1), told("K", *b"    ", "A"));
}

/// M2: what lowers or ends the exposure of an order passes while its entry is disabled, and outside its hours.
#[test]
fn a_replace_that_raises_nothing_passes_while_entry_is_closed() {
    let closures: [(&str, Command, &str); 2] = [
        ("disabled", entry_switch(0, 2, *b"    ", 0), "0x0c"),
        // Orders of a venue that opened without a day rest before market hours.
        ("hours", market(b'S'), "0x02"),
    ];
    for (name, closure, reason) in closures {
        let mut venue = Venue::new(config());
        venue.run(0, buy(0, 1, 20, 99_000));
        venue.run(0, immediate(sell(1, 1, 5, 99_000)));
        venue.run(0, closure);
        let mut run = |command| {
            let outputs = venue.run(1, command);
            let of_port = outputs.replies.iter().filter(|reply| reply.port == PortId(0)).copied().collect();
            let shown = show(&Outputs { replies: of_port, publications: Vec::new() });
            // Without the port and the number of the message.
            shown.iter().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect::<Vec<_>>()
        };
        let cases: [(Command, Vec<String>); 6] = [
            (buy(0, 3, 10, 99_000), vec![format!("J 3 {reason} leaves 0")]),
            (amend(0, 1, 4, 21, 99_000), vec![format!("J 4 {reason} leaves 0")]),
            (amend(0, 1, 5, 20, 99_100), vec![format!("J 5 {reason} leaves 0")]),
            (amend(0, 1, 6, 20, 99_000), vec!["U 6 of 1 15@9.9000 ref 3 leaves 15".to_owned()]),
            (amend(0, 6, 7, 15, 98_900), vec!["U 7 of 6 10@9.8900 ref 4 leaves 10".to_owned()]),
            (amend(0, 7, 8, 5, 98_900), vec!["C 7 10 U leaves 0".to_owned()]),
        ];
        for (command, expected) in cases {
            assert_eq!(run(command), expected, "{name}: {command:?}");
        }
    }
}

/// M12: only orders that are open when a request arrives count, however the requests were sent.
#[test]
fn the_bound_of_open_orders_counts_what_is_open() {
    let mut venue = Venue::new(GroupConfig { open_orders_per_port_max: 1, ..config() });
    check(
        &mut venue,
        "bound of one",
        &[
            (immediate(buy(0, 1, 10, 100_000)), &["0#1 A 1 10@10.0000 ref 1 leaves 10", "0#2 C 1 10 I leaves 0"]),
            (immediate(buy(0, 2, 10, 100_000)), &["0#3 A 2 10@10.0000 ref 2 leaves 10", "0#4 C 2 10 I leaves 0"]),
            (buy(0, 3, 10, 100_000), &["0#5 A 3 10@10.0000 ref 3 leaves 10", "A 3 Buy 10@10.0000"]),
            (amend(0, 3, 4, 20, 100_000), &["0#6 U 4 of 3 20@10.0000 ref 4 leaves 20", "U 3 4 20@10.0000"]),
            (buy(0, 5, 10, 100_000), &["0#7 J 5 0x0f leaves 0"]),
            (buy(1, 1, 10, 100_000), &["1#1 A 1 10@10.0000 ref 5 leaves 10", "A 5 Buy 10@10.0000"]),
            (cancel(0, 4, 0), &["0#8 C 4 20 U leaves 0", "D 4"]),
            (buy(0, 6, 10, 100_000), &["0#9 A 6 10@10.0000 ref 6 leaves 10", "A 6 Buy 10@10.0000"]),
        ],
    );
}

/// M9: the feed's prices, which no member can move, cannot be evaded by a replace whose instrument order entry does not know.
#[test]
fn a_replace_that_came_with_the_prices_of_another_instrument_raises_nothing() {
    let replace_at = |original, user_ref, locate, quantity, price| {
        let reference = reference(200_000, 200_000);
        Command::Replace(Replace { locate, reference, ..replace(0, original, user_ref, quantity, price) })
    };
    for locate in [Locate::NONE, Locate(2), Locate(999)] {
        check(
            &mut Venue::new(config()),
            "locate",
            &[
                (buy(0, 1, 10, 100_000), &["0#1 A 1 10@10.0000 ref 1 leaves 10", "A 1 Buy 10@10.0000"]),
                (replace_at(1, 2, locate, 10, 100_100), &["0#2 J 2 0x0a leaves 0"]),
                (replace_at(1, 3, locate, 11, 100_000), &["0#3 J 3 0x0a leaves 0"]),
                (
                    replace_at(1, 4, locate, 10, 100_000),
                    &["0#4 U 4 of 1 10@10.0000 ref 2 leaves 10", "U 1 2 10@10.0000"],
                ),
                (replace_at(4, 5, locate, 9, 99_900), &["0#5 U 5 of 4 9@9.9900 ref 3 leaves 9", "U 2 3 9@9.9900"]),
            ],
        );
    }
}

#[test]
fn a_kill_switch_cancels_and_rejects_orders_until_it_is_released() {
    check(
        &mut Venue::new(config()),
        "kill switch",
        &[
            (buy(0, 1, 10, 100_000), &["0#1 A 1 10@10.0000 ref 1 leaves 10", "A 1 Buy 10@10.0000"]),
            (buy(1, 1, 10, 100_000), &["1#1 A 1 10@10.0000 ref 2 leaves 10", "A 2 Buy 10@10.0000"]),
            (kill_port(0, true), &["0#2 C 1 10 S leaves 0", "D 1"]),
            (buy(0, 2, 10, 100_000), &["0#3 J 2 0x20 leaves 0"]),
            (kill(Scope::Everyone, true), &["1#2 C 1 10 S leaves 0", "D 2"]),
            (buy(1, 2, 10, 100_000), &["1#3 J 2 0x20 leaves 0"]),
            (kill_port(0, false), NOTHING),
            (buy(0, 3, 10, 100_000), &["0#4 J 3 0x20 leaves 0"]),
            (kill(Scope::Everyone, false), NOTHING),
            (buy(0, 4, 10, 100_000), &["0#5 A 4 10@10.0000 ref 3 leaves 10", "A 3 Buy 10@10.0000"]),
            (kill_port(77, true), NOTHING),
        ],
    );
}

#[test]
fn the_market_opens_closes_and_publishes_its_day() {
    let closed = || corelane_actors::types::GroupConfig { opens_at_start: false, ..config() };
    let ioc = |order: Command| match order {
        Command::Enter(enter) => Command::Enter(Enter { time_in_force: b'3', ..enter }),
        other => other,
    };
    // M4
    check(
        &mut Venue::new(closed()),
        "market day",
        &[
            (buy(0, 1, 10, 100_000), &["0#1 J 1 0x02 leaves 0"]),
            (market(b'C'), NOTHING),
            (market(b'O'), &["S O", "R 1 AAA", "R 2 BBB", "R 3 CCC"]),
            (buy(0, 2, 10, 100_000), &["0#2 J 2 0x02 leaves 0"]),
            (market(b'S'), &["0#3 S 0 S leaves 0", "1#1 S 0 S leaves 0", "2#1 S 0 S leaves 0", "S S"]),
            (buy(0, 3, 10, 100_000), &["0#4 J 3 0x02 leaves 0"]),
            (ioc(buy(0, 4, 10, 100_000)), &["0#5 A 4 10@10.0000 ref 1 leaves 10", "0#6 C 4 10 I leaves 0"]),
            (market(b'Q'), &["S Q"]),
            (market(b'O'), NOTHING),
            (market(b'S'), NOTHING),
            (market(b'C'), NOTHING),
            (buy(0, 5, 10, 100_000), &["0#7 A 5 10@10.0000 ref 2 leaves 10", "A 2 Buy 10@10.0000"]),
            (buy(1, 1, 10, 100_000), &["1#2 A 1 10@10.0000 ref 3 leaves 10", "A 3 Buy 10@10.0000"]),
            (market(b'?'), NOTHING),
            (market(b'M'), &["0#8 C 5 10 E leaves 0", "1#3 C 1 10 E leaves 0", "S M", "D 2", "D 3"]),
            (market(b'Q'), NOTHING),
            (buy(0, 6, 10, 100_000), &["0#9 J 6 0x02 leaves 0"]),
            (ioc(buy(0, 7, 10, 100_000)), &["0#10 A 7 10@10.0000 ref 4 leaves 10", "0#11 C 7 10 I leaves 0"]),
            (market(b'E'), &["0#12 S 0 E leaves 0", "1#4 S 0 E leaves 0", "2#2 S 0 E leaves 0", "S E"]),
            (ioc(buy(0, 8, 10, 100_000)), &["0#13 J 8 0x02 leaves 0"]),
            (market(b'C'), &["S C"]),
            (market(b'M'), NOTHING),
            (market(b'E'), NOTHING),
            (market(b'C'), NOTHING),
            (kill(Scope::Everyone, true), NOTHING),
        ],
    );
}

#[test]
fn the_end_of_the_day_cancels_what_rests_before_it_says_so() {
    check(
        &mut Venue::new(config()),
        "system hours end with the market open",
        &[
            (buy(0, 1, 10, 100_000), &["0#1 A 1 10@10.0000 ref 1 leaves 10", "A 1 Buy 10@10.0000"]),
            (
                market(b'E'),
                &[
                    "0#2 C 1 10 E leaves 0",
                    "0#3 S 0 E leaves 0",
                    "1#1 S 0 E leaves 0",
                    "2#1 S 0 E leaves 0",
                    "S E",
                    "D 1",
                ],
            ),
            (market(b'C'), &["S C"]),
        ],
    );
}

#[test]
fn a_disconnect_cancels_if_so_configured_and_not_already_logged_in_again() {
    let steps = |answer: &'static [&'static str]| {
        [
            (log_in(0, 2), NOTHING),
            (buy(0, 1, 10, 100_000), &["0#1 A 1 10@10.0000 ref 1 leaves 10", "A 1 Buy 10@10.0000"] as &[&str]),
            (disconnect(0, 1), NOTHING),
            (disconnect(1, 5), NOTHING),
            (disconnect(0, 2), answer),
        ]
    };
    check(&mut Venue::new(config()), "cancels", &steps(&["0#2 C 1 10 Z leaves 0", "D 1"]));
    let stays = corelane_actors::types::GroupConfig { cancel_on_disconnect: false, ..config() };
    check(&mut Venue::new(stays), "stays", &steps(NOTHING));
}

/// The level of port 0 at which a limit is set.
#[derive(Clone, Copy, Debug)]
enum At {
    Venue,
    Firm,
    Account,
    Port,
}

const LEVELS: [At; 4] = [At::Venue, At::Firm, At::Account, At::Port];

/// Two ports, each with an account and a firm of its own; the limits of the first are set at one level.
fn limited(level: At, set: impl FnOnce(&mut LevelLimits)) -> GroupConfig {
    let mut config = config();
    (config.ports, config.accounts, config.firms) = separate_members(2);
    // No other limit rejects the orders.
    config.limits = Limits {
        quantity_max: Quantity(999_999),
        notional_max: Notional::MAX,
        collar_parts_per_million: 1_000_000,
        without_reference: WithoutReference::Accept,
    };
    let mut limits = LevelLimits::default();
    set(&mut limits);
    match level {
        At::Venue => config.limits = config.limits.least(&limits),
        At::Firm => config.firms[0].limits = limits,
        At::Account => config.accounts[0].limits = limits,
        At::Port => config.ports[0].limits = limits,
    }
    config
}

/// M18: port, account and firm are three things, each with limits of its own.
#[test]
fn each_limit_holds_at_each_level_below_at_and_above_its_bound() {
    let quantity: SetLimit = |limits| limits.quantity_max = Some(Quantity(500));
    let notional: SetLimit = |limits| limits.notional_max = Some(Notional(50_000_000));
    let collar: SetLimit = |limits| limits.collar_parts_per_million = Some(50_000);
    let reference: SetLimit = |limits| limits.without_reference = Some(WithoutReference::Reject);
    // The limit, then orders (locate, side, quantity, price), each with its reject reason if there is one.
    type SetLimit = fn(&mut LevelLimits);
    type Orders = &'static [((u16, u8, u32, u64), Option<&'static str>)];
    let cases: [(SetLimit, Orders); 4] = [
        (
            quantity,
            &[
                ((1, b'B', 499, 100_000), None),
                ((1, b'B', 500, 100_000), None),
                ((1, b'B', 501, 100_000), Some("0x31")),
            ],
        ),
        (
            notional,
            &[
                ((1, b'B', 499, 100_000), None),
                ((1, b'B', 500, 100_000), None),
                ((1, b'B', 500, 100_100), Some("0x30")),
            ],
        ),
        (
            collar,
            &[
                ((1, b'B', 1, 104_900), None),
                ((1, b'B', 1, 105_000), None),
                ((1, b'B', 1, 105_100), Some("0x26")),
                ((2, b'S', 10, 95_100), None),
                ((2, b'S', 10, 95_000), None),
                ((2, b'S', 10, 94_900), Some("0x26")),
            ],
        ),
        (reference, &[((1, b'B', 1, 100_000), None), ((3, b'B', 1, 100_000), Some("0x26"))]),
    ];
    for level in LEVELS {
        for (set, orders) in cases {
            for port in [0, 1] {
                let mut venue = Venue::new(limited(level, set));
                for (number, (order, reason)) in (1..).zip(orders) {
                    let (locate, side, quantity, price) = *order;
                    let command =
                        Command::Enter(Enter { locate: Locate(locate), ..enter(port, number, side, quantity, price) });
                    let seen = show(&venue.run(0, command))[0].clone();
                    // The other port has only the limits of the venue.
                    match reason.filter(|_| port == 0 || matches!(level, At::Venue)) {
                        Some(reason) => assert!(seen.contains(&format!("J {number} {reason}")), "{level:?}: {seen}"),
                        None => assert!(seen.contains(&format!("A {number} ")), "{level:?} {order:?}: {seen}"),
                    }
                }
            }
        }
    }
}

/// M18: the limits of an account and of a firm hold for each port that trades for them.
#[test]
fn the_lowest_limit_of_all_levels_decides() {
    for least in LEVELS {
        let mut config = limited(At::Venue, |limits| limits.quantity_max = Some(Quantity(900)));
        let firm = LevelLimits { quantity_max: Some(Quantity(800)), ..LevelLimits::default() };
        config.firms[0].limits = firm;
        config.accounts[0].limits = LevelLimits { quantity_max: Some(Quantity(850)), ..firm };
        config.ports[0].limits = LevelLimits { quantity_max: Some(Quantity(950)), ..firm };
        match least {
            At::Venue => config.limits.quantity_max = Quantity(100),
            At::Firm => config.firms[0].limits.quantity_max = Some(Quantity(100)),
            At::Account => config.accounts[0].limits.quantity_max = Some(Quantity(100)),
            At::Port => config.ports[0].limits.quantity_max = Some(Quantity(100)),
        }
        let mut venue = Venue::new(config);
        let refused = show(&venue.run(0, buy(0, 1, 101, 100_000)));
        assert_eq!(refused, ["0#1 J 1 0x31 leaves 0"], "{least:?}");
        assert!(show(&venue.run(0, buy(0, 2, 100, 100_000)))[0].starts_with("0#2 A 2"), "{least:?}");
    }
}

/// M18: a port, an account with two ports, a firm with two accounts, and the venue.
#[test]
fn a_kill_switch_of_each_level_stops_its_ports_and_no_others() {
    // Ports 0 and 1 trade for account 0, port 2 for account 1, both of firm 0; port 3 trades for account 2 of firm 1.
    let cases: [(Scope, &[u32]); 4] = [
        (Scope::Everyone, &[0, 1, 2, 3]),
        (Scope::Firm(FirmId(0)), &[0, 1, 2]),
        (Scope::Account(AccountId(0)), &[0, 1]),
        (Scope::Port(PortId(2)), &[2]),
    ];
    for (scope, stopped) in cases {
        let mut venue = Venue::new(firms_config());
        for port in 0..4 {
            venue.run(0, buy(port, 1, 10, 100_000));
        }
        let cancelled: Vec<u32> = venue.run(0, kill(scope, true)).replies.iter().map(|reply| reply.port.0).collect();
        assert_eq!(cancelled, stopped, "{scope:?}");
        for (engaged, number) in [(true, 2), (false, 3)] {
            venue.run(0, kill(scope, engaged));
            for port in 0..4 {
                let seen = show(&venue.run(0, buy(port, number, 10, 100_000)))[0].clone();
                let is_stopped = engaged && stopped.contains(&port);
                assert_eq!(seen.contains("J"), is_stopped, "{scope:?} {engaged}, port {port}: {seen}");
            }
        }
    }
}

/// M18: each level's switch is released by itself.
#[test]
fn a_port_is_stopped_while_any_of_its_levels_is() {
    let scopes = [Scope::Everyone, Scope::Firm(FirmId(0)), Scope::Account(AccountId(0)), Scope::Port(PortId(1))];
    for engaged in 0..16_u32 {
        let mut venue = Venue::new(firms_config());
        for (bit, scope) in scopes.into_iter().enumerate() {
            // Engaging twice counts once, and a switch that was released does not count.
            venue.run(0, kill(scope, true));
            venue.run(0, kill(scope, true));
            venue.run(0, kill(scope, engaged & (1 << bit) != 0));
        }
        let seen = show(&venue.run(0, buy(1, 1, 10, 100_000)))[0].clone();
        assert_eq!(seen.contains("J 1 0x20"), engaged != 0, "{engaged:04b}: {seen}");
    }
    for unknown in [Scope::Firm(FirmId(2)), Scope::Account(AccountId(3)), Scope::Port(PortId(4))] {
        let mut venue = Venue::new(firms_config());
        check(
            &mut venue,
            "unknown",
            &[
                (buy(0, 1, 10, 100_000), &["0#1 A 1 10@10.0000 ref 1 leaves 10", "A 1 Buy 10@10.0000"]),
                (kill(unknown, true), NOTHING),
            ],
        );
    }
}

/// M18: the orders of all ports of a firm, and no others.
#[test]
fn a_mass_cancel_of_a_firm_goes_over_several_steps_and_leaves_the_others_orders() {
    let mut venue = Venue::with_edges(firms_config(), Edges::TIGHT);
    for number in 1..=40 {
        for port in 0..4 {
            venue.run(0, buy(port, number, 10, 100_000));
        }
    }
    let outputs = venue.run(0, kill(Scope::Firm(FirmId(0)), true));
    let ports: Vec<u32> = outputs.replies.iter().map(|reply| reply.port.0).collect();
    assert_eq!(ports, [[0; 40], [1; 40], [2; 40]].concat());
    assert_eq!(outputs.publications.len(), 120);
    assert_eq!(venue.run(0, kill(Scope::Everyone, true)).replies.len(), 40);
}
