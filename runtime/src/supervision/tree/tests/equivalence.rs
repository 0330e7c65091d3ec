//! The tree does what OTP does, for random trees, failures and starts that fail.

use std::{collections::HashSet, time::Duration};

use proptest::{prelude::*, strategy::Strategy as Strategy_};

use super::super::{Action, Event, SupervisorId, Tree};
use super::otp::{Child, Otp, Plan, restart_of};
use crate::{
    supervision::{Escalation, Strategy, SupervisorSpec},
    topology::ids::ActorIndex,
};

/// A moment of a test: time passes, starts of some actors are made to fail, and children of one supervisor fail together.
#[derive(Clone, Debug)]
struct Step {
    passes_ns: u64,
    failing_starts: Vec<(usize, u32)>,
    supervisor: usize,
    failing: Vec<usize>,
}

fn plans() -> impl Strategy_<Value = Plan> {
    let strategy = prop_oneof![Just(Strategy::OneForOne), Just(Strategy::RestForOne), Just(Strategy::OneForAll)];
    let actor = || any::<u8>().prop_map(|kind| Child::Actor { actor: 0, is_temporary: kind.is_multiple_of(4) });
    let plan = move |children: BoxedStrategy<Child>| {
        (strategy.clone(), 0..4_u32, 1..40_u64, prop::collection::vec(children, 1..5))
            .prop_map(|(strategy, intensity, period_ns, children)| Plan { strategy, intensity, period_ns, children })
    };
    let lowest = plan(actor().boxed()).prop_map(Child::Supervisor);
    let middle = plan(prop_oneof![2 => actor(), 1 => lowest.clone()].boxed()).prop_map(Child::Supervisor);
    plan(prop_oneof![2 => actor(), 1 => lowest, 1 => middle].boxed()).prop_map(|mut plan| {
        let mut next = 0;
        number(&mut plan, &mut next);
        plan
    })
}

fn number(plan: &mut Plan, next: &mut u32) {
    for child in &mut plan.children {
        match child {
            Child::Actor { actor, .. } => {
                *actor = *next;
                *next += 1;
            }
            Child::Supervisor(plan) => number(plan, next),
        }
    }
}

fn steps() -> impl Strategy_<Value = Vec<Step>> {
    let failing_starts = prop::collection::vec((any::<usize>(), 1..4_u32), 0..2);
    let failing = prop::collection::vec(any::<usize>(), 1..4);
    let step = (0..30_u64, failing_starts, any::<usize>(), failing).prop_map(
        |(passes_ns, failing_starts, supervisor, failing)| Step { passes_ns, failing_starts, supervisor, failing },
    );
    prop::collection::vec(step, 1..20)
}

/// Declares a plan; `families` gets the actors under each supervisor that has any.
fn declare(tree: &mut Tree, parent: Option<SupervisorId>, plan: &Plan, families: &mut Vec<Vec<u32>>) {
    let spec = SupervisorSpec::new("", plan.strategy)
        .intensity(plan.intensity, Duration::from_nanos(plan.period_ns))
        .escalation(Escalation::Parent);
    let supervisor = tree.supervisor(parent, spec);
    let mut actors = Vec::new();
    for child in &plan.children {
        match child {
            &Child::Actor { actor, is_temporary } => {
                tree.child(supervisor, ActorIndex::new(actor), restart_of(is_temporary));
                actors.push(actor);
            }
            Child::Supervisor(plan) => declare(tree, Some(supervisor), plan, families),
        }
    }
    if !actors.is_empty() {
        families.push(actors);
    }
}

/// Lets the actors fail and answers all that the tree asks for; returns what that was, and whether it has escalated.
fn fail(tree: &mut Tree, now_ns: u64, actors: &[u32], failing_starts: &mut [u32]) -> (Vec<Action>, bool) {
    let mut events: Vec<Event> = actors.iter().map(|&actor| Event::Failed(ActorIndex::new(actor))).collect();
    let (mut done, mut escalated) = (Vec::new(), false);
    // To stop one that has failed does nothing; whether the tree knows that already depends on the order of events.
    let mut dead: HashSet<ActorIndex> = actors.iter().map(|&actor| ActorIndex::new(actor)).collect();
    while !events.is_empty() {
        let mut actions = Vec::new();
        tree.turn(now_ns, &events, &mut actions);
        events.clear();
        for action in actions {
            if let Action::Start { actor, .. } = action {
                dead.remove(&actor);
            }
            match action {
                Action::Start { actor, .. } if failing_starts[actor.position()] > 0 => {
                    failing_starts[actor.position()] -= 1;
                    events.push(Event::Failed(actor));
                }
                Action::Start { actor, .. } => events.push(Event::Started(actor)),
                Action::Stop(actor) | Action::End(actor) => events.push(Event::Stopped(actor)),
                Action::Escalate { .. } => {
                    escalated = true;
                    continue;
                }
            }
            if !matches!(action, Action::Stop(actor) if dead.contains(&actor)) {
                done.push(action);
            }
        }
    }
    (done, escalated)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_tree_does_what_otp_does(plan in plans(), steps in steps()) {
        let mut tree = Tree::new(1);
        let mut families = Vec::new();
        declare(&mut tree, None, &plan, &mut families);
        prop_assume!(!families.is_empty());
        let actors = families.iter().map(Vec::len).sum();
        let mut otp = Otp::new(&plan, actors);
        let mut now_ns = 1_000;
        for step in &steps {
            now_ns += step.passes_ns;
            let family = &families[step.supervisor % families.len()];
            let mut failing: Vec<u32> = step.failing.iter().map(|at| family[at % family.len()]).collect();
            let mut seen = HashSet::new();
            failing.retain(|actor| seen.insert(*actor));
            for &(actor, times) in &step.failing_starts {
                otp.failing_starts[actor % actors] = times;
            }
            if failing.len() > 1 {
                // Whether a start fails before or after the next failure is a matter of time, which OTP's has not.
                otp.failing_starts.fill(0);
            }
            let mut failing_starts = otp.failing_starts.clone();
            otp.trace.clear();
            otp.exit(now_ns, &failing);
            let (done, escalated) = fail(&mut tree, now_ns, &failing, &mut failing_starts);
            prop_assert_eq!(&done, &otp.trace, "at {} {:?}", now_ns, step);
            prop_assert_eq!(escalated, otp.has_shut_down, "at {}", now_ns);
            if escalated {
                break;
            }
            prop_assert_eq!(tree.next_deadline_ns(), None, "all is at rest");
        }
    }
}
