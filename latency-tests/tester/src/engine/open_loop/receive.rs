//! The receive path: reads sockets, decodes frames, records latencies.

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Engine;
use crate::engine::connection::Connection;
use crate::engine::kernel_times::Received;
use crate::engine::sent::Sent;
use crate::engine::{Answered, Event, LoadError, Observer, Wire};

impl<W: Wire, O: Observer> Engine<'_, W, O> {
    /// Reads every socket that has data. If `blocking`, waits for data until `due_ns`.
    #[inline]
    pub(super) fn receive_ready(&mut self, due_ns: u64, blocking: bool) -> Result<(), LoadError> {
        let before_ns = self.clock.now_ns();
        let wait_ns = if blocking { due_ns.saturating_sub(before_ns) } else { 0 };
        if !blocking && self.connections.len() == 1 {
            // One read costs less than a poll and a read.
            if self.connections[0].open {
                self.receive(0);
            }
            return Ok(());
        }
        if !self.poll(wait_ns, due_ns)? {
            return Ok(());
        }
        let mut polled = 0;
        for index in 0..self.connections.len() {
            if self.connections[index].open {
                // `poll_fds` stays in step: no connection opens here, and one is dropped only after its entry was used.
                let ready = self.poll_fds[polled].revents();
                polled += 1;
                if ready.contains(PollFlags::ERR)
                    && let Connection { times: Some(times), stream, .. } = &self.connections[index]
                {
                    times.forget_late(stream);
                }
                if !ready.is_empty() {
                    self.receive(index);
                }
            }
        }
        Ok(())
    }

    /// Polls the sockets for input (and for room, if something is queued), waiting at most `wait_ns`. Returns whether
    /// any is ready.
    #[inline]
    fn poll(&mut self, wait_ns: u64, due_ns: u64) -> Result<bool, LoadError> {
        self.poll_fds.clear();
        for connection in self.connections.iter().filter(|one| one.open) {
            let mut flags = PollFlags::IN;
            flags.set(PollFlags::OUT, connection.has_unsent());
            self.poll_fds.push(PollFd::new(connection.stream, flags));
        }
        let timeout = Timespec { tv_sec: (wait_ns / 1_000_000_000) as i64, tv_nsec: (wait_ns % 1_000_000_000) as i64 };
        let result = poll(&mut self.poll_fds, Some(&timeout));
        if wait_ns > 0 {
            // The sleep was meant; only what came after its end is a gap.
            let now_ns = self.clock.now_ns();
            let woken_on_time = result.is_ok_and(|ready| ready > 0);
            self.measured.loop_gaps.resume(if woken_on_time { now_ns } else { now_ns.min(due_ns) });
        }
        match result {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(LoadError::System { call: "poll", source: error.into() }),
        }
    }

    #[inline]
    fn receive(&mut self, index: usize) {
        match self.connections[index].receive() {
            Ok(None) => {}
            Ok(Some(Received { bytes: 0, .. })) => self.drop_connection(index, "closed by the server"),
            Ok(Some(Received { bytes, utc_ns })) => {
                let now_ns = self.clock.now_ns();
                self.measured.bytes_received += bytes as u64;
                self.connections[index].last_receive_ns = now_ns;
                let arrived_ns = utc_ns.and_then(|utc_ns| self.correlation.clock_ns(utc_ns));
                self.read_frames(index, now_ns, arrived_ns);
            }
            Err(error) => self.drop_connection(index, &error.to_string()),
        }
    }

    /// Handles the frames received by `now_ns`. The kernel received the last byte at `arrived_ns`.
    #[inline]
    fn read_frames(&mut self, index: usize, now_ns: u64, arrived_ns: Option<u64>) {
        let (buffer, length) = self.connections[index].take_received();
        let mut used = 0;
        while !self.faulty {
            let rest = &buffer[used..length];
            let event = match self.wire.frame_len(rest) {
                Ok(None) => break,
                Ok(Some(frame_len)) => {
                    used += frame_len;
                    self.wire.on_frame(index, &rest[..frame_len])
                }
                Err(error) => Err(error),
            };
            match event {
                Ok(Event::Further) => {}
                Ok(Event::First { unanswered }) => {
                    self.complete(index, unanswered, now_ns, arrived_ns.filter(|_| used == length));
                }
                Ok(Event::Ready) => self.connections[index].ready = true,
                Ok(Event::End) => self.fault(format!("session {index}: ended by the server")),
                Err(why) => self.fault(format!("session {index}: {why}")),
            }
        }
        self.connections[index].put_back(buffer, used);
    }

    #[inline]
    fn complete(&mut self, index: usize, unanswered: u32, now_ns: u64, arrived_ns: Option<u64>) {
        for _ in 0..unanswered {
            if let Some(sent) = self.connections[index].outstanding.pop_front() {
                self.measured.silent += 1;
                self.count_completed(sent, now_ns);
            }
        }
        let Some(sent) = self.connections[index].outstanding.pop_front() else {
            self.fault(format!("session {index}: an answer without a request"));
            return;
        };
        self.measured.answered += 1;
        if sent.measured {
            let latency = |from_ns: u64| now_ns.saturating_sub(from_ns).max(1);
            self.measured.intended.saturating_record(latency(sent.intended_ns));
            self.measured.send.saturating_record(latency(sent.sent_ns));
            self.measured.late.saturating_record(sent.sent_ns.saturating_sub(sent.intended_ns).max(1));
            if let Some(times) = &mut self.measured.kernel_times {
                times.record(&sent, arrived_ns, now_ns);
            }
            let Sent { intended_ns, sent_ns, .. } = sent;
            self.observer.answered(&Answered { session: index, intended_ns, sent_ns, answered_ns: now_ns });
        }
        self.count_completed(sent, now_ns);
    }

    #[inline]
    pub(super) fn count_completed(&mut self, sent: Sent, now_ns: u64) {
        if sent.measured {
            self.completed_measured += 1;
            self.last_completed_ns = now_ns;
        }
    }
}
