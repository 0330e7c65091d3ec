//! Market data: books from feeds, arbitration of two lines, doubts, rejoining.

mod arbitration_harness;
mod harness;

mod books;
mod doubled;
mod doubts;
mod faults;
mod feed;
mod forged;
mod lines;
mod model;
mod odd_lines;
mod permits;
mod publication;
mod random;
mod recovery;
mod rejoin;
mod restart;
mod shards;
mod state;
mod succession;
