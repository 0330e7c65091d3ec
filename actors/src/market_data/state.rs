//! State of instruments and of the market apart from orders: halts, limits, auctions.

use corelane_codecs::{
    itch::{
        BreachedLevel, CrossType, EventCode, HaltReason, ImbalanceDirection, MarketCode, Message,
        OperationalHaltAction, RegShoAction, TradingState,
    },
    price::{Price4, Price8},
};

/// The collar of the auction that ends a limit-up limit-down pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuctionCollar {
    /// Price that the collar is calculated from.
    pub reference: Price4,
    /// Highest price of the auction.
    pub upper: Price4,
    /// Lowest price of the auction.
    pub lower: Price4,
    /// How often the auction was extended.
    pub extension: u32,
}

/// The last net order imbalance before a cross (NOII).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Imbalance {
    /// Time of the message, in nanoseconds since midnight.
    pub at_ns: u64,
    /// The cross.
    pub cross: Option<CrossType>,
    /// Shares that would match at the reference price.
    pub paired_shares: u64,
    /// Shares that would not match.
    pub imbalance_shares: u64,
    /// Side of these shares.
    pub direction: Option<ImbalanceDirection>,
    /// Price at which cross orders alone would match; zero if there is none.
    pub far: Price4,
    /// Price at which cross and continuous orders together would match; zero if there is none.
    pub near: Price4,
    /// Price at which the imbalance is calculated.
    pub reference: Price4,
}

/// The last cross.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cross {
    /// Time of the message, in nanoseconds since midnight.
    pub at_ns: u64,
    /// Kind of the cross.
    pub cross: Option<CrossType>,
    /// Shares matched; zero if nothing matched.
    pub shares: u64,
    /// Price of the cross.
    pub price: Price4,
}

/// State of an instrument. A field is `None` if the feed has not sent it, or sent a code that ITCH 5.0 does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InstrumentState {
    /// Trading state.
    pub trading: Option<TradingState>,
    /// Reason of the trading state.
    pub reason: Option<HaltReason>,
    /// Short sale price test.
    pub reg_sho: Option<RegShoAction>,
    /// Operational halts by market, in the order of [`MarketCode::ALL`].
    pub operational_halts: [bool; MarketCode::ALL.len()],
    /// Limit-up limit-down auction collar.
    pub collar: Option<AuctionCollar>,
    /// Last imbalance.
    pub imbalance: Option<Imbalance>,
    /// Last cross.
    pub cross: Option<Cross>,
}

/// State of the market.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MarketState {
    /// Last event of the day.
    pub event: Option<EventCode>,
    /// Index values of the market-wide circuit breaker's levels 1 to 3.
    pub breaker_levels: Option<[Price8; 3]>,
    /// The highest breached level.
    pub breached: Option<BreachedLevel>,
}

impl InstrumentState {
    /// Applies a message about this instrument. Messages about orders change nothing.
    pub(super) fn apply(&mut self, message: &Message<'_>) {
        let at_ns = message.timestamp_ns();
        match message {
            Message::StockTradingAction(action) => {
                self.trading = action.trading_state();
                self.reason = action.reason();
            }
            Message::RegShoRestriction(restriction) => self.reg_sho = restriction.reg_sho_action(),
            Message::OperationalHalt(halt) => {
                let market = halt.market_code().and_then(|code| MarketCode::ALL.iter().position(|one| *one == code));
                if let (Some(market), Some(action)) = (market, halt.operational_halt_action()) {
                    self.operational_halts[market] = action == OperationalHaltAction::Halted;
                }
            }
            Message::LuldAuctionCollar(collar) => {
                self.collar = Some(AuctionCollar {
                    reference: collar.auction_collar_reference_price.get(),
                    upper: collar.upper_auction_collar_price.get(),
                    lower: collar.lower_auction_collar_price.get(),
                    extension: collar.auction_collar_extension.get(),
                });
            }
            Message::NetOrderImbalance(imbalance) => {
                self.imbalance = Some(Imbalance {
                    at_ns,
                    cross: imbalance.cross_type(),
                    paired_shares: imbalance.paired_shares.get(),
                    imbalance_shares: imbalance.imbalance_shares.get(),
                    direction: imbalance.imbalance_direction(),
                    far: imbalance.far_price.get(),
                    near: imbalance.near_price.get(),
                    reference: imbalance.current_reference_price.get(),
                });
            }
            Message::CrossTrade(cross) => {
                let (shares, price) = (cross.shares.get(), cross.cross_price.get());
                self.cross = Some(Cross { at_ns, cross: cross.cross_type(), shares, price });
            }
            _ => {}
        }
    }
}

impl MarketState {
    /// Applies a message about the market as a whole. Other messages change nothing.
    pub(super) fn apply(&mut self, message: &Message<'_>) {
        match message {
            Message::SystemEvent(event) => self.event = event.event(),
            Message::MwcbDeclineLevels(levels) => {
                self.breaker_levels = Some([levels.level_1.get(), levels.level_2.get(), levels.level_3.get()]);
            }
            Message::MwcbStatus(status) => {
                let levels = [self.breached, status.breached_level()];
                self.breached = levels.into_iter().flatten().max_by_key(|level| level.to_wire());
            }
            _ => {}
        }
    }
}
