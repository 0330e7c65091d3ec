//! What every shard counts.

crate::metrics! {
    /// What a shard counts, from its start.
    pub enum ShardCount {
        /// Turns of the duty cycle.
        Cycles = "cycles",
        /// Turns in which something was done.
        BusyCycles = "busy_cycles",
        /// Nanoseconds spent in those turns: the share of its CPU that a spinning shard has work for.
        BusyNs = "busy_ns",
        /// Messages delivered to actors.
        Messages = "messages",
        /// Times the shard went to sleep.
        Parks = "parks",
        /// Sleeping consumers woken by this shard.
        WakesSent = "wakes_sent",
        /// Actors that failed: they panicked, or their shard did.
        ActorPanics = "actor_panics",
        /// Steps that waited for room in an edge.
        Holds = "holds",
        /// Messages dropped by edges with [`Overflow::DropNewest`](crate::edge::port::Overflow::DropNewest), by mailboxes whose
        /// priority was full, or to readers that are gone, those to actors that were given up, and datagrams for which an actor's
        /// ports had no room or that came while it did not run.
        Dropped = "dropped",
        /// Messages overwritten by a newer one of the same key before they were read.
        Conflated = "conflated",
        /// Messages that waited in a mailbox for longer than they live, and were dropped.
        Expired = "expired",
        /// Edges to readers outside the topology that are gone. They filled up, and their actors no longer wait for them.
        ReadersGone = "readers_gone",
        /// Times the shard was found on another CPU than its own.
        PinLosses = "pin_losses",
        /// System calls of the net driver.
        NetEnters = "net_enters",
        /// Connections accepted or established.
        NetOpened = "net_opened",
        /// Connections closed, for whatever reason.
        NetClosed = "net_closed",
        /// Frames and datagrams received.
        NetFramesIn = "net_frames_in",
        /// Datagrams sent.
        NetDatagramsOut = "net_datagrams_out",
        /// Bytes received.
        NetBytesIn = "net_bytes_in",
        /// Bytes sent.
        NetBytesOut = "net_bytes_out",
        /// Connections closed because they read too slowly.
        NetSlowReaders = "net_slow_readers",
        /// Connections closed because their bytes were no frames.
        NetBadFrames = "net_bad_frames",
        /// Connections closed because all slots were taken.
        NetTooMany = "net_too_many",
        /// Datagrams to the destination of their socket that the kernel refused, or that the stop left unsent. They are lost.
        NetDatagramsLost = "net_datagrams_lost",
        /// Receives of datagrams that failed, and answers by datagram that the kernel refused.
        NetDatagramErrors = "net_datagram_errors",
        /// Datagrams dropped because they did not fit a receive buffer.
        NetDatagramsTruncated = "net_datagrams_truncated",
        /// Connections that could not be accepted.
        NetAcceptErrors = "net_accept_errors",
        /// Outgoing connections that were not established.
        NetConnectErrors = "net_connect_errors",
        /// Connections that were to be reset and were closed instead: the kernel keeps what their peers have not read.
        NetResetErrors = "net_reset_errors",
        /// Times the kernel found no free receive buffer.
        NetBuffersExhausted = "net_buffers_exhausted",
        /// Bytes that peers did not take, because their connections ended during the stop or were cut off at its end: those that
        /// were queued, and those that the kernel discarded.
        NetUnsentAtStopBytes = "net_unsent_at_stop_bytes",
    }
}
