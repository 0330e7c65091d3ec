//! Reasons for rejecting a request: the two-byte codes of OUCH 5.0.

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
            #[must_use]
            pub const fn from_wire(code: u16) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// The wire code.
            #[inline]
            #[must_use]
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
