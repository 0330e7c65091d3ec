//! The one-byte codes of OUCH 5.0.

use crate::wire::wire_enum;

wire_enum! {
    /// Side of an order.
    pub enum Side {
        /// Buy.
        Buy = b'B',
        /// Sell what is held.
        Sell = b'S',
        /// Sell short.
        SellShort = b'T',
        /// Sell short, exempt from the short sale rule.
        SellShortExempt = b'E',
    }
}

impl Side {
    /// Whether the order buys.
    #[inline]
    #[must_use]
    pub const fn is_buy(self) -> bool {
        matches!(self, Self::Buy)
    }
}

wire_enum! {
    /// How long an order stays.
    pub enum TimeInForce {
        /// Until the market closes.
        Day = b'0',
        /// Immediate or cancel.
        ImmediateOrCancel = b'3',
        /// Through the extended hours (GTX).
        ExtendedHours = b'5',
        /// Until the time in the appendage ([`Tag::ExpireTime`](super::Tag::ExpireTime)); GTT.
        GoodTillTime = b'6',
        /// After hours. Not in a replace.
        AfterHours = b'E',
    }
}

wire_enum! {
    /// How an order is shown.
    pub enum Display {
        /// Shown without the firm's name.
        Visible = b'Y',
        /// Not shown.
        Hidden = b'N',
        /// Shown with the firm's name.
        Attributable = b'A',
        /// Code `Z`: in answers only.
        Z = b'Z',
    }
}

wire_enum! {
    /// For whom the firm acts.
    pub enum Capacity {
        /// Agency.
        Agency = b'A',
        /// Principal.
        Principal = b'P',
        /// Riskless principal.
        Riskless = b'R',
        /// Other.
        Other = b'O',
    }
}

wire_enum! {
    /// The cross for which an order is meant.
    pub enum CrossType {
        /// None: the continuous market.
        Continuous = b'N',
        /// Opening cross.
        Opening = b'O',
        /// Closing cross.
        Closing = b'C',
        /// Halt or IPO cross.
        HaltOrIpo = b'H',
        /// Supplemental.
        Supplemental = b'S',
        /// Retail.
        Retail = b'R',
        /// Extended life.
        ExtendedLife = b'E',
        /// After-hours close.
        AfterHoursClose = b'A',
    }
}

wire_enum! {
    /// State of an order when it is accepted or replaced.
    pub enum OrderState {
        /// It rests or is being matched.
        Live = b'L',
        /// Cancelled at once; nothing more follows for it.
        Dead = b'D',
    }
}

wire_enum! {
    /// Event of the trading day.
    pub enum EventCode {
        /// Start of day.
        StartOfDay = b'S',
        /// End of day.
        EndOfDay = b'E',
    }
}

wire_enum! {
    /// Reason for a cancel.
    pub enum CancelReason {
        /// Regulatory restriction.
        Regulatory = b'D',
        /// The market or cross is closed.
        Closed = b'E',
        /// Post-only, code `F`.
        PostOnlyF = b'F',
        /// Post-only, code `G`.
        PostOnlyG = b'G',
        /// The instrument is halted.
        Halted = b'H',
        /// Rest of an immediate-or-cancel order.
        ImmediateOrCancel = b'I',
        /// Market collars.
        MarketCollars = b'K',
        /// It would have matched an order of the same owner.
        SelfMatch = b'Q',
        /// By the venue's supervision.
        Supervisory = b'S',
        /// Its time has run out.
        Timeout = b'T',
        /// As the user requested.
        UserRequested = b'U',
        /// Open protection.
        OpenProtection = b'X',
        /// By the system.
        System = b'Z',
        /// Exceeds the direct-listing (DLCR) collar.
        DlcrExcess = b'e',
    }
}

wire_enum! {
    /// Reason for breaking a trade. The letters are those of the specification.
    pub enum BrokenReason {
        /// Erroneous.
        Erroneous = b'E',
        /// By consent of both sides.
        Consent = b'C',
        /// By the venue's supervision.
        Supervisory = b'S',
        /// By a third party.
        External = b'X',
    }
}

wire_enum! {
    /// Reason for restating an order.
    pub enum RestateReason {
        /// The displayed part of a reserve order was refreshed.
        ReserveRefresh = b'R',
        /// The price was updated.
        PriceUpdate = b'P',
    }
}

wire_enum! {
    /// Effect of an execution on the book: the most frequent flags. Venues send others too, so messages keep the byte.
    pub enum Liquidity {
        /// Added liquidity.
        Added = b'A',
        /// Removed liquidity.
        Removed = b'R',
        /// Added while not displayed.
        AddedNonDisplayed = b'J',
        /// Added at the midpoint.
        AddedMidpoint = b'k',
        /// Removed at the midpoint.
        RemovedMidpoint = b'm',
        /// Opening cross.
        OpeningCross = b'O',
        /// Closing cross.
        ClosingCross = b'C',
        /// Halt or IPO cross.
        HaltOrIpoCross = b'H',
        /// Opening imbalance only.
        OpeningImbalanceOnly = b'L',
        /// Closing imbalance only.
        ClosingImbalanceOnly = b'M',
        /// Displayed, set a new best price, code `7`.
        BboSetter7 = b'7',
        /// Displayed, set a new best price, code `8`.
        BboSetter8 = b'8',
        /// From a reserve order.
        Reserve = b'u',
    }
}
