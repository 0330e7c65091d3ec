//! The requests that wait for an answer, with a share for each source, which are served in turn.

use std::{collections::VecDeque, net::SocketAddr};

use corelane_codecs::mold::Request;

/// Most sources (addresses with port) of requests that wait.
const SOURCES_MAX: usize = 256;
/// Most requests of one source that wait. A batch answers as many.
const REQUESTS_PER_SOURCE_MAX: usize = 16;

#[derive(Debug)]
struct Source {
    from: SocketAddr,
    /// Oldest first; at least one.
    requests: VecDeque<Request>,
}

/// The waiting requests. Allocates all its memory at the start.
#[derive(Debug)]
pub(super) struct Requests {
    /// The next one to be served first.
    sources: VecDeque<Source>,
    spare: Vec<VecDeque<Request>>,
}

impl Requests {
    pub(super) fn new() -> Self {
        Requests {
            sources: VecDeque::with_capacity(SOURCES_MAX),
            spare: (0..SOURCES_MAX).map(|_| VecDeque::with_capacity(REQUESTS_PER_SOURCE_MAX)).collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// Notes a request; false if its source's share is full, or there are too many sources.
    pub(super) fn push(&mut self, from: SocketAddr, request: Request) -> bool {
        if let Some(source) = self.sources.iter_mut().find(|source| source.from == from) {
            let has_room = source.requests.len() < REQUESTS_PER_SOURCE_MAX;
            if has_room {
                source.requests.push_back(request);
            }
            return has_room;
        }
        let Some(mut requests) = self.spare.pop() else { return false };
        requests.push_back(request);
        self.sources.push_back(Source { from, requests });
        true
    }

    /// The next request to be answered.
    pub(super) fn next(&self) -> Option<(SocketAddr, Request)> {
        let source = self.sources.front()?;
        Some((source.from, *source.requests.front()?))
    }

    /// Removes the next request; after it comes one of another source.
    pub(super) fn advance(&mut self) {
        if let Some(mut source) = self.sources.pop_front() {
            source.requests.pop_front();
            if source.requests.is_empty() {
                self.spare.push(source.requests);
            } else {
                self.sources.push_back(source);
            }
        }
    }
}
