//! What the group counts.

corelane_runtime::metrics! {
    /// Counts of the group, by which an operator sees that a command is done.
    pub enum GroupCount {
        /// Kill switches and market events that are done: every answer and publication that they cause has been sent. They
        /// are done in the order in which they were sequenced.
        CommandsDone,
        /// Ports whose new orders are rejected now, because a kill switch stops them; a state, not a total.
        PortsStopped,
        /// Instruments that take no new orders now, because an input about them came too late; a state, not a total.
        InstrumentsPaused,
    }
}
