//! The protocol under load.

/// The meaning of a frame from the server for the measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The session is logged in.
    Ready,
    /// The first answer to a request. The `unanswered` requests before it get no answer.
    First {
        /// The number of requests skipped.
        unanswered: u32,
    },
    /// A further answer to the same request, or a message that answers no request.
    Further,
    /// The server ended the session.
    End,
}

/// A protocol to generate load with. Implementations append frames to buffers that never shrink, so that nothing is
/// allocated per message.
pub trait Wire {
    /// The number of sessions.
    fn sessions(&self) -> usize;
    /// Appends a session's login. If it appends nothing, the session is ready at once.
    fn greeting(&mut self, session: usize, out: &mut Vec<u8>);
    /// Appends the next request.
    fn request(&mut self, session: usize, out: &mut Vec<u8>);
    /// Appends a clean-up request after the run; called until it returns `false`. These requests are not measured.
    fn closing(&mut self, session: usize, out: &mut Vec<u8>) -> bool;
    /// Appends a heartbeat.
    fn heartbeat(&mut self, session: usize, out: &mut Vec<u8>);
    /// Appends a session's logout.
    fn farewell(&mut self, session: usize, out: &mut Vec<u8>);
    /// The length of the first frame in `bytes`; `None` if it is incomplete.
    ///
    /// # Errors
    /// A description, if the bytes cannot be a frame.
    fn frame_len(&self, bytes: &[u8]) -> Result<Option<usize>, String>;
    /// Handles one frame.
    ///
    /// # Errors
    /// A description, if the frame is not as expected. It ends the run.
    fn on_frame(&mut self, session: usize, frame: &[u8]) -> Result<Event, String>;
    /// Withdraws the last generated request, which will not be sent.
    fn withdraw(&mut self, session: usize);
    /// The number of messages that the server still owes this session, given that the last `outstanding` sent requests
    /// are unanswered.
    fn owed(&self, session: usize, outstanding: usize) -> u64;
}
