//! What readers were told of each instrument, and which instruments they have to be told about.

use crate::messages::{Locate, Reference};

use super::publication::TopOfBook;

/// What is told of an instrument.
pub trait News: Copy + Default {
    /// Whether it says anything that `told` did not.
    fn is_news_after(&self, told: &Self) -> bool;
}

impl News for Reference {
    fn is_news_after(&self, told: &Self) -> bool {
        (told.bid, told.ask, told.stale) != (self.bid, self.ask, self.stale)
    }
}

impl News for TopOfBook {
    fn is_news_after(&self, told: &Self) -> bool {
        let said = |top: &Self| (top.bid, top.ask, top.stale, top.trading_state);
        said(self) != said(told)
    }
}

/// By instrument: what was told last, and whether something is due.
#[derive(Debug)]
pub struct Told<N> {
    /// By our locate, less 1: what is known, and whether the instrument is on the list of changed ones.
    told: Box<[(N, bool)]>,
    changed: Vec<Locate>,
}

impl<N: News> Told<N> {
    /// Nothing is known of so many instruments.
    pub fn new(instruments: usize) -> Self {
        Told { told: vec![(N::default(), false); instruments].into(), changed: Vec::with_capacity(instruments) }
    }

    /// Something of an instrument may have changed.
    #[inline]
    pub fn mark(&mut self, locate: Locate) {
        let (_, is_marked) = &mut self.told[usize::from(locate) - 1];
        if !*is_marked {
            *is_marked = true;
            self.changed.push(locate);
        }
    }

    /// Something that concerns all instruments has changed.
    pub fn mark_all(&mut self) {
        for locate in 1..=self.told.len() as Locate {
            self.mark(locate);
        }
    }

    /// Takes an instrument off the list of changed ones.
    pub fn next_changed(&mut self) -> Option<Locate> {
        let locate = self.changed.pop()?;
        self.told[usize::from(locate) - 1].1 = false;
        Some(locate)
    }

    /// Whether instruments are on the list.
    pub fn is_due(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Notes `news` as told; false if it is none.
    pub fn tell(&mut self, locate: Locate, news: N) -> bool {
        let (told, _) = &mut self.told[usize::from(locate) - 1];
        let is_news = news.is_news_after(told);
        if is_news {
            *told = news;
        }
        is_news
    }
}
