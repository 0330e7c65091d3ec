//! A stream that a thread of its own writes, so that nobody else waits for its reader.

use std::{
    io::{self, ErrorKind, Write},
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel},
    thread,
    time::{Duration, Instant},
};

/// Texts that wait to be written; one more is refused.
const TEXTS_MAX: usize = 1024;
/// How long the end of a command waits for its readers.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// How long it waits at least.
const LEAST: Duration = Duration::from_secs(1);

/// The stream. What it takes is written later; an error comes back at the next write, at the next flush, or at the end.
#[derive(Debug)]
pub(crate) struct Aside {
    texts: SyncSender<Vec<u8>>,
    /// How the thread ended.
    ended: Receiver<io::Result<()>>,
}

impl Aside {
    /// Starts the thread that writes `stream`.
    ///
    /// # Errors
    /// The system starts no thread.
    pub(crate) fn start(mut stream: impl Write + Send + 'static) -> io::Result<Aside> {
        let (texts, received) = sync_channel::<Vec<u8>>(TEXTS_MAX);
        let (end, ended) = sync_channel(1);
        let writing = move || {
            let written = received.iter().try_for_each(|text| stream.write_all(&text).and_then(|()| stream.flush()));
            // Nobody waits any more if it comes late.
            let _ = end.send(written);
        };
        thread::Builder::new().name("output".to_owned()).spawn(writing)?;
        Ok(Aside { texts, ended })
    }

    /// Waits until all is written, but for a reader that stands still only until then, and a second at least: one that reads
    /// needs some time, too.
    ///
    /// # Errors
    /// What could not be written.
    pub(crate) fn finish(self, deadline: Instant) -> io::Result<()> {
        let Aside { texts, ended } = self;
        drop(texts);
        ended.recv_timeout(deadline.saturating_duration_since(Instant::now()).max(LEAST)).unwrap_or_else(|error| {
            match error {
                RecvTimeoutError::Timeout => Err(stands_still()),
                RecvTimeoutError::Disconnected => Ok(()),
            }
        })
    }

    fn error(&self) -> io::Result<()> {
        match self.ended.try_recv() {
            Ok(ended) => ended,
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => Ok(()),
        }
    }
}

impl Write for Aside {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        match self.texts.try_send(text.to_vec()) {
            Ok(()) => self.error()?,
            Err(TrySendError::Full(_)) => return Err(stands_still()),
            // The thread ends before this stream only by an error, which it has sent just before.
            Err(TrySendError::Disconnected(_)) => self.error()?,
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.error()
    }
}

fn stands_still() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, "its reader stands still")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that stands still until the test lets it go on, and then reads, or fails.
    struct Reader {
        goes_on: Receiver<io::Result<()>>,
        read: SyncSender<Vec<u8>>,
    }

    impl Write for Reader {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.goes_on.recv().expect("the test is there")?;
            self.read.send(text.to_vec()).expect("the test is there");
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn reader() -> (Aside, SyncSender<io::Result<()>>, Receiver<Vec<u8>>) {
        let (go_on, goes_on) = sync_channel(2 * TEXTS_MAX);
        let (read, was_read) = sync_channel(2 * TEXTS_MAX);
        (Aside::start(Reader { goes_on, read }).unwrap(), go_on, was_read)
    }

    #[test]
    fn a_reader_that_stands_still_keeps_nobody_and_loses_what_it_does_not_read() {
        let (mut aside, _go_on, _) = reader();
        let written = (0..2 * TEXTS_MAX).map_while(|_| aside.write(b"x").ok()).count();
        // One is with the reader, if the thread has taken it by now.
        assert!((TEXTS_MAX..=TEXTS_MAX + 1).contains(&written), "{written}");
        let error = aside.finish(Instant::now()).unwrap_err();
        assert_eq!(error.to_string(), "its reader stands still");
    }

    #[test]
    fn a_reader_that_goes_on_in_time_has_all_in_order() {
        let (mut aside, go_on, was_read) = reader();
        for text in 0..100_u8 {
            aside.write_all(&[text]).unwrap();
        }
        (0..100).for_each(|_| go_on.send(Ok(())).unwrap());
        aside.finish(Instant::now() + PATIENCE).unwrap();
        assert_eq!(was_read.iter().flatten().collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn an_error_comes_back_once_and_is_the_end() {
        for waits_for_it in [false, true] {
            let (mut aside, go_on, _) = reader();
            aside.write_all(b"x").unwrap();
            go_on.send(Err(ErrorKind::StorageFull.into())).unwrap();
            let error = if waits_for_it {
                aside.finish(Instant::now() + PATIENCE).unwrap_err()
            } else {
                loop {
                    if let Err(error) = aside.flush() {
                        break error;
                    }
                    thread::yield_now();
                }
            };
            assert_eq!(error.kind(), ErrorKind::StorageFull);
        }
    }
}
