//! The deterministic group of a venue, the same in a server, in tests and in a replay.
//!
//! ```text
//!   sequencer ─▶ ┌ group ─────────────────────────────────┐
//!                │ order ─▶ risk ─▶ matching ─────────────┼─▶ publications
//!                │   ▲ ▲      │         │                 │
//!                │   │ └──────┘ refusal │ events          │
//!   replies ◀────┼── └──────────────────┘                 │
//!                └────────────────────────────────────────┘
//! ```
//!
//! The three are state machines that do not know each other. The group calls them one after the other, inline: a message
//! between two actors of a shard would cost more than most of the work that it leads to (see `ARCHITECTURE.md`).
//!
//! When an edge for replies or publications is full, the group pauses, even in the middle of a sweep. Nothing is lost, and
//! the next input waits.

use std::fmt;

use corelane_codecs::{
    itch::{EventCode, TradingState},
    ouch::{self, CancelReason, RejectReason},
};
use corelane_runtime::{
    actor::{SequencedActor, SequencedContext, Step},
    fault,
    message::Envelope,
    ports,
    telemetry::Counters,
    topology::{ActorId, ShardId, Topology},
};

use super::{
    counts::GroupCount,
    matching::{BookMemory, ENTRIES_PER_STEP, Events, Matching, Outlets},
    order::{NumberPlace, Order, Reduction, Replacement, Replies},
    risk::Risk,
};
use crate::types::{
    Command, Event, Exposure, GroupConfig, GroupConfigError, Increase, KillSwitch, Locate, MarketEvent, MassCancel,
    OrderSlot, PortId, Publication, Quantity, Replace, Reply, Scope,
};

ports! {
    /// The outputs of the group.
    pub struct GroupOut {
        /// OUCH answers to clients.
        replies: Reply,
        /// ITCH messages of the venue's feed.
        publications: Publication,
    }
}

/// The sequenced actor of a venue. Its only input is the sequenced stream.
pub struct Group {
    order: Order,
    risk: Risk,
    matching: Matching,
    /// Whether matching has more steps to do for the current input.
    is_matching: bool,
    /// The client's mass cancel that is being carried out.
    selecting: Option<Selection>,
    /// Whether the current input ends pauses, and more of them may be over.
    is_ending_pauses: bool,
    /// Whether the current input is an operator's command that is not done.
    is_commanded: bool,
    /// The ports that are still to be told of the start or the end of the day, once matching has finished the input.
    announcement: Option<Announcement>,
    ports: usize,
    counters: Counters<GroupCount>,
    /// The place that the last [`prefetch`](SequencedActor::prefetch) found.
    expected_place: NumberPlace,
}

/// A system event on its way to all clients.
#[derive(Clone, Copy)]
struct Announcement {
    event: ouch::EventCode,
    /// The next port to tell.
    next: usize,
}

/// A client's mass cancel, and the next of the port's resting orders to look at.
#[derive(Clone, Copy)]
struct Selection {
    request: MassCancel,
    next: Option<OrderSlot>,
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("matching", &self.matching).finish_non_exhaustive()
    }
}

impl Group {
    /// A group with empty tables, sized by a [checked](GroupConfig::check) configuration, that counts in `counters`.
    #[must_use]
    pub fn new(config: &GroupConfig, counters: Counters<GroupCount>) -> Group {
        Group {
            order: Order::new(config),
            risk: Risk::new(config),
            matching: Matching::new(config),
            is_matching: false,
            selecting: None,
            is_ending_pauses: false,
            is_commanded: false,
            announcement: None,
            ports: config.ports.len(),
            counters,
            expected_place: NumberPlace::default(),
        }
    }

    /// Memory of the open orders and of the users' numbers, and of the books, in bytes.
    #[must_use]
    pub fn bytes(config: &GroupConfig) -> (usize, usize) {
        (Order::bytes(config), Matching::bytes(config))
    }

    /// Memory of the books' price levels by instrument, window and level; part of the books' memory.
    #[must_use]
    pub fn level_memory(config: &GroupConfig) -> BookMemory {
        Matching::level_memory(config)
    }

    /// Lets risk check a new order, and matching enter it if it passes.
    #[inline]
    fn enter(&mut self, ctx: &mut SequencedContext<'_, GroupOut>, exposure: &Exposure) {
        match self.risk.check(exposure, || self.matching.prices(exposure.order.locate)) {
            Ok(()) => self.run_matching(ctx, |matching, out| matching.enter(out, &exposure.order)),
            Err(reason) => self.order.refuse(exposure.order.slot, reason, &mut replies(ctx)),
        }
    }

    /// Lets risk check what a replace raises. If that is refused, the existing order stays.
    #[inline(never)]
    fn replace(&mut self, ctx: &mut SequencedContext<'_, GroupOut>, replace: &Replace) {
        match self.order.replace(replace, &mut replies(ctx)) {
            None => self.tell_of_pause(ctx),
            Some(Replacement::Cancel(slot, reason)) => self.run_matching(ctx, |matching, out| {
                matching.cancel(out, slot, Quantity::MAX, reason);
                Step::Done
            }),
            Some(Replacement::Order(exposure, increase)) => match self.check_replace(&exposure, increase) {
                Ok(()) => self.run_matching(ctx, |matching, out| matching.replace(out, &exposure.order)),
                Err(reason) => self.order.refuse_replace(replace, reason, &mut replies(ctx)),
            },
        }
    }

    fn check_replace(&mut self, exposure: &Exposure, increase: Increase) -> Result<(), RejectReason> {
        let order = &exposure.order;
        self.risk.check_replace(exposure, increase, || self.matching.prices(order.locate))?;
        if self.matching.has_room_to_replace(order) { Ok(()) } else { Err(RejectReason::ProcessingError) }
    }

    #[cold]
    fn kill_switch(&mut self, ctx: &mut SequencedContext<'_, GroupOut>, switch: &KillSwitch) {
        if self.risk.turn_kill_switch(switch) && switch.is_engaged() {
            self.mass_cancel(ctx, switch.scope(), CancelReason::Supervisory);
        }
        self.counters.set(GroupCount::PortsStopped, self.risk.ports_stopped());
        self.note_command();
    }

    /// Counts an operator's command once its last step has run.
    #[cold]
    fn note_command(&mut self) {
        self.is_commanded = self.step() == Step::More;
        if !self.is_commanded {
            self.counters.add(GroupCount::CommandsDone, 1);
        }
    }

    /// Runs the first step of a mass cancel: all orders of a scope.
    #[cold]
    fn mass_cancel(&mut self, ctx: &mut SequencedContext<'_, GroupOut>, scope: Scope, reason: CancelReason) {
        self.run_matching(ctx, |matching, out| matching.cancel_all(out, scope, reason));
    }

    /// Runs the first step of a market event. One that does not come next in the day is ignored, and done.
    #[cold]
    fn market_event(&mut self, ctx: &mut SequencedContext<'_, GroupOut>, event: &MarketEvent) {
        let event = EventCode::from_wire(event.code).filter(|event| self.order.market_event(*event));
        self.counters.set(GroupCount::InstrumentsPaused, self.order.paused() as u64);
        if let Some(event) = event {
            self.run_matching(ctx, |matching, out| matching.market_event(out, event));
            let told = match event {
                EventCode::StartOfSystemHours => Some(ouch::EventCode::StartOfDay),
                EventCode::EndOfSystemHours => Some(ouch::EventCode::EndOfDay),
                _ => None,
            };
            self.announcement = told.map(|event| Announcement { event, next: 0 });
        }
        self.note_command();
    }

    /// Tells subscribers of a pause that the input has begun.
    #[cold]
    fn tell_of_pause(&mut self, ctx: &mut SequencedContext<'_, GroupOut>) {
        if let Some(locate) = self.order.take_begun_pause() {
            self.publish_state(ctx, locate, TradingState::Paused);
        }
    }

    /// Runs a step of the end of the pauses that are over.
    #[cold]
    fn end_pauses(&mut self, ctx: &mut SequencedContext<'_, GroupOut>) {
        for _ in 0..ENTRIES_PER_STEP {
            let Some(locate) = self.order.end_pause(ctx.time_ns()) else {
                self.is_ending_pauses = false;
                return;
            };
            self.publish_state(ctx, locate, TradingState::Trading);
        }
        self.is_ending_pauses = true;
    }

    fn publish_state(&mut self, ctx: &mut SequencedContext<'_, GroupOut>, locate: Locate, state: TradingState) {
        self.counters.set(GroupCount::InstrumentsPaused, self.order.paused() as u64);
        self.run_matching(ctx, |matching, out| {
            matching.trading_state(out, locate, state);
            Step::Done
        });
    }

    /// Tells the next ports of the start or the end of the day.
    fn announce(&mut self, ctx: &mut SequencedContext<'_, GroupOut>, announcement: Announcement) {
        let Announcement { event, next } = announcement;
        let end = self.ports.min(next + Group::OUTPUTS_MAX);
        for port in next..end {
            self.order.announce(PortId::from_index(port), event, &mut replies(ctx));
        }
        self.announcement = (end < self.ports).then_some(Announcement { event, next: end });
    }

    /// Runs a step of the client's mass cancel that is being carried out.
    #[cold]
    fn cancel_selected(&mut self, ctx: &mut SequencedContext<'_, GroupOut>) {
        let Some(Selection { request, mut next }) = self.selecting.take() else {
            return;
        };
        for _ in 0..ENTRIES_PER_STEP {
            let Some(slot) = next else {
                return;
            };
            next = self.matching.after(slot);
            if self.order.is_meant(&request, slot) {
                self.run_matching(ctx, |matching, out| {
                    matching.cancel(out, slot, Quantity::MAX, CancelReason::UserRequested);
                    Step::Done
                });
            }
        }
        self.selecting = Some(Selection { request, next });
    }

    /// Runs a step of matching.
    #[inline(always)]
    fn run_matching(
        &mut self,
        ctx: &mut SequencedContext<'_, GroupOut>,
        run: impl FnOnce(&mut Matching, &mut Outlets<'_, Answers<'_>>) -> Step,
    ) {
        let time_ns = ctx.time_ns();
        let GroupOut { replies, publications } = &mut ctx.out;
        let replies = Replies { port: replies, time_ns };
        // Each event of matching is answered at once.
        let answers = Answers { order: &mut self.order, replies };
        let mut out = Outlets::new(answers, publications, time_ns);
        self.is_matching = run(&mut self.matching, &mut out) == Step::More;
    }

    #[inline]
    fn step(&self) -> Step {
        if self.is_matching || self.announcement.is_some() || self.selecting.is_some() || self.is_ending_pauses {
            Step::More
        } else {
            Step::Done
        }
    }
}

#[inline]
fn replies<'a>(ctx: &'a mut SequencedContext<'_, GroupOut>) -> Replies<'a> {
    let time_ns = ctx.time_ns();
    Replies { port: &mut ctx.out.replies, time_ns }
}

/// Answers the events of matching.
struct Answers<'a> {
    order: &'a mut Order,
    replies: Replies<'a>,
}

impl Events for Answers<'_> {
    #[inline(always)]
    fn on_event(&mut self, event: Event) {
        self.order.event(&event, &mut self.replies);
    }
}

impl SequencedActor for Group {
    type In = Command;
    type Out = GroupOut;
    /// As many as matching has: each of its events is answered once.
    const OUTPUTS_MAX: usize = Matching::OUTPUTS_MAX;

    #[inline]
    fn on_message(&mut self, ctx: &mut SequencedContext<'_, GroupOut>, command: &Command) -> Step {
        fault!("group.command");
        // Risk checks new orders and replaces, and lets cancels pass.
        match command {
            Command::Enter(enter) => {
                let exposure = self.order.enter(enter, &mut replies(ctx));
                match &exposure {
                    Some(exposure) => self.enter(ctx, exposure),
                    None => self.tell_of_pause(ctx),
                }
            }
            Command::Cancel(cancel) => {
                if let Some(Reduction { slot, quantity }) = self.order.cancel(cancel) {
                    self.run_matching(ctx, |matching, out| {
                        matching.cancel(out, slot, quantity, Reduction::REASON);
                        Step::Done
                    });
                }
            }
            Command::Replace(replace) => self.replace(ctx, replace),
            Command::LogIn(change) => self.order.log_in(change),
            Command::Modify(modify) => {
                if let Some(Reduction { slot, quantity }) = self.order.modify(modify) {
                    self.run_matching(ctx, |matching, out| {
                        matching.modify(out, slot, quantity);
                        Step::Done
                    });
                }
            }
            Command::MassCancel(request) => {
                if self.order.mass_cancel(request, &mut replies(ctx)) {
                    self.selecting = Some(Selection { request: *request, next: self.matching.first_of(request.port) });
                    self.cancel_selected(ctx);
                }
            }
            Command::EntrySwitch(switch) => self.order.switch_entry(switch, &mut replies(ctx)),
            Command::AccountQuery(query) => self.order.account_query(query, &mut replies(ctx)),
            Command::OtherChannel(request) => self.order.reject_other_channel(request, &mut replies(ctx)),
            Command::Disconnect(change) => {
                if self.order.cancels_at(change) {
                    self.mass_cancel(ctx, Scope::Port(change.port), CancelReason::System);
                }
            }
            Command::KillSwitch(switch) => self.kill_switch(ctx, switch),
            Command::MarketEvent(event) => self.market_event(ctx, event),
            Command::EndPauses => self.end_pauses(ctx),
        }
        self.step()
    }

    /// Prefetches the orders of the coming commands. Two dependent loads find an order: its number's place holds the slot
    /// of the order. So the place is prefetched two commands ahead and kept in `expected_place`, and the order itself one
    /// command ahead. At the start of a batch the kept place belongs to another command, and that prefetch is wasted.
    #[inline]
    fn prefetch(&mut self, coming: &[Envelope<Command>]) {
        let Some(second) = coming.get(1) else {
            return;
        };
        let slot = self.order.at(self.expected_place);
        self.order.prefetch_order(slot);
        self.matching.prefetch_order(slot);
        self.expected_place = self.order.prefetch_place(&second.body).unwrap_or(self.expected_place);
    }

    fn on_more(&mut self, ctx: &mut SequencedContext<'_, GroupOut>) -> Step {
        fault!("group.more");
        if self.is_matching {
            self.run_matching(ctx, |matching, out| matching.resume(out));
        } else if let Some(announcement) = self.announcement {
            self.announce(ctx, announcement);
        } else if self.is_ending_pauses {
            self.end_pauses(ctx);
        } else {
            self.cancel_selected(ctx);
        }
        if self.is_commanded {
            self.note_command();
        }
        self.step()
    }
}

/// Declares the group in a topology. The caller connects a sequencer to it, and its two outputs, and keeps a clone of
/// `counters` to read.
///
/// # Errors
/// Those of [`GroupConfig::check`].
pub fn wire_group(
    topology: &mut Topology,
    shard: ShardId,
    config: GroupConfig,
    counters: Counters<GroupCount>,
) -> Result<ActorId<Group>, GroupConfigError> {
    config.check()?;
    Ok(topology.sequenced(shard, "group", move || Group::new(&config, counters)))
}
