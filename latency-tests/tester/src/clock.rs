//! Time since a start, from the processor's time stamp counter.

/// Nanoseconds since [`Clock::start`]. Good for intervals of minutes: it drifts about a microsecond per second from
/// the system's clock.
#[derive(Clone, Debug)]
pub struct Clock {
    counter: quanta::Clock,
    start: u64,
}

impl Clock {
    /// A clock that begins at zero now. The first one of a process calibrates for some milliseconds.
    pub fn start() -> Self {
        let counter = quanta::Clock::new();
        let start = counter.raw();
        Self { counter, start }
    }

    /// Nanoseconds since the start.
    #[inline]
    pub fn now_ns(&self) -> u64 {
        self.counter.delta_as_nanos(self.start, self.counter.raw())
    }
}
