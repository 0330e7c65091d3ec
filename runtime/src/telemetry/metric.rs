//! Names of figures: an enum, its labels, and the macro that makes both.

/// Names figures of one kind, counters or timings: an enum made by [`metrics!`](crate::metrics).
pub trait Metric: Copy + 'static {
    /// Every name, in the order of the indices.
    const ALL: &'static [Self];

    /// Its index in [`Metric::ALL`].
    fn index(self) -> usize;

    /// Its name in reports, with the unit last.
    fn label(self) -> &'static str;
}

/// Declares an enum of [`Metric`] names. The label is the variant's name unless another is given.
///
/// ```
/// use corelane_runtime::{metrics, telemetry::Metric};
/// metrics! {
///     /// What a gateway times.
///     pub enum GatewayTiming {
///         /// From the arrival of a request to its answer.
///         RequestToAnswer = "request_to_answer_ns",
///     }
/// }
/// assert_eq!(GatewayTiming::RequestToAnswer.label(), "request_to_answer_ns");
/// ```
#[macro_export]
macro_rules! metrics {
    (@label $variant:ident) => { stringify!($variant) };
    (@label $variant:ident $label:literal) => { $label };
    (
        $(#[$meta:meta])* $vis:vis enum $name:ident {
            $($(#[$variant_meta:meta])* $variant:ident $(= $label:literal)?),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        $vis enum $name { $($(#[$variant_meta])* $variant,)+ }

        impl $crate::telemetry::Metric for $name {
            const ALL: &'static [Self] = &[$(Self::$variant,)+];

            #[inline]
            fn index(self) -> usize {
                self as usize
            }

            fn label(self) -> &'static str {
                match self { $(Self::$variant => $crate::metrics!(@label $variant $($label)?),)+ }
            }
        }
    };
}
