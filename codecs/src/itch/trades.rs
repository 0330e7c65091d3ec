//! Trades that the displayed book does not show, and messages before a cross. None of them changes the book.
#![expect(
    missing_debug_implementations,
    reason = "the messages implement Debug, the helper types that zerocopy derives do not"
)]

use zerocopy::big_endian::{U32, U64};

use super::codes::{CrossType, ImbalanceDirection, InterestFlag, PriceVariation, WireSide};
use super::layout::itch_messages;
use crate::price::WirePrice4;
use crate::text::Symbol;
use crate::wire::YesNo;

itch_messages! {
    /// Trade against a non-displayed order (`P`), 44 bytes.
    pub struct Trade: b'P' "trade (P)" [side: WireSide] {
        /// Always 0 since 2010.
        order_ref: U64,
        /// Always buy since July 2014.
        side: WireSide,
        /// Shares.
        shares: U32,
        /// Symbol.
        stock: Symbol,
        /// Price.
        price: WirePrice4,
        /// The trade.
        match_number: U64,
    }

    /// Cross trade (`Q`), 40 bytes: what a cross matched, as one print.
    pub struct CrossTrade: b'Q' "cross trade (Q)" {
        /// Shares; 0 if nothing was matched.
        shares: U64,
        /// Symbol.
        stock: Symbol,
        /// Price of the cross.
        cross_price: WirePrice4,
        /// The trade.
        match_number: U64,
        /// A [`CrossType`].
        cross_type: u8 as cross_type: CrossType,
    }

    /// Broken trade (`B`), 19 bytes: an execution is undone. The book does not change.
    pub struct BrokenTrade: b'B' "broken trade (B)" {
        /// The trade.
        match_number: U64,
    }

    /// Net order imbalance indicator (`I`), 50 bytes.
    pub struct NetOrderImbalance: b'I' "net order imbalance (I)" {
        /// Shares that would match at the current reference price.
        paired_shares: U64,
        /// Shares that would not.
        imbalance_shares: U64,
        /// An [`ImbalanceDirection`].
        imbalance_direction: u8 as imbalance_direction: ImbalanceDirection,
        /// Symbol.
        stock: Symbol,
        /// Price at which cross orders alone would match; 0 if there is none.
        far_price: WirePrice4,
        /// Price at which cross and continuous orders together would match; 0 if there is none.
        near_price: WirePrice4,
        /// Price at which the imbalance is calculated.
        current_reference_price: WirePrice4,
        /// A [`CrossType`].
        cross_type: u8 as cross_type: CrossType,
        /// A [`PriceVariation`].
        price_variation_indicator: u8 as price_variation: PriceVariation,
    }

    /// Retail price improvement indicator (`N`), 20 bytes.
    pub struct RetailInterest: b'N' "retail interest (N)" {
        /// Symbol.
        stock: Symbol,
        /// An [`InterestFlag`].
        interest_flag: u8 as interest_flag: InterestFlag,
    }

    /// Price discovery of a direct listing with capital raise (`O`, since 2022), 48 bytes.
    pub struct DirectListingPrice: b'O' "direct listing price (O)" {
        /// Symbol.
        stock: Symbol,
        /// Whether it may be released: `Y` or `N`.
        open_eligibility_status: u8 as open_eligibility_status: YesNo,
        /// Lowest price at which it may open, 20 % below the registration's lowest.
        minimum_allowable_price: WirePrice4,
        /// Highest price at which it may open, 80 % above the registration's highest.
        maximum_allowable_price: WirePrice4,
        /// Price at which it would open now.
        near_execution_price: WirePrice4,
        /// Time of its calculation, in nanoseconds since midnight.
        near_execution_time: U64,
        /// Lower collar of the auction.
        lower_price_range_collar: WirePrice4,
        /// Upper collar of the auction.
        upper_price_range_collar: WirePrice4,
    }
}
