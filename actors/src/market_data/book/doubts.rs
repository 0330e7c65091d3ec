//! Which books may differ from the feed's: the feed has contradicted them, or an order found no room.
//!
//! A doubtful book stays so until a replay has shown a sound one, or until the feed is joined anew ([`Doubts::clear`]).

use crate::types::Locate;

/// Words of a set of all locates of a feed.
const FEED_LOCATE_WORDS: usize = (1 << u16::BITS) / u64::BITS as usize;

/// The doubtful books, and the locates of the feed that were in doubt before it named their instruments.
#[derive(Debug)]
pub(super) struct Doubts {
    /// By our locate, less 1.
    is_doubtful: Box<[bool]>,
    /// Books that became doubtful since [`Doubts::next_new`] was called last; each at most once between two clears.
    new: Vec<Locate>,
    /// A bit for each locate of the feed.
    unnamed: Box<[u64; FEED_LOCATE_WORDS]>,
    /// Whether the feed has contradicted a book.
    is_contradicted: bool,
}

impl Doubts {
    /// No book of `books` is doubtful.
    pub(super) fn new(books: usize) -> Self {
        Doubts {
            is_doubtful: vec![false; books].into(),
            new: Vec::with_capacity(books),
            unnamed: Box::new([0; FEED_LOCATE_WORDS]),
            is_contradicted: false,
        }
    }

    pub(super) fn clear(&mut self) {
        self.is_doubtful.fill(false);
        self.new.clear();
        self.unnamed.fill(0);
        self.is_contradicted = false;
    }

    #[inline]
    pub(super) fn is_doubtful(&self, locate: Locate) -> bool {
        self.is_doubtful[locate.index()]
    }

    /// Whether the feed has contradicted a book, which may be sound in a replay. For lack of room, no book is.
    pub(super) fn is_contradicted(&self) -> bool {
        self.is_contradicted
    }

    /// Doubts a book that the feed has contradicted.
    #[cold]
    pub(super) fn contradict(&mut self, locate: Locate) {
        self.is_contradicted = true;
        self.doubt(locate);
    }

    /// Doubts a book.
    #[cold]
    pub(super) fn doubt(&mut self, locate: Locate) {
        let is_doubtful = &mut self.is_doubtful[locate.index()];
        if !*is_doubtful {
            *is_doubtful = true;
            self.new.push(locate);
        }
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
            self.contradict(locate);
        }
    }

    /// A book that has become doubtful and was not returned yet.
    #[inline]
    pub(super) fn next_new(&mut self) -> Option<Locate> {
        self.new.pop()
    }
}

fn word_and_bit(feed_locate: u16) -> (usize, u64) {
    let (feed_locate, bits) = (usize::from(feed_locate), u64::BITS as usize);
    (feed_locate / bits, 1 << (feed_locate % bits))
}
