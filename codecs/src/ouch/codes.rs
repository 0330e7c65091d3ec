//! The one-byte and two-byte codes of OUCH 5.0.

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
    /// Why shares were taken off an order.
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
    /// Why a trade was broken. The letters are those of the specification.
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
    /// Why an order was restated.
    pub enum RestateReason {
        /// The displayed part of a reserve order was refreshed.
        ReserveRefresh = b'R',
        /// The price was updated.
        PriceUpdate = b'P',
    }
}

wire_enum! {
    /// What an execution did to the book: the flags most used. A venue may send others, so messages keep the byte.
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

/// Declares the reject reasons; a macro, so that the list stands once.
macro_rules! reject_reasons {
    ($($(#[$meta:meta])* $variant:ident = $code:literal,)+) => {
        /// Why a request was rejected (a two-byte code).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum RejectReason {
            $($(#[$meta])* $variant = $code,)+
        }

        impl RejectReason {
            /// Every value, in the order of the codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The reason whose wire code is `code`, `None` if there is none.
            #[inline]
            pub const fn from_wire(code: u16) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// The wire code.
            #[inline]
            pub const fn to_wire(self) -> u16 {
                self as u16
            }
        }
    };
}

reject_reasons! {
    /// No quote is available (pegged orders).
    QuoteUnavailable = 0x01,
    /// The destination is closed.
    DestinationClosed = 0x02,
    /// Invalid display.
    InvalidDisplay = 0x03,
    /// Invalid maximum floor.
    InvalidMaxFloor = 0x04,
    /// Invalid peg.
    InvalidPeg = 0x05,
    /// Price too far from the market.
    FatFinger = 0x06,
    /// The instrument is halted.
    Halted = 0x07,
    /// Intermarket sweep is not allowed.
    IsoNotAllowed = 0x08,
    /// Invalid side.
    InvalidSide = 0x09,
    /// Error in processing.
    ProcessingError = 0x0a,
    /// A cancel is pending.
    CancelPending = 0x0b,
    /// The firm is not authorised on this port.
    FirmNotAuthorised = 0x0c,
    /// Invalid minimum quantity.
    InvalidMinQuantity = 0x0d,
    /// No closing reference price.
    NoClosingReferencePrice = 0x0e,
    /// Another reason.
    Other = 0x0f,
    /// Cancel is not allowed.
    CancelNotAllowed = 0x10,
    /// Pegging is not allowed.
    PeggingNotAllowed = 0x11,
    /// The market is crossed.
    CrossedMarket = 0x12,
    /// Invalid quantity.
    InvalidQuantity = 0x13,
    /// Invalid cross order.
    InvalidCrossOrder = 0x14,
    /// Replace is not allowed.
    ReplaceNotAllowed = 0x15,
    /// Routing is not allowed.
    RoutingNotAllowed = 0x16,
    /// Invalid symbol.
    InvalidSymbol = 0x17,
    /// Test.
    Test = 0x18,
    /// Late limit-on-close order too aggressive.
    LateLimitOnClose = 0x19,
    /// Retail orders are not allowed.
    RetailNotAllowed = 0x1a,
    /// Invalid price of a midpoint post-only order.
    InvalidMidpointPostOnlyPrice = 0x1b,
    /// Invalid destination.
    InvalidDestination = 0x1c,
    /// Invalid price.
    InvalidPrice = 0x1d,
    /// More shares than the port's threshold.
    SharesOverThreshold = 0x1e,
    /// More notional than the port's maximum.
    NotionalOverMaximum = 0x1f,
    /// Risk: aggregate exposure exceeded.
    RiskAggregateExposure = 0x20,
    /// Risk: market impact.
    RiskMarketImpact = 0x21,
    /// Risk: restricted instrument.
    RiskRestrictedStock = 0x22,
    /// Risk: short selling restricted.
    RiskShortSellRestricted = 0x23,
    /// Risk: intermarket sweep not allowed.
    RiskIsoNotAllowed = 0x24,
    /// Risk: limit relative to the average daily volume.
    RiskAdvLimit = 0x25,
    /// Risk: price too far from the reference.
    RiskFatFinger = 0x26,
    /// Risk: locate required.
    RiskLocateRequired = 0x27,
    /// Risk: message rate of the symbol.
    RiskSymbolMessageRate = 0x28,
    /// Risk: message rate of the port.
    RiskPortMessageRate = 0x29,
    /// Risk: rate of duplicate messages.
    RiskDuplicateMessageRate = 0x2a,
    /// Risk: short selling is not allowed.
    RiskShortSellNotAllowed = 0x2b,
    /// Risk: market orders are not allowed.
    RiskMarketOrderNotAllowed = 0x2c,
    /// Risk: not allowed before the market opens.
    RiskPreMarketNotAllowed = 0x2d,
    /// Risk: not allowed after the market closes.
    RiskPostMarketNotAllowed = 0x2e,
    /// Risk: short exempt is not allowed.
    RiskShortExemptNotAllowed = 0x2f,
    /// Risk: notional of a single order.
    RiskSingleOrderNotional = 0x30,
    /// Risk: maximum quantity of an order.
    RiskMaxQuantity = 0x31,
    /// Risk: Reg SHO state is unavailable.
    RiskRegShoStateUnavailable = 0x32,
    /// Risk: market orders to buy an IPO are not allowed.
    RiskIpoMarketBuyNotAllowed = 0x33,
}
