//! Messages about the day, the market and instruments.
#![expect(
    missing_debug_implementations,
    reason = "the messages implement Debug, the helper types that zerocopy derives do not"
)]

use zerocopy::big_endian::U32;

use super::codes::{
    Authenticity, BreachedLevel, EventCode, FinancialStatus, IssueClassification, LuldTier, MarketCategory, MarketCode,
    MarketMakerMode, OperationalHaltAction, ParticipantState, RegShoAction, ReleaseQualifier, TradingState,
};
use super::halt_reason::HaltReason;
use super::layout::itch_messages;
use crate::price::{WirePrice4, WirePrice8};
use crate::text::{Alpha, Mpid, Symbol};
use crate::wire::YesNo;

itch_messages! {
    /// System event (`S`), 12 bytes.
    pub struct SystemEvent: b'S' "system event (S)" {
        /// An [`EventCode`], see [`SystemEvent::event`].
        event_code: u8 as event: EventCode,
    }

    /// Stock directory (`R`), 39 bytes. Flags may be a space, "not available", where the text allows it.
    pub struct StockDirectory: b'R' "stock directory (R)" {
        /// Symbol of the instrument that has this locate today.
        stock: Symbol,
        /// Listing market, a [`MarketCategory`].
        market_category: u8 as market_category: MarketCategory,
        /// A [`FinancialStatus`].
        financial_status: u8 as financial_status: FinancialStatus,
        /// Shares of a round lot.
        round_lot_size: U32,
        /// Only round lots: `Y` or `N`.
        round_lots_only: u8 as round_lots_only: YesNo,
        /// An [`IssueClassification`].
        issue_classification: u8 as issue_classification: IssueClassification,
        /// Its sub-type.
        issue_sub_type: Alpha<2>,
        /// Live `P` or test `T`.
        authenticity: u8 as authenticity: Authenticity,
        /// Under the short sale threshold rule: `Y`, `N` or space.
        short_sale_threshold: u8 as short_sale_threshold: YesNo,
        /// New by IPO: `Y`, `N` or space.
        ipo_flag: u8 as ipo_flag: YesNo,
        /// Limit-up limit-down tier: `1`, `2` or space.
        luld_tier: u8 as luld_tier: LuldTier,
        /// Exchange-traded product: `Y`, `N` or space.
        etp_flag: u8 as etp_flag: YesNo,
        /// Its leverage.
        etp_leverage: U32,
        /// Inverse product: `Y` or `N`.
        inverse: u8 as inverse: YesNo,
    }

    /// Stock trading action (`H`), 25 bytes: halts, pauses, and their ends.
    pub struct StockTradingAction: b'H' "stock trading action (H)" {
        /// Symbol.
        stock: Symbol,
        /// A [`TradingState`].
        trading_state: u8 as trading_state: TradingState,
        /// Reserved.
        reserved: u8,
        /// A [`HaltReason`].
        reason: Alpha<4> as reason: HaltReason,
    }

    /// Reg SHO short sale price test restriction (`Y`), 20 bytes.
    pub struct RegShoRestriction: b'Y' "Reg SHO restriction (Y)" {
        /// Symbol.
        stock: Symbol,
        /// A [`RegShoAction`].
        reg_sho_action: u8 as reg_sho_action: RegShoAction,
    }

    /// Market participant position (`L`), 26 bytes.
    pub struct MarketParticipantPosition: b'L' "market participant position (L)" {
        /// The firm.
        mpid: Mpid,
        /// Symbol.
        stock: Symbol,
        /// Primary market maker: `Y` or `N`.
        primary_market_maker: u8 as primary_market_maker: YesNo,
        /// A [`MarketMakerMode`].
        market_maker_mode: u8 as market_maker_mode: MarketMakerMode,
        /// A [`ParticipantState`].
        market_participant_state: u8 as market_participant_state: ParticipantState,
    }

    /// Decline levels of the market-wide circuit breaker (`V`), 35 bytes.
    pub struct MwcbDeclineLevels: b'V' "MWCB decline levels (V)" {
        /// Index value of level 1.
        level_1: WirePrice8,
        /// Index value of level 2.
        level_2: WirePrice8,
        /// Index value of level 3.
        level_3: WirePrice8,
    }

    /// Market-wide circuit breaker status (`W`), 12 bytes.
    pub struct MwcbStatus: b'W' "MWCB status (W)" {
        /// A [`BreachedLevel`].
        breached_level: u8 as breached_level: BreachedLevel,
    }

    /// Quoting period update of an IPO (`K`), 28 bytes.
    pub struct IpoQuotingPeriod: b'K' "IPO quoting period (K)" {
        /// Symbol.
        stock: Symbol,
        /// When quoting begins, in seconds since midnight; 0 if cancelled.
        ipo_quotation_release_time: U32,
        /// A [`ReleaseQualifier`].
        ipo_quotation_release_qualifier: u8 as release_qualifier: ReleaseQualifier,
        /// Price of the IPO; 0 if cancelled.
        ipo_price: WirePrice4,
    }

    /// Collar of the auction that ends a limit-up limit-down pause (`J`), 35 bytes.
    pub struct LuldAuctionCollar: b'J' "LULD auction collar (J)" {
        /// Symbol.
        stock: Symbol,
        /// Price that the collar is calculated from.
        auction_collar_reference_price: WirePrice4,
        /// Highest price of the auction.
        upper_auction_collar_price: WirePrice4,
        /// Lowest price of the auction.
        lower_auction_collar_price: WirePrice4,
        /// How often the auction was extended.
        auction_collar_extension: U32,
    }

    /// Operational halt (`h`), 21 bytes: on one market only.
    pub struct OperationalHalt: b'h' "operational halt (h)" {
        /// Symbol.
        stock: Symbol,
        /// A [`MarketCode`].
        market_code: u8 as market_code: MarketCode,
        /// An [`OperationalHaltAction`].
        operational_halt_action: u8 as operational_halt_action: OperationalHaltAction,
    }
}
