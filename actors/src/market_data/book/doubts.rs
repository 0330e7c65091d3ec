//! Which books may differ from the feed's: the feed has contradicted them, or an order found no room.
//!
//! A doubtful book stays so until a replay has put it right, or until the feed is joined anew ([`Doubts::clear`]).

use crate::types::Locate;

/// Words of a set of all locates of a feed.
const FEED_LOCATE_WORDS: usize = (1 << u16::BITS) / u64::BITS as usize;

/// What is known of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Sound,
    /// It may be put right by a replay.
    Doubtful,
    /// It is built anew from a replay.
    Replaying,
    /// It is sound after a replay.
    Replayed,
    /// A replay has not put it right.
    Lost,
}

/// The doubtful books, and the locates of the feed that were in doubt before it named their instruments.
#[derive(Debug)]
pub(super) struct Doubts {
    /// By our locate, less 1.
    states: Box<[State]>,
    /// Books in [`State::Doubtful`].
    doubtful: usize,
    /// Books that became doubtful or sound since [`Doubts::next_new`] was called last.
    new: Vec<Locate>,
    /// A bit for each locate of the feed.
    unnamed: Box<[u64; FEED_LOCATE_WORDS]>,
}

impl Doubts {
    /// No book of `books` is doubtful.
    pub(super) fn new(books: usize) -> Self {
        Doubts {
            states: vec![State::Sound; books].into(),
            doubtful: 0,
            // Between two looks, a book becomes sound and doubtful at most once each.
            new: Vec::with_capacity(2 * books),
            unnamed: Box::new([0; FEED_LOCATE_WORDS]),
        }
    }

    pub(super) fn clear(&mut self) {
        self.states.fill(State::Sound);
        self.doubtful = 0;
        self.new.clear();
        self.unnamed.fill(0);
    }

    #[inline]
    pub(super) fn is_doubtful(&self, locate: Locate) -> bool {
        !matches!(self.states[locate.index()], State::Sound | State::Replayed)
    }

    /// Doubts a book.
    #[cold]
    pub(super) fn doubt(&mut self, locate: Locate) {
        let state = &mut self.states[locate.index()];
        match *state {
            State::Sound => {
                *state = State::Doubtful;
                self.doubtful += 1;
                self.new.push(locate);
            }
            State::Replayed => {
                *state = State::Lost;
                self.new.push(locate);
            }
            State::Replaying => *state = State::Lost,
            State::Doubtful | State::Lost => {}
        }
    }

    /// Whether a replay may put books right.
    #[inline]
    pub(super) fn wants_replay(&self) -> bool {
        self.doubtful > 0
    }

    /// Begins to build a book anew; false if it needs no replay.
    pub(super) fn begin_replay(&mut self, locate: Locate) -> bool {
        let state = &mut self.states[locate.index()];
        let is_doubtful = *state == State::Doubtful;
        if is_doubtful {
            *state = State::Replaying;
            self.doubtful -= 1;
        }
        is_doubtful
    }

    /// Ends the replay of a book.
    pub(super) fn end_replay(&mut self, locate: Locate, is_complete: bool) {
        let state = &mut self.states[locate.index()];
        match *state {
            State::Replaying if is_complete => *state = State::Replayed,
            State::Replaying => *state = State::Lost,
            State::Doubtful if !is_complete => {
                *state = State::Lost;
                self.doubtful -= 1;
            }
            // The replay has contradicted it, too.
            State::Lost => {}
            State::Sound | State::Doubtful | State::Replayed => return,
        }
        self.new.push(locate);
    }

    /// Doubts the instrument of a locate that the feed has not named yet.
    #[cold]
    pub(super) fn doubt_unnamed(&mut self, feed_locate: u16) {
        let (word, bit) = word_and_bit(feed_locate);
        self.unnamed[word] |= bit;
    }

    /// Takes note that the feed has named one of our instruments.
    #[cold]
    pub(super) fn on_named(&mut self, feed_locate: u16, locate: Locate) {
        let (word, bit) = word_and_bit(feed_locate);
        if self.unnamed[word] & bit != 0 {
            self.doubt(locate);
        }
    }

    /// A book that has become doubtful or sound and was not returned yet.
    #[inline]
    pub(super) fn next_new(&mut self) -> Option<Locate> {
        self.new.pop()
    }
}

fn word_and_bit(feed_locate: u16) -> (usize, u64) {
    let (feed_locate, bits) = (usize::from(feed_locate), u64::BITS as usize);
    (feed_locate / bits, 1 << (feed_locate % bits))
}
