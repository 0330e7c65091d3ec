//! Messages that open and close the day, and notices about instruments or the market.

use corelane_codecs::IntoBytes;
use corelane_codecs::itch::{
    BreachedLevel, BrokenTrade, CrossTrade, CrossType, DirectListingPrice, EventCode, HaltReason, ImbalanceDirection,
    InterestFlag, IpoQuotingPeriod, LuldAuctionCollar, MarketCode, MarketMakerMode, MarketParticipantPosition,
    MwcbDeclineLevels, MwcbStatus, NetOrderImbalance, OperationalHalt, OperationalHaltAction, ParticipantState,
    PriceVariation, RegShoAction, RegShoRestriction, ReleaseQualifier, RetailInterest, StockDirectory,
    StockTradingAction, SystemEvent, TradingState,
};
use corelane_codecs::price::{Price4, Price8};
use corelane_codecs::text::Alpha;

use super::orders::FIRMS;
use super::{CLOSE_NS, Day, OPEN_NS};

impl Day {
    pub(super) fn event(&mut self, code: EventCode) {
        self.put(SystemEvent { header: self.market_header(), event_code: code.to_wire() }.as_bytes());
    }

    pub(super) fn directory(&mut self, index: usize) {
        let directory = StockDirectory {
            header: self.header(index),
            stock: self.instruments[index].symbol,
            market_category: b'Q',
            financial_status: b'N',
            round_lot_size: 100.into(),
            round_lots_only: b'N',
            issue_classification: b'C',
            issue_sub_type: Alpha::from_bytes(*b"Z "),
            authenticity: b'P',
            short_sale_threshold: b'N',
            ipo_flag: b'N',
            luld_tier: b'1',
            etp_flag: b'N',
            etp_leverage: 0.into(),
            inverse: b'N',
        };
        self.put(directory.as_bytes());
    }

    pub(super) fn trading_starts(&mut self, index: usize) {
        self.trading_action(index, TradingState::Trading, HaltReason::NotAvailable);
    }

    fn trading_action(&mut self, index: usize, state: TradingState, reason: HaltReason) {
        let action = StockTradingAction {
            header: self.header(index),
            stock: self.instruments[index].symbol,
            trading_state: state.to_wire(),
            reserved: b' ',
            reason: reason.to_wire(),
        };
        self.put(action.as_bytes());
    }

    pub(super) fn reg_sho(&mut self, index: usize) {
        self.restriction(index, RegShoAction::NoRestriction);
    }

    fn restriction(&mut self, index: usize, action: RegShoAction) {
        let stock = self.instruments[index].symbol;
        let reg_sho_action = action.to_wire();
        self.put(RegShoRestriction { header: self.header(index), stock, reg_sho_action }.as_bytes());
    }

    pub(super) fn position(&mut self, index: usize) {
        let position = MarketParticipantPosition {
            header: self.header(index),
            mpid: FIRMS[self.rng.below(4) as usize],
            stock: self.instruments[index].symbol,
            primary_market_maker: b'Y',
            market_maker_mode: MarketMakerMode::Normal.to_wire(),
            market_participant_state: ParticipantState::Active.to_wire(),
        };
        self.put(position.as_bytes());
    }

    /// The levels are 7, 13 and 20 % below a synthetic index.
    pub(super) fn decline_levels(&mut self) {
        const INDEX: u64 = 440_000_000_000;
        let level = |percent: u64| Price8::from_raw(INDEX / 100 * (100 - percent)).into();
        let levels = MwcbDeclineLevels {
            header: self.market_header(),
            level_1: level(7),
            level_2: level(13),
            level_3: level(20),
        };
        self.put(levels.as_bytes());
    }

    /// A message that does not change books.
    pub(super) fn notice(&mut self, kind: u8) {
        let index = self.any();
        match kind {
            b'I' => self.imbalance(index),
            b'L' => self.position(index),
            b'Q' => self.cross(index),
            b'H' => self.pause_or_resume(index),
            b'J' => self.collar(index),
            b'h' => self.halt_or_resume(index),
            b'B' => self.break_trade(),
            b'Y' => self.restriction(index, RegShoAction::RestrictedIntraday),
            b'N' => self.retail_interest(index),
            b'K' => self.quoting_period(index),
            b'O' => self.direct_listing(index),
            _ => self.breaker(),
        }
    }

    fn middle(&self, index: usize) -> Price4 {
        self.price(index, self.books[index].middle())
    }

    /// `percent` percent of the mid price.
    fn around(&self, index: usize, percent: u32) -> Price4 {
        let middle = self.middle(index).raw();
        Price4::from_raw(middle / 100 * percent).min(Price4::HIGHEST)
    }

    fn is_morning(&self) -> bool {
        self.now_ns < OPEN_NS.midpoint(CLOSE_NS)
    }

    fn imbalance(&mut self, index: usize) {
        let directions = [ImbalanceDirection::Buy, ImbalanceDirection::Sell, ImbalanceDirection::None];
        let direction = directions[self.rng.below(3) as usize];
        let shares = if direction == ImbalanceDirection::None { 0 } else { 100 * self.rng.between(1, 500) };
        let price = self.middle(index).into();
        let cross = if self.is_morning() { CrossType::Opening } else { CrossType::Closing };
        let imbalance = NetOrderImbalance {
            header: self.header(index),
            paired_shares: (100 * self.rng.below(1_000)).into(),
            imbalance_shares: shares.into(),
            imbalance_direction: direction.to_wire(),
            stock: self.instruments[index].symbol,
            far_price: price,
            near_price: price,
            current_reference_price: price,
            cross_type: cross.to_wire(),
            price_variation_indicator: PriceVariation::Below1Percent.to_wire(),
        };
        self.put(imbalance.as_bytes());
    }

    /// A cross in the paused instrument, if there is one.
    fn cross(&mut self, index: usize) {
        let (index, cross) = match self.paused {
            Some(paused) => (paused, CrossType::HaltOrIpo),
            None if self.is_morning() => (index, CrossType::Opening),
            None => (index, CrossType::Closing),
        };
        let message = CrossTrade {
            header: self.header(index),
            shares: (100 * self.rng.between(1, 10_000)).into(),
            stock: self.instruments[index].symbol,
            cross_price: self.middle(index).into(),
            match_number: self.take_match(index).into(),
            cross_type: cross.to_wire(),
        };
        self.put(message.as_bytes());
    }

    /// Pauses an instrument, or resumes the paused one. At most one instrument is paused at a time.
    fn pause_or_resume(&mut self, index: usize) {
        match self.paused.take() {
            Some(paused) => self.trading_action(paused, TradingState::Trading, HaltReason::NotAvailable),
            None => {
                self.paused = Some(index);
                self.trading_action(index, TradingState::Paused, HaltReason::VolatilityPause);
            }
        }
    }

    /// An auction collar of the paused instrument. If none is paused, pauses one instead.
    fn collar(&mut self, index: usize) {
        let Some(index) = self.paused else { return self.pause_or_resume(index) };
        let collar = LuldAuctionCollar {
            header: self.header(index),
            stock: self.instruments[index].symbol,
            auction_collar_reference_price: self.middle(index).into(),
            upper_auction_collar_price: self.around(index, 105).into(),
            lower_auction_collar_price: self.around(index, 95).into(),
            auction_collar_extension: (self.rng.below(3) as u32).into(),
        };
        self.put(collar.as_bytes());
    }

    /// Halts an instrument, or resumes the halted one. At most one instrument is halted at a time.
    fn halt_or_resume(&mut self, index: usize) {
        let (index, action) = match self.halted.take() {
            Some(halted) => (halted, OperationalHaltAction::Trading),
            None => {
                self.halted = Some(index);
                (index, OperationalHaltAction::Halted)
            }
        };
        let halt = OperationalHalt {
            header: self.header(index),
            stock: self.instruments[index].symbol,
            market_code: MarketCode::Nasdaq.to_wire(),
            operational_halt_action: action.to_wire(),
        };
        self.put(halt.as_bytes());
    }

    /// Breaks the last trade. If it is already broken, trades instead.
    fn break_trade(&mut self) {
        let Some((match_number, index)) = self.unbroken.take() else { return self.trade() };
        self.put(BrokenTrade { header: self.header(index), match_number: match_number.into() }.as_bytes());
    }

    fn retail_interest(&mut self, index: usize) {
        let interest_flag = InterestFlag::ALL[self.rng.below(4) as usize].to_wire();
        let stock = self.instruments[index].symbol;
        self.put(RetailInterest { header: self.header(index), stock, interest_flag }.as_bytes());
    }

    fn quoting_period(&mut self, index: usize) {
        let period = IpoQuotingPeriod {
            header: self.header(index),
            stock: self.instruments[index].symbol,
            ipo_quotation_release_time: ((CLOSE_NS / 1_000_000_000) as u32).into(),
            ipo_quotation_release_qualifier: ReleaseQualifier::Anticipated.to_wire(),
            ipo_price: self.middle(index).into(),
        };
        self.put(period.as_bytes());
    }

    fn direct_listing(&mut self, index: usize) {
        let listing = DirectListingPrice {
            header: self.header(index),
            stock: self.instruments[index].symbol,
            open_eligibility_status: b'N',
            minimum_allowable_price: self.around(index, 80).into(),
            maximum_allowable_price: self.around(index, 180).into(),
            near_execution_price: self.middle(index).into(),
            near_execution_time: self.now_ns.into(),
            lower_price_range_collar: self.around(index, 90).into(),
            upper_price_range_collar: self.around(index, 110).into(),
        };
        self.put(listing.as_bytes());
    }

    /// Breaches each level once, in order. After that, adds an order instead.
    fn breaker(&mut self) {
        match BreachedLevel::ALL.get(usize::from(self.breached_levels)) {
            None => self.add(false),
            Some(level) => {
                self.breached_levels += 1;
                let status = MwcbStatus { header: self.market_header(), breached_level: level.to_wire() };
                self.put(status.as_bytes());
            }
        }
    }
}
