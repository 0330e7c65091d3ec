//! One-byte codes. Meanings are those of the ITCH 5.0 text.

use crate::wire::wire_enum;

wire_enum! {
    /// Side of a displayed order.
    pub enum Side {
        /// Buy.
        Buy = b'B',
        /// Sell.
        Sell = b'S',
    }
}

/// A [`Side`] in a message. Decoding refuses all bytes but the two.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    zerocopy::FromBytes,
    zerocopy::IntoBytes,
    zerocopy::KnownLayout,
    zerocopy::Immutable,
    zerocopy::Unaligned,
)]
#[repr(transparent)]
pub struct WireSide(u8);

impl WireSide {
    /// The side whose wire code is `code`, `None` if there is none.
    #[inline]
    #[must_use]
    pub const fn from_wire(code: u8) -> Option<Self> {
        // One product instead of two comparisons, each with a branch: a message's side cannot be predicted.
        let is_side = (code ^ Side::Buy.to_wire()) as u32 * (code ^ Side::Sell.to_wire()) as u32 == 0;
        if is_side { Some(Self(code)) } else { None }
    }

    /// The side.
    #[inline]
    #[must_use]
    pub const fn get(self) -> Side {
        if self.0 == Side::Buy.to_wire() { Side::Buy } else { Side::Sell }
    }
}

impl From<Side> for WireSide {
    #[inline]
    fn from(side: Side) -> Self {
        Self(side.to_wire())
    }
}

impl core::fmt::Debug for WireSide {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.get().fmt(f)
    }
}

wire_enum! {
    /// Event of the trading day.
    pub enum EventCode {
        /// First message of the day.
        StartOfMessages = b'O',
        /// Orders can be entered.
        StartOfSystemHours = b'S',
        /// The market is open.
        StartOfMarketHours = b'Q',
        /// The market is closed.
        EndOfMarketHours = b'M',
        /// No more orders.
        EndOfSystemHours = b'E',
        /// Last message of the day.
        EndOfMessages = b'C',
    }
}

wire_enum! {
    /// Where an instrument is listed.
    pub enum MarketCategory {
        /// Nasdaq Global Select Market.
        NasdaqGlobalSelect = b'Q',
        /// Nasdaq Global Market.
        NasdaqGlobal = b'G',
        /// Nasdaq Capital Market.
        NasdaqCapital = b'S',
        /// New York Stock Exchange.
        Nyse = b'N',
        /// NYSE American.
        NyseAmerican = b'A',
        /// NYSE Arca.
        NyseArca = b'P',
        /// Cboe BZX.
        CboeBzx = b'Z',
        /// Investors' Exchange.
        Iex = b'V',
        /// Not available.
        NotAvailable = b' ',
    }
}

wire_enum! {
    /// Whether an issuer meets the requirements of its listing.
    pub enum FinancialStatus {
        /// Deficient.
        Deficient = b'D',
        /// Delinquent.
        Delinquent = b'E',
        /// Bankrupt.
        Bankrupt = b'Q',
        /// Suspended.
        Suspended = b'S',
        /// Deficient and bankrupt.
        DeficientBankrupt = b'G',
        /// Deficient and delinquent.
        DeficientDelinquent = b'H',
        /// Delinquent and bankrupt.
        DelinquentBankrupt = b'J',
        /// Deficient, delinquent and bankrupt.
        DeficientDelinquentBankrupt = b'K',
        /// Creations or redemptions of the exchange-traded product are suspended.
        CreationsSuspended = b'C',
        /// None of these.
        Normal = b'N',
        /// Not available: listed elsewhere.
        NotAvailable = b' ',
    }
}

wire_enum! {
    /// Class of a security.
    pub enum IssueClassification {
        /// American depositary share.
        AmericanDepositaryShare = b'A',
        /// Bond.
        Bond = b'B',
        /// Common stock.
        CommonStock = b'C',
        /// Depository receipt.
        DepositoryReceipt = b'F',
        /// Under SEC rule 144A.
        Rule144A = b'I',
        /// Limited partnership.
        LimitedPartnership = b'L',
        /// Notes.
        Notes = b'N',
        /// Ordinary share.
        OrdinaryShare = b'O',
        /// Preferred stock.
        PreferredStock = b'P',
        /// Other securities.
        Other = b'Q',
        /// Right.
        Right = b'R',
        /// Shares of beneficial interest.
        BeneficialInterest = b'S',
        /// Convertible debenture.
        ConvertibleDebenture = b'T',
        /// Unit.
        Unit = b'U',
        /// Units of beneficial interest.
        BeneficialInterestUnits = b'V',
        /// Warrant.
        Warrant = b'W',
    }
}

wire_enum! {
    /// Whether an instrument is real.
    pub enum Authenticity {
        /// Live.
        Live = b'P',
        /// For tests.
        Test = b'T',
    }
}

wire_enum! {
    /// Limit-up limit-down tier.
    pub enum LuldTier {
        /// Tier 1.
        Tier1 = b'1',
        /// Tier 2.
        Tier2 = b'2',
        /// Not applicable.
        NotApplicable = b' ',
    }
}

wire_enum! {
    /// Whether an instrument trades.
    pub enum TradingState {
        /// Halted on all markets.
        Halted = b'H',
        /// Paused on all markets.
        Paused = b'P',
        /// Quotations only.
        QuotationOnly = b'Q',
        /// Trading.
        Trading = b'T',
    }
}

wire_enum! {
    /// Short sale price test restriction.
    pub enum RegShoAction {
        /// No price test.
        NoRestriction = b'0',
        /// In effect since a drop of the price within this day.
        RestrictedIntraday = b'1',
        /// In effect from the day before.
        RestrictionContinues = b'2',
    }
}

wire_enum! {
    /// Mode of a market maker.
    pub enum MarketMakerMode {
        /// Normal.
        Normal = b'N',
        /// Passive.
        Passive = b'P',
        /// Syndicate.
        Syndicate = b'S',
        /// Pre-syndicate.
        PreSyndicate = b'R',
        /// Penalty.
        Penalty = b'L',
    }
}

wire_enum! {
    /// Registration of a market participant in an instrument.
    pub enum ParticipantState {
        /// Active.
        Active = b'A',
        /// Excused.
        Excused = b'E',
        /// Withdrawn.
        Withdrawn = b'W',
        /// Suspended.
        Suspended = b'S',
        /// Deleted.
        Deleted = b'D',
    }
}

wire_enum! {
    /// Level of the market-wide circuit breaker.
    pub enum BreachedLevel {
        /// Level 1.
        Level1 = b'1',
        /// Level 2.
        Level2 = b'2',
        /// Level 3.
        Level3 = b'3',
    }
}

wire_enum! {
    /// Status of an IPO's release for quotation.
    pub enum ReleaseQualifier {
        /// Its time is as expected.
        Anticipated = b'A',
        /// It is cancelled or postponed.
        Cancelled = b'C',
    }
}

wire_enum! {
    /// Market that an operational halt is about.
    pub enum MarketCode {
        /// Nasdaq.
        Nasdaq = b'Q',
        /// BX.
        Bx = b'B',
        /// PSX.
        Psx = b'X',
    }
}

wire_enum! {
    /// Action of an operational halt.
    pub enum OperationalHaltAction {
        /// The market halts the instrument.
        Halted = b'H',
        /// It trades again.
        Trading = b'T',
    }
}

wire_enum! {
    /// Auction.
    pub enum CrossType {
        /// Opening cross.
        Opening = b'O',
        /// Closing cross.
        Closing = b'C',
        /// Cross of an IPO or of a halted or paused instrument.
        HaltOrIpo = b'H',
        /// Close of extended trading (2023; imbalances only).
        ExtendedTradingClose = b'A',
    }
}

wire_enum! {
    /// Side of the imbalance before a cross.
    pub enum ImbalanceDirection {
        /// More to buy.
        Buy = b'B',
        /// More to sell.
        Sell = b'S',
        /// None.
        None = b'N',
        /// Too few orders to calculate it.
        InsufficientOrders = b'O',
    }
}

wire_enum! {
    /// Distance of the near indicative price from the nearer of the best bid and offer.
    pub enum PriceVariation {
        /// Less than 1 %.
        Below1Percent = b'L',
        /// 1 % to 1.99 %.
        From1Percent = b'1',
        /// 2 % to 2.99 %.
        From2Percent = b'2',
        /// 3 % to 3.99 %.
        From3Percent = b'3',
        /// 4 % to 4.99 %.
        From4Percent = b'4',
        /// 5 % to 5.99 %.
        From5Percent = b'5',
        /// 6 % to 6.99 %.
        From6Percent = b'6',
        /// 7 % to 7.99 %.
        From7Percent = b'7',
        /// 8 % to 8.99 %.
        From8Percent = b'8',
        /// 9 % to 9.99 %.
        From9Percent = b'9',
        /// 10 % to 19.99 %.
        From10Percent = b'A',
        /// 20 % to 29.99 %.
        From20Percent = b'B',
        /// 30 % and more.
        From30Percent = b'C',
        /// It cannot be calculated.
        NotAvailable = b' ',
    }
}

wire_enum! {
    /// Side on which retail price improvement orders exist.
    pub enum InterestFlag {
        /// Buy.
        Buy = b'B',
        /// Sell.
        Sell = b'S',
        /// Both.
        Both = b'A',
        /// None.
        None = b'N',
    }
}
