//! A numbered stream of messages, with which what comes is compared.

/// A numbered stream of messages.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    bytes: Vec<u8>,
    /// Where each message ends, and when the input was sequenced that it answers.
    ends: Vec<usize>,
    times_ns: Vec<u64>,
}

impl Stream {
    pub(crate) fn push(&mut self, message: &[u8], time_ns: u64) {
        self.bytes.extend(message);
        self.times_ns.push(time_ns);
        self.ends.push(self.bytes.len());
    }

    /// The number of messages.
    pub(crate) fn len(&self) -> u64 {
        self.ends.len() as u64
    }

    /// The number of messages of inputs that were sequenced before a time.
    pub(crate) fn len_before(&self, time_ns: u64) -> u64 {
        self.times_ns.partition_point(|&one_ns| one_ns < time_ns) as u64
    }

    /// Compares a message with the one of this number, from 1.
    ///
    /// # Errors
    /// What differs.
    pub(crate) fn compare(&self, number: u64, message: &[u8]) -> Result<(), String> {
        let at = (number as usize).wrapping_sub(1);
        let Some(&end) = self.ends.get(at) else {
            return Err(format!("message {number} is one too many: {}", Shown(message)));
        };
        let begin = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        match &self.bytes[begin..end] {
            expected if expected == message => Ok(()),
            expected => Err(format!("message {number} is {}, and the model's is {}", Shown(message), Shown(expected))),
        }
    }
}

/// A message for people.
pub(crate) struct Shown<'a>(pub &'a [u8]);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.first().map_or(Ok(()), |kind| write!(f, "{}", kind.escape_ascii()))?;
        self.0.iter().skip(1).try_for_each(|byte| write!(f, " {byte:02x}"))
    }
}
