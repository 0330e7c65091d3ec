//! The protocol under load.

/// What a frame from the server means to the measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The session is logged in.
    Ready,
    /// First answer to the request that follows `unanswered` earlier ones, which get none.
    First {
        /// Requests passed over.
        unanswered: u32,
    },
    /// A further answer, or a message that answers nothing.
    Further,
    /// The server ends the session.
    End,
}

/// A protocol under load. Frames are appended to buffers that are never shrunk, so that nothing allocates per
/// message.
pub trait Wire {
    /// How many sessions there are.
    fn sessions(&self) -> usize;
    /// Appends what a session says first. If that is nothing, it is ready at once.
    fn greeting(&mut self, session: usize, out: &mut Vec<u8>);
    /// Appends the next request.
    fn request(&mut self, session: usize, out: &mut Vec<u8>);
    /// Appends a request that cleans up after the run, until it returns `false`. These are not measured.
    fn closing(&mut self, session: usize, out: &mut Vec<u8>) -> bool;
    /// Appends a heartbeat.
    fn heartbeat(&mut self, session: usize, out: &mut Vec<u8>);
    /// Appends what a session says last.
    fn farewell(&mut self, session: usize, out: &mut Vec<u8>);
    /// Length of the first frame of `bytes`, `None` if it is not all there.
    ///
    /// # Errors
    /// If these bytes cannot be a frame.
    fn frame_len(&self, bytes: &[u8]) -> Result<Option<usize>, String>;
    /// Reads one frame.
    ///
    /// # Errors
    /// If it is not what it must be; the run then ends.
    fn on_frame(&mut self, session: usize, frame: &[u8]) -> Result<Event, String>;
    /// The request that was made last is not sent after all.
    fn withdraw(&mut self, session: usize);
    /// Messages that the server still owes this session, of whose requests the last `outstanding` that were sent
    /// have not been answered.
    fn owed(&self, session: usize, outstanding: usize) -> u64;
}
