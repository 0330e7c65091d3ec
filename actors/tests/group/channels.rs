//! Requests in other channels of user reference numbers (`UserRefIdx`) than 0, where a port has no orders.

use crate::group_support::{
    Outputs, Venue, account_query, cancel, config, enter, entry_switch_in, mass_cancel_in, other_channel,
};
use corelane_actors::types::Command;
use corelane_codecs::ouch::Outbound;

/// Each answer: its type, the number in it and its channel.
fn shown(outputs: &Outputs) -> Vec<String> {
    let answer = |bytes: &[u8]| {
        let (number, options) = match Outbound::decode(bytes).unwrap() {
            Outbound::Accepted(accepted, options) => (accepted.user_ref_num, options),
            Outbound::Canceled(canceled, options) => (canceled.user_ref_num, options),
            Outbound::Rejected(rejected, options) => (rejected.user_ref_num, options),
            Outbound::MassCancelResponse(response, options) => (response.user_ref_num, options),
            Outbound::DisableEntryResponse(response, options) => (response.user_ref_num, options),
            Outbound::EnableEntryResponse(response, options) => (response.user_ref_num, options),
            Outbound::AccountQueryResponse(response, options) => (response.next_user_ref_num, options),
            other => panic!("unexpected {other:?}"),
        };
        format!("{}{number}/{}", char::from(bytes[0]), options.channel())
    };
    outputs.replies.iter().map(|reply| answer(&reply.bytes[..usize::from(reply.length)])).collect()
}

fn buy(user_ref: u32) -> Command {
    Command::Enter(enter(0, user_ref, b'B', 10, 99_000))
}

#[test]
fn every_channel_is_answered_by_its_own_rising_numbers_and_touches_no_order() {
    const ALL: [u8; 4] = *b"    ";
    let mut venue = Venue::new(config());
    let cases: [(Command, &[&str]); 25] = [
        (buy(1), &["A1/0"]),
        (account_query(0, 3), &["Q1/3"]),
        (mass_cancel_in(0, 3, 7), &["X7/3"]),
        (mass_cancel_in(0, 3, 7), &[]),
        (entry_switch_in(0, 3, 6, ALL, 0), &[]),
        (other_channel(0, 7, 3), &[]),
        (mass_cancel_in(0, 4, 7), &["X7/4"]),
        (mass_cancel_in(0, 255, u32::MAX), &["X4294967295/255"]),
        (account_query(0, 255), &["Q0/255"]),
        (account_query(0, 3), &["Q8/3"]),
        (account_query(0, 0), &["Q2/0"]),
        // Entry is the port's, whatever the channel of the request.
        (entry_switch_in(0, 3, 8, ALL, 0), &["G8/3"]),
        (buy(2), &["J2/0"]),
        (entry_switch_in(0, 4, 8, ALL, 1), &["K8/4"]),
        (entry_switch_in(0, 3, 8, ALL, 0), &[]),
        (buy(3), &["A3/0"]),
        (other_channel(0, 9, 3), &["J9/3"]),
        (other_channel(0, 9, 3), &[]),
        (account_query(0, 3), &["Q10/3"]),
        (account_query(0, 0), &["Q4/0"]),
        (mass_cancel_in(9, 3, 1), &[]),
        (account_query(9, 3), &[]),
        // All orders are still there.
        (cancel(0, 1, 0), &["C1/0"]),
        (mass_cancel_in(0, 0, 4), &["X4/0", "C3/0"]),
        (mass_cancel_in(0, 3, 10), &["X10/3"]),
    ];
    for (step, (command, expected)) in cases.into_iter().enumerate() {
        let outputs = venue.run(step as u64, command);
        assert_eq!(shown(&outputs), expected, "step {step}: {command:?}");
        for (reply, answer) in outputs.replies.iter().zip(shown(&outputs)) {
            assert_eq!(reply.user_ref == 0, !answer.ends_with("/0") || answer.starts_with('Q'), "{answer}");
        }
    }
}

/// The answer to a query says 0, which is no number of a request, when none is left. Orders can be cancelled as before.
#[test]
fn a_port_that_has_used_the_last_number_can_only_cancel() {
    let mut venue = Venue::new(config());
    let cases: [(Command, &[&str]); 6] = [
        (buy(u32::MAX - 1), &["A4294967294/0"]),
        (account_query(0, 0), &["Q4294967295/0"]),
        (buy(u32::MAX), &["A4294967295/0"]),
        (account_query(0, 0), &["Q0/0"]),
        (buy(0), &[]),
        (cancel(0, u32::MAX, 0), &["C4294967295/0"]),
    ];
    for (step, (command, expected)) in cases.into_iter().enumerate() {
        assert_eq!(shown(&venue.run(step as u64, command)), expected, "step {step}: {command:?}");
    }
}
