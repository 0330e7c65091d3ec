//! The real actor, which shows the state of instruments and of the market after each batch.

use std::sync::{Arc, Mutex};

use corelane_actors::{
    market_data::{InstrumentState, MarketData, MarketDataIn, MarketDataOut, MarketState},
    types::Locate,
};
use corelane_runtime::{
    actor::{Actor, Context, NetActor, Step},
    net::{Datagram, EndpointId},
    telemetry::TimingSet,
};

/// A datagram that the actor fails on.
pub(super) const POISON: &[u8] = b"poison";

/// The latest state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    /// Instruments by locate, minus 1.
    pub instruments: Vec<InstrumentState>,
    pub market: MarketState,
}

pub(super) struct Watched {
    pub actor: MarketData,
    pub instruments: usize,
    pub shown: Arc<Mutex<Shown>>,
}

type Ctx<'a> = Context<'a, MarketDataOut>;

impl Actor for Watched {
    type In = MarketDataIn;
    type Out = MarketDataOut;
    const OUTPUTS_MAX: usize = MarketData::OUTPUTS_MAX;
    const TIMERS_MAX: usize = MarketData::TIMERS_MAX;
    const TIMINGS: TimingSet = MarketData::TIMINGS;

    fn on_start(&mut self, ctx: &mut Ctx<'_>) {
        self.actor.on_start(ctx);
    }

    fn on_message(&mut self, ctx: &mut Ctx<'_>, message: &MarketDataIn) -> Step {
        self.actor.on_message(ctx, message)
    }

    fn on_timer(&mut self, ctx: &mut Ctx<'_>, token: u64) {
        self.actor.on_timer(ctx, token);
    }

    fn on_batch_end(&mut self, ctx: &mut Ctx<'_>) {
        self.actor.on_batch_end(ctx);
        let books = self.actor.books();
        let state = |locate| *books.state(locate);
        let instruments = Locate::first(self.instruments).map(state).collect();
        *self.shown.lock().unwrap() = Shown { instruments, market: *books.market() };
    }
}

impl NetActor for Watched {
    fn on_datagram(&mut self, ctx: &mut Ctx<'_>, endpoint: EndpointId, datagram: &Datagram<'_>) {
        assert!(datagram.payload != POISON, "it fails because the test says so");
        self.actor.on_datagram(ctx, endpoint, datagram);
    }
}
