//! Random streams of requests that interact: few ports, few prices, replaces and cancels of live orders, and an occasional
//! garbled field.

use corelane_actors::types::{
    AccountId, Command, Enter, FirmId, Locate, Mark, MassCancel, PortId, Quantity, Reference, Replace, Scope,
    SequencerIn,
};
use corelane_codecs::price::Price;
use proptest::{prelude::*, sample::Index};

use super::{
    MASS_CANCEL, Model, account_query, cancel, disconnect, enter, entry_switch, entry_switch_in, kill, log_in, market,
    modify, other_channel, replace,
};

/// A step of a stream. Its order is chosen when the step is run.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Enter { order: Enter, gap: u32 },
    Replace { request: Replace, pick: Option<Index>, gap: u32 },
    Cancel { port: u32, user_ref: u32, quantity: u32, pick: Option<Index> },
    Modify { port: u32, user_ref: u32, side: u8, quantity: u32, pick: Option<Index> },
    MassCancel { request: MassCancel, gap: u32 },
    EntrySwitch { port: u32, firm: [u8; 4], enabled: u8, gap: u32 },
    Other(Command),
    Reference { locate: u16, reference: Reference },
}

impl Op {
    /// The request, for the orders that rest in the model now.
    pub(crate) fn resolve(&self, model: &Model) -> SequencerIn {
        let next = |port: u32, gap| model.ports.get(port as usize).map_or(0, |one| one.last_user_ref + gap);
        let picked = |pick: &Option<Index>| match pick {
            Some(pick) if !model.orders.is_empty() => Some(pick.get(&model.orders)),
            _ => None,
        };
        SequencerIn::Command(match self {
            Op::Enter { order, gap } => Command::Enter(Enter { user_ref: next(order.port.0, *gap), ..*order }),
            Op::Replace { request, pick, gap } => {
                let mut request = *request;
                if let Some(order) = picked(pick) {
                    request.port = PortId(order.port);
                    request.original_user_ref = order.user_ref;
                    request.locate = Locate(order.locate);
                }
                Command::Replace(Replace { user_ref: next(request.port.0, *gap), ..request })
            }
            Op::Cancel { port, user_ref, quantity, pick } => match picked(pick) {
                Some(order) => cancel(order.port, order.user_ref, *quantity),
                None => cancel(*port, *user_ref, *quantity),
            },
            Op::Modify { port, user_ref, side, quantity, pick } => {
                let order = picked(pick).map_or((*port, *user_ref), |order| (order.port, order.user_ref));
                modify(order.0, order.1, *side, *quantity)
            }
            Op::MassCancel { request, gap } => {
                Command::MassCancel(MassCancel { user_ref: next(request.port.0, *gap), ..*request })
            }
            Op::EntrySwitch { port, firm, enabled, gap } => entry_switch(*port, next(*port, *gap), *firm, *enabled),
            Op::Other(command) => *command,
            Op::Reference { locate, reference } => {
                return SequencerIn::Reference(corelane_actors::types::ReferenceUpdate {
                    locate: Locate(*locate),
                    reference: *reference,
                });
            }
        })
    }
}

/// Streams of up to `steps` steps.
pub(crate) fn stream(steps: usize) -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(op(), 1..steps)
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        24 => (order(), gap()).prop_map(|(order, gap)| Op::Enter { order, gap }),
        2 => (garbled(), gap()).prop_map(|(order, gap)| Op::Enter { order, gap }),
        8 => (request(), picks(), gap()).prop_map(|(request, pick, gap)| Op::Replace { request, pick, gap }),
        8 => (0..4_u32, 0..20_u32, 0..90_u32, picks())
            .prop_map(|(port, user_ref, quantity, pick)| Op::Cancel { port, user_ref, quantity, pick }),
        4 => other().prop_map(Op::Other),
        3 => (0..4_u32, 0..20_u32, prop::sample::select(b"BSTE?".to_vec()), 0..90_u32, picks()).prop_map(
            |(port, user_ref, side, quantity, pick)| Op::Modify { port, user_ref, side, quantity, pick }
        ),
        2 => (mass_cancel(), gap()).prop_map(|(request, gap)| Op::MassCancel { request, gap }),
        // Entry is enabled more often than disabled.
        2 => (0..4_u32, firm(), 0..3_u8, gap())
            .prop_map(|(port, firm, enabled, gap)| Op::EntrySwitch { port, firm, enabled: enabled.min(1), gap }),
        1 => (0..4_u32, 0..4_u8).prop_map(|(port, channel)| Op::Other(account_query(port, channel))),
        2 => in_other_channel().prop_map(Op::Other),
        2 => (0..5_u16, reference()).prop_map(|(locate, reference)| Op::Reference { locate, reference }),
    ]
}

/// Few firms and groups, so that orders have those that requests name.
fn firm() -> impl Strategy<Value = [u8; 4]> {
    prop::sample::select(vec![*b"    ", *b"    ", *b"LIME", *b"PEAR", *b"0000", *b"0001"])
}

fn mass_cancel() -> impl Strategy<Value = MassCancel> {
    let symbol = prop_oneof![
        2 => Just((*b"        ", 0)),
        2 => Just((*b"AAA     ", 1)),
        1 => Just((*b"BBB     ", 2)),
        1 => Just((*b"NONE    ", 0)),
    ];
    let side = prop::sample::select(vec![0, 0, b'B', b'S', b'T', b'?']);
    (0..4_u32, firm(), symbol, side, prop::option::of(0..3_u16)).prop_map(
        |(port, firm, (symbol, locate), side, group)| MassCancel {
            port: PortId(port),
            firm,
            symbol,
            locate: Locate(locate),
            group: group.unwrap_or_default(),
            has_group: group.is_some().into(),
            side,
            ..MASS_CANCEL
        },
    )
}

/// Few numbers, so that some are used before.
fn in_other_channel() -> impl Strategy<Value = Command> {
    let identity = || (0..4_u32, 1..4_u8, 0..20_u32);
    prop_oneof![
        (identity(), mass_cancel()).prop_map(|((port, channel, user_ref), request)| {
            Command::MassCancel(MassCancel { port: PortId(port), channel, user_ref, ..request })
        }),
        (identity(), firm(), 0..3_u8).prop_map(|((port, channel, user_ref), firm, enabled)| {
            entry_switch_in(port, channel, user_ref, firm, enabled.min(1))
        }),
        identity().prop_map(|(port, channel, user_ref)| other_channel(port, user_ref, channel)),
    ]
}

fn picks() -> impl Strategy<Value = Option<Index>> {
    prop::option::weighted(0.9, any::<Index>())
}

/// The increase of a client's number; 0 repeats the last one.
fn gap() -> impl Strategy<Value = u32> {
    prop_oneof![1 => Just(0), 12 => Just(1), 2 => 2..5_u32]
}

fn price() -> impl Strategy<Value = u64> {
    prop_oneof![20 => (0..8_u64).prop_map(|tick| 99_600 + tick * 100), 1 => Just(100_001), 1 => Just(130_000), 1 => Just(70_000)]
}

fn order() -> impl Strategy<Value = Enter> {
    let side = prop_oneof![6 => Just(b'B'), 4 => Just(b'S'), 1 => Just(b'T'), 1 => Just(b'E')];
    let quantity = prop_oneof![(1..9_u32).prop_map(|tens| tens * 10), 1..80_u32];
    let time_in_force = prop_oneof![6 => Just(b'0'), 1 => Just(b'3')];
    (0..3_u32, 1..4_u16, side, quantity, price(), time_in_force, firm(), 0..3_u16, mark()).prop_map(
        |(port, locate, side, quantity, price, time_in_force, firm, group, mark)| Enter {
            mark,
            locate: Locate(locate),
            time_in_force,
            firm,
            group,
            ..enter(port, 0, side, quantity, price)
        },
    )
}

fn mark() -> impl Strategy<Value = Mark> {
    let one = prop::sample::select(vec![Mark::Rate, Mark::InFlight, Mark::Breaker, Mark::Delay]);
    prop_oneof![12 => Just(Mark::None), 3 => one]
}

/// An order with arbitrary fields.
fn garbled() -> impl Strategy<Value = Enter> {
    let numbers = (any::<u64>(), 0..5_u32, any::<u32>(), any::<u16>(), any::<u16>());
    (order(), numbers, any::<[u8; 6]>(), any::<[u8; 14]>(), 0..64_u8).prop_map(
        |(order, (price, port, quantity, locate, unsupported), codes, cl_ord_id, mask)| {
            let pick = |bit: u8, garbage: u8, good: u8| {
                if mask & (1 << bit) == 0 { garbage } else { good }
            };
            Enter {
                port: PortId(port),
                price: if mask & 1 == 0 { Price::from_raw(price) } else { order.price },
                quantity: if mask & 2 == 0 { Quantity(quantity) } else { order.quantity },
                locate: if mask & 4 == 0 { Locate(locate) } else { order.locate },
                unsupported: if mask & 8 == 0 { unsupported } else { 0 },
                side: pick(0, codes[0], order.side),
                time_in_force: pick(1, codes[1], order.time_in_force),
                display: pick(2, codes[2], order.display),
                capacity: pick(3, codes[3], order.capacity),
                intermarket_sweep: pick(4, codes[4], order.intermarket_sweep),
                cross: pick(5, codes[5], order.cross),
                cl_ord_id,
                ..order
            }
        },
    )
}

fn request() -> impl Strategy<Value = Replace> {
    let garbage = prop_oneof![12 => Just(None), 1 => any::<(u8, u8, u8, u16, u64)>().prop_map(Some)];
    let time_in_force = prop_oneof![6 => Just(b'0'), 1 => Just(b'3')];
    (0..4_u32, 0..20_u32, 0..100_u32, price(), time_in_force, mark(), garbage).prop_map(
        |(port, original, quantity, price, time_in_force, mark, garbage)| {
            let good = Replace { time_in_force, mark, ..replace(port, original, 0, quantity, price) };
            match garbage {
                None => good,
                Some((time_in_force, display, intermarket_sweep, unsupported, price)) => Replace {
                    time_in_force,
                    display,
                    intermarket_sweep,
                    unsupported,
                    price: Price::from_raw(price),
                    ..good
                },
            }
        },
    )
}

fn other() -> impl Strategy<Value = Command> {
    let port = || prop_oneof![4 => 0..3_u32, 1 => Just(u32::MAX), 1 => any::<u32>()];
    prop_oneof![
        2 => (scope(), 0..4_u32).prop_map(|(scope, engaged)| kill(scope, engaged >= 2)),
        // Switches are released more often than engaged.
        4 => known_scope().prop_map(|scope| kill(scope, false)),
        2 => (port(), 0..3_u32).prop_map(|(port, generation)| disconnect(port, generation)),
        1 => (port(), 0..3_u32).prop_map(|(port, generation)| log_in(port, generation)),
        1 => prop::sample::select(b"OSQ?".to_vec()).prop_map(market),
        2 => Just(market(b'Q')),
        2 => Just(Command::EndPauses),
        // What has ended stays so for the rest of the stream.
        1 => prop::sample::select(b"MEC??????????????".to_vec()).prop_map(market),
    ]
}

fn known_scope() -> impl Strategy<Value = Scope> {
    prop_oneof![
        1 => Just(Scope::Everyone),
        1 => (0..2_u32).prop_map(|firm| Scope::Firm(FirmId(firm))),
        1 => (0..3_u32).prop_map(|account| Scope::Account(AccountId(account))),
        2 => (0..4_u32).prop_map(|port| Scope::Port(PortId(port))),
    ]
}

fn scope() -> impl Strategy<Value = Scope> {
    let unknown = (any::<u32>(), 0..3_u8).prop_map(|(id, level)| match level {
        0 => Scope::Firm(FirmId(id)),
        1 => Scope::Account(AccountId(id)),
        _ => Scope::Port(PortId(id)),
    });
    prop_oneof![6 => known_scope(), 1 => unknown]
}

fn reference() -> impl Strategy<Value = Reference> {
    let price = || prop_oneof![1 => Just(0_u64), 4 => 90_000..110_000_u64];
    (price(), price(), prop::bool::weighted(0.2))
        .prop_map(|(bid, ask, stale)| Reference { stale: u64::from(stale), ..super::reference(bid, ask) })
}
