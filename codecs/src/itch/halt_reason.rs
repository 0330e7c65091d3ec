//! Reasons of a trading action. Meanings are those of the ITCH 5.0 text.

use crate::text::Alpha;

/// Declares the reasons, whose codes have up to four characters.
macro_rules! halt_reasons {
    ($($(#[$meta:meta])* $variant:ident = $code:literal,)+) => {
        /// Reason for halting, pausing or resuming trading.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum HaltReason {
            $($(#[$meta])* $variant,)+
        }

        impl HaltReason {
            /// Every value, in the order of the specification.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The value whose wire code is `code`, `None` if there is none.
            #[inline]
            #[must_use]
            pub const fn from_wire(code: Alpha<4>) -> Option<Self> {
                match code.as_array() {
                    $($code => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// The wire code.
            #[inline]
            #[must_use]
            pub const fn to_wire(self) -> Alpha<4> {
                Alpha::from_bytes(match self {
                    $(Self::$variant => *$code,)+
                })
            }
        }
    };
}

halt_reasons! {
    /// Halt: news pending.
    NewsPending = b"T1  ",
    /// Halt: news disseminated.
    NewsDisseminated = b"T2  ",
    /// Single security trading pause in effect.
    SingleSecurityPause = b"T5  ",
    /// Regulatory halt: extraordinary market activity.
    ExtraordinaryActivity = b"T6  ",
    /// Halt of an exchange-traded fund.
    EtfHalt = b"T8  ",
    /// Halt: the listing market asks for information.
    InformationRequested = b"T12 ",
    /// Halt: non-compliance.
    NonCompliance = b"H4  ",
    /// Halt: filings not current.
    FilingsNotCurrent = b"H9  ",
    /// Halt: suspended by the SEC.
    SecSuspension = b"H10 ",
    /// Halt: regulatory concern.
    RegulatoryConcern = b"H11 ",
    /// Operations halt.
    Operations = b"O1  ",
    /// Volatility trading pause.
    VolatilityPause = b"LUDP",
    /// Volatility trading pause: straddle condition.
    VolatilityPauseStraddle = b"LUDS",
    /// Market-wide circuit breaker, level 1.
    CircuitBreakerLevel1 = b"MWC1",
    /// Market-wide circuit breaker, level 2.
    CircuitBreakerLevel2 = b"MWC2",
    /// Market-wide circuit breaker, level 3.
    CircuitBreakerLevel3 = b"MWC3",
    /// Market-wide circuit breaker, carried over from the day before.
    CircuitBreakerCarriedOver = b"MWC0",
    /// IPO issue not yet trading.
    IpoNotYetTrading = b"IPO1",
    /// Corporate action.
    CorporateAction = b"M1  ",
    /// Quotation not available.
    QuotationNotAvailable = b"M2  ",
    /// News and resumption times.
    NewsAndResumption = b"T3  ",
    /// Quotations resume after a pause.
    QuotationResumed = b"T7  ",
    /// Qualification issues resolved.
    QualificationResolved = b"R4  ",
    /// Filing requirements satisfied.
    FilingsSatisfied = b"R9  ",
    /// Issuer's news not forthcoming.
    NewsNotForthcoming = b"C3  ",
    /// Qualification halt ended, maintenance requirements met.
    MaintenanceMet = b"C4  ",
    /// Qualification halt concluded, filings met.
    FilingsMet = b"C9  ",
    /// Halt concluded by another regulator.
    OtherRegulator = b"C11 ",
    /// New issue available.
    NewIssue = b"R1  ",
    /// Issue available.
    IssueAvailable = b"R2  ",
    /// IPO released for quotation.
    IpoReleased = b"IPOQ",
    /// IPO positioning window extended.
    IpoWindowExtended = b"IPOE",
    /// Market-wide circuit breaker: trading resumes.
    CircuitBreakerResumption = b"MWCQ",
    /// No reason given.
    NotAvailable = b"    ",
}
