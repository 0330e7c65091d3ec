//! Transitions case by case, those that OTP does not have included.

use std::time::Duration;

use super::super::{Action, Event, Outlook, SupervisorId, Tree};
use crate::{
    supervision::{Backoff, Escalation, Restart, Strategy, SupervisorSpec},
    topology::ids::ActorIndex,
};

const MS: u64 = 1_000_000;

const A: ActorIndex = ActorIndex::new(0);
const B: ActorIndex = ActorIndex::new(1);
const C: ActorIndex = ActorIndex::new(2);
const D: ActorIndex = ActorIndex::new(3);

fn start(actor: ActorIndex, generation: u16) -> Action {
    Action::Start { actor, generation }
}

fn spec(strategy: Strategy) -> SupervisorSpec {
    SupervisorSpec::new("supervisor", strategy).intensity(3, Duration::from_millis(100))
}

#[track_caller]
fn check(case: &str, mut tree: Tree, steps: &[(u64, &[Event], &[Action])]) {
    for &(at_ms, events, expected) in steps {
        let mut actions = Vec::new();
        tree.turn(at_ms * MS, events, &mut actions);
        assert_eq!(actions, expected, "{case}: at {at_ms} ms");
    }
}

/// A supervisor of three permanent actors.
fn three(spec: SupervisorSpec) -> Tree {
    let mut tree = Tree::new(1);
    let supervisor = tree.supervisor(None, spec);
    [A, B, C].iter().for_each(|&actor| tree.child(supervisor, actor, Restart::Permanent));
    tree
}

fn escalate(supervisor: usize, escalation: Escalation, actor: ActorIndex) -> Action {
    Action::Escalate { supervisor: SupervisorId(supervisor), escalation, actor }
}

#[test]
fn each_strategy_restarts_its_children_in_order() {
    use Event::{Failed, Started, Stopped};
    check(
        "one for one",
        three(spec(Strategy::OneForOne)),
        &[
            (1, &[Failed(B)], &[start(B, 1)]),
            (2, &[Failed(C)], &[start(C, 1)]),
            (3, &[Started(C), Started(B)], &[]),
            (4, &[Failed(B)], &[start(B, 2)]),
        ],
    );
    check(
        "rest for one",
        three(spec(Strategy::RestForOne)),
        &[
            (1, &[Failed(B)], &[Action::Stop(C)]),
            (2, &[Stopped(C)], &[start(B, 1)]),
            (3, &[Started(B)], &[start(C, 1)]),
            (4, &[Started(C)], &[]),
            (5, &[Failed(C)], &[start(C, 2)]),
        ],
    );
    check(
        "one for all",
        three(spec(Strategy::OneForAll)),
        &[
            (1, &[Failed(B)], &[Action::Stop(C)]),
            (2, &[Stopped(C)], &[Action::Stop(A)]),
            (3, &[Stopped(A)], &[start(A, 1)]),
            (4, &[Started(A)], &[start(B, 1)]),
            (5, &[Started(B)], &[start(C, 1)]),
            (6, &[Started(C)], &[]),
        ],
    );
}

#[test]
fn what_fails_during_a_restart_is_part_of_it_or_handled_afterwards() {
    use Event::{Failed, Started, Stopped};
    check(
        "one to be stopped fails before that",
        three(spec(Strategy::OneForAll)),
        &[
            (1, &[Failed(A)], &[Action::Stop(C)]),
            (2, &[Failed(C), Failed(B)], &[]),
            // B needs no stop any more. Its failure is not counted: the restart has dealt with it.
            (3, &[Stopped(C)], &[start(A, 1)]),
            (4, &[Started(A)], &[start(B, 1)]),
            (5, &[Started(B)], &[start(C, 1)]),
            (6, &[Started(C)], &[]),
            (7, &[Failed(A)], &[Action::Stop(C)]),
        ],
    );
    check(
        "one that is up again fails",
        three(spec(Strategy::RestForOne)),
        &[
            (1, &[Failed(A)], &[Action::Stop(C)]),
            (2, &[Stopped(C)], &[Action::Stop(B)]),
            (3, &[Stopped(B)], &[start(A, 1)]),
            (4, &[Started(A)], &[start(B, 1)]),
            (5, &[Failed(A)], &[]),
            (6, &[Started(B)], &[start(C, 1)]),
            (7, &[Started(C)], &[Action::Stop(C)]),
        ],
    );
}

#[test]
fn a_start_that_fails_is_handled_after_the_failures_before_it() {
    use Event::{Failed, Started, Stopped};
    check(
        "the first has failed again when the second fails to start",
        three(spec(Strategy::RestForOne)),
        &[
            (1, &[Failed(A)], &[Action::Stop(C)]),
            (2, &[Stopped(C)], &[Action::Stop(B)]),
            (3, &[Stopped(B)], &[start(A, 1)]),
            (4, &[Started(A)], &[start(B, 1)]),
            (5, &[Failed(A), Failed(B)], &[start(A, 2)]),
            (6, &[Started(A)], &[start(B, 2)]),
            (7, &[Started(B)], &[start(C, 1)]),
            (8, &[Started(C)], &[]),
        ],
    );
}

#[test]
fn one_failure_too_many_within_the_period_escalates_once() {
    use Event::{Failed, Started};
    for escalation in [Escalation::Halt, Escalation::Exit] {
        check(
            "three in 100 ms are allowed",
            three(spec(Strategy::OneForOne).escalation(escalation)),
            &[
                (0, &[Failed(A)], &[start(A, 1)]),
                (50, &[Started(A), Failed(A)], &[start(A, 2)]),
                (100, &[Started(A), Failed(B)], &[start(B, 1)]),
                // The first is out of the period, by a nanosecond less it would not be.
                (101, &[Started(B), Failed(A)], &[start(A, 3)]),
                (102, &[Started(A), Failed(C)], &[escalate(0, escalation, C)]),
                (103, &[Failed(A), Failed(B)], &[]),
            ],
        );
    }
    check(
        "a start that fails counts",
        three(spec(Strategy::OneForOne)),
        &[
            (0, &[Failed(A)], &[start(A, 1)]),
            (0, &[Failed(A)], &[start(A, 2)]),
            (0, &[Failed(A)], &[start(A, 3)]),
            (0, &[Failed(A)], &[escalate(0, Escalation::Halt, A)]),
        ],
    );
}

#[test]
fn a_supervisor_that_gives_up_is_restarted_by_its_own() {
    use Event::{Failed, Started, Stopped};
    let mut tree = Tree::new(1);
    let above = tree.supervisor(None, spec(Strategy::RestForOne).intensity(1, Duration::from_millis(100)));
    tree.child(above, A, Restart::Permanent);
    let below = spec(Strategy::OneForOne).intensity(1, Duration::from_millis(100)).escalation(Escalation::Parent);
    let below = tree.supervisor(Some(above), below);
    tree.child(below, B, Restart::Permanent);
    tree.child(below, C, Restart::Permanent);
    tree.child(above, D, Restart::Permanent);
    check(
        "nested",
        tree,
        &[
            (1, &[Failed(B)], &[start(B, 1)]),
            (2, &[Started(B), Failed(B)], &[Action::Stop(C)]),
            (3, &[Stopped(C)], &[Action::Stop(D)]),
            (4, &[Stopped(D)], &[start(B, 2)]),
            (5, &[Started(B)], &[start(C, 1)]),
            (6, &[Started(C)], &[start(D, 1)]),
            // It has forgotten its failures; the one above has not.
            (7, &[Started(D), Failed(C)], &[start(C, 2)]),
            (8, &[Started(C), Failed(C)], &[Action::Stop(B)]),
            (9, &[Stopped(B)], &[escalate(0, Escalation::Halt, C)]),
        ],
    );
}

#[test]
fn a_temporary_child_ends_alone_or_with_its_siblings_and_stays_so() {
    use Event::{Failed, Started, Stopped};
    let tree = || {
        let mut tree = Tree::new(1);
        let supervisor = tree.supervisor(None, spec(Strategy::OneForAll));
        tree.child(supervisor, A, Restart::Permanent);
        tree.child(supervisor, B, Restart::Temporary);
        tree
    };
    check(
        "alone",
        tree(),
        &[(1, &[Failed(B)], &[Action::End(B)]), (2, &[Stopped(B)], &[]), (3, &[Failed(A)], &[start(A, 1)])],
    );
    check(
        "with its sibling",
        tree(),
        &[
            (1, &[Failed(A)], &[Action::End(B)]),
            (2, &[Stopped(B)], &[start(A, 1)]),
            (3, &[Started(A), Failed(A)], &[start(A, 2)]),
        ],
    );
}

#[test]
fn a_temporary_child_does_not_wait_for_the_restart_of_others() {
    use Event::{Failed, Started, Stopped};
    let wait = Duration::from_millis(50);
    let waits = Backoff { first: wait, max: wait, ..Backoff::NONE };
    let mut tree = Tree::new(1);
    let supervisor = tree.supervisor(None, spec(Strategy::RestForOne).backoff(waits));
    tree.child(supervisor, A, Restart::Temporary);
    tree.child(supervisor, B, Restart::Permanent);
    tree.child(supervisor, C, Restart::Permanent);
    tree.child(supervisor, D, Restart::Temporary);
    check(
        "while the restart waits",
        tree,
        &[
            (0, &[Failed(B)], &[Action::End(D)]),
            (1, &[Failed(D)], &[]),
            (2, &[Stopped(D)], &[Action::Stop(C)]),
            (3, &[Stopped(C)], &[]),
            (4, &[Failed(A)], &[Action::End(A)]),
            (50, &[Stopped(A)], &[start(B, 1)]),
            (51, &[Started(B)], &[start(C, 1)]),
            (52, &[Started(C)], &[]),
        ],
    );
}

#[test]
fn a_significant_child_escalates_at_once() {
    let mut tree = Tree::new(1);
    let supervisor = tree.supervisor(None, spec(Strategy::OneForOne));
    tree.child(supervisor, A, Restart::Permanent);
    tree.child(supervisor, B, Restart::Significant);
    check("significant", tree, &[(1, &[Event::Failed(B)], &[escalate(0, Escalation::Halt, B)])]);
}

#[test]
fn a_child_whose_shard_has_died_escalates_at_once_and_stops_nobody() {
    use Event::{Failed, Lost};
    for (above, below, then) in [
        (Escalation::Exit, Escalation::Halt, escalate(1, Escalation::Halt, A)),
        (Escalation::Exit, Escalation::Parent, escalate(0, Escalation::Exit, A)),
        (Escalation::Parent, Escalation::Parent, escalate(0, Escalation::Halt, A)),
    ] {
        let nested = || {
            let mut tree = Tree::new(1);
            let top = tree.supervisor(None, spec(Strategy::OneForAll).escalation(above));
            let nested = tree.supervisor(Some(top), spec(Strategy::OneForAll).escalation(below));
            tree.child(nested, A, Restart::Permanent);
            tree.child(nested, B, Restart::Permanent);
            tree.child(nested, C, Restart::Temporary);
            tree
        };
        check("it ran", nested(), &[(1, &[Lost(A), Failed(B)], &[then]), (2, &[Lost(B)], &[])]);
        check("it was being stopped", nested(), &[(1, &[Failed(B)], &[Action::End(C)]), (2, &[Lost(A)], &[then])]);
        check("it is temporary", nested(), &[(1, &[Lost(C)], &[Action::End(C)]), (2, &[Lost(A)], &[then])]);
    }
}

#[test]
fn a_restart_waits_longer_with_each_failure_and_others_do_not_wait_for_it() {
    use Event::{Failed, Started, Stopped};
    let ms = Duration::from_millis;
    let backoff = Backoff { first: ms(10), max: ms(15), jitter_percent: 0, reset_after: ms(1000) };
    let patient = |strategy| three(spec(strategy).intensity(9, ms(100)).backoff(backoff));
    let mut tree = patient(Strategy::OneForOne);
    let mut turn = |at_ms: u64, events: &[Event]| {
        let mut actions = Vec::new();
        tree.turn(at_ms * MS, events, &mut actions);
        (actions, tree.next_deadline_ns().map(|at_ns| at_ns / MS))
    };
    // At 0 it has not been up long.
    assert_eq!(turn(0, &[Failed(A)]), (vec![], Some(10)));
    assert_eq!(turn(5, &[Failed(B)]), (vec![], Some(10)));
    assert_eq!(turn(9, &[]), (vec![], Some(10)));
    assert_eq!(turn(10, &[]), (vec![start(A, 1)], Some(15)));
    assert_eq!(turn(15, &[Started(A)]), (vec![start(B, 1)], Some(5015)));
    assert_eq!(turn(20, &[Started(B), Failed(A)]), (vec![], Some(35)));
    assert_eq!(turn(35, &[]), (vec![start(A, 2)], Some(5035)));
    // It was up long enough: it waits as at first.
    assert_eq!(turn(36, &[Started(A)]), (vec![], None));
    assert_eq!(turn(1036, &[Failed(A)]), (vec![], Some(1046)));

    check(
        "a group stops at once and starts after the wait",
        patient(Strategy::OneForAll),
        &[
            (0, &[Failed(C)], &[Action::Stop(B)]),
            (1, &[Stopped(B)], &[Action::Stop(A)]),
            (2, &[Stopped(A)], &[]),
            (9, &[], &[]),
            (10, &[], &[start(A, 1)]),
            (11, &[Started(A)], &[start(B, 1)]),
        ],
    );
}

#[test]
fn starts_that_fail_are_failures_in_a_row_however_long_ago_it_was_up() {
    use Event::{Failed, Started};
    let ms = Duration::from_millis;
    let backoff = Backoff { first: ms(10), max: ms(1000), jitter_percent: 0, reset_after: ms(100) };
    let mut tree = three(spec(Strategy::OneForOne).intensity(99, ms(100)).backoff(backoff));
    let mut now_ms = 500;
    let mut fails = |tree: &mut Tree, event: &[Event]| {
        tree.turn(now_ms * MS, event, &mut Vec::new());
        let waits_ms = tree.next_deadline_ns().unwrap() / MS - now_ms;
        now_ms += waits_ms;
        tree.turn(now_ms * MS, &[], &mut Vec::new());
        waits_ms
    };
    // It was up for 500 ms, and its next ones never come up.
    let waits: Vec<u64> = (0..6).map(|_| fails(&mut tree, &[Failed(A)])).collect();
    assert_eq!(waits, [10, 20, 40, 80, 160, 320]);
    assert_eq!(fails(&mut tree, &[Started(A), Failed(A)]), 640, "it was up for no time");
}

#[test]
fn the_same_seed_gives_the_same_jitter() {
    let ms = Duration::from_millis;
    let backoff = Backoff { first: ms(100), max: ms(100), jitter_percent: 100, reset_after: ms(1) };
    let waits = |seed| {
        let mut tree = Tree::new(seed);
        let supervisor = tree.supervisor(None, spec(Strategy::OneForOne).backoff(backoff));
        tree.child(supervisor, A, Restart::Permanent);
        tree.child(supervisor, B, Restart::Permanent);
        [A, B].map(|actor| {
            tree.turn(0, &[Event::Failed(actor)], &mut Vec::new());
            tree.next_deadline_ns()
        })
    };
    assert_eq!(waits(1), waits(1));
    assert_ne!(waits(1), waits(2));
}

#[test]
fn who_neither_stops_nor_starts_in_time_halts_the_topology() {
    use Event::{Failed, Stopped};
    let slow = || three(spec(Strategy::RestForOne).deadline(Duration::from_millis(20)).escalation(Escalation::Exit));
    check(
        "no stop",
        slow(),
        &[(0, &[Failed(B)], &[Action::Stop(C)]), (19, &[], &[]), (20, &[], &[escalate(0, Escalation::Halt, C)])],
    );
    check(
        "no start",
        slow(),
        &[
            (0, &[Failed(B)], &[Action::Stop(C)]),
            (1, &[Stopped(C)], &[start(B, 1)]),
            (20, &[], &[]),
            (21, &[], &[escalate(0, Escalation::Halt, B)]),
            (22, &[], &[]),
        ],
    );
}

#[test]
fn the_generation_that_is_to_come_is_the_one_that_comes() {
    use Event::{Failed, Started};
    let wait = Duration::from_millis(7);
    let waits = Backoff { first: wait, max: wait, ..Backoff::NONE };
    let mut tree = three(spec(Strategy::OneForOne).intensity(u32::MAX, Duration::ZERO).backoff(waits));
    let mut now_ns = 0;
    for restart in 0..=u64::from(u16::MAX) {
        let mut actions = Vec::new();
        tree.turn(now_ns + MS, &[Failed(A)], &mut actions);
        let outlook = tree.outlook(A);
        let Some(Outlook::StartsAt { ns, generation }) = outlook else { panic!("{restart}: {outlook:?}") };
        tree.turn(ns, &[], &mut actions);
        assert_eq!(actions, [start(A, generation)], "{restart}");
        tree.turn(ns, &[Started(A)], &mut actions);
        now_ns = ns;
    }
}

#[test]
fn what_is_to_become_of_an_actor_is_known_after_its_failure() {
    use Event::Failed;
    let wait = Duration::from_millis(7);
    let waits = Backoff { first: wait, max: wait, ..Backoff::NONE };
    let cases = [
        (spec(Strategy::OneForOne), Outlook::Starts { generation: 1 }),
        (spec(Strategy::OneForOne).backoff(waits), Outlook::StartsAt { ns: 9 * MS, generation: 1 }),
        (spec(Strategy::OneForAll), Outlook::Waits),
    ];
    for (spec, outlook) in cases {
        let mut tree = three(spec);
        tree.turn(2 * MS, &[Failed(B)], &mut Vec::new());
        assert_eq!((tree.outlook(B), tree.outlook(D)), (Some(outlook), None));
    }
    let mut tree = Tree::new(1);
    let supervisor = tree.supervisor(None, spec(Strategy::OneForOne));
    tree.child(supervisor, A, Restart::Temporary);
    tree.turn(1, &[Failed(A)], &mut Vec::new());
    assert_eq!(tree.outlook(A), Some(Outlook::Ends));
}
