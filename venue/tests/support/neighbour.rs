//! A well-behaved client that trades all the time next to whatever a test does.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{Client, PATIENCE, enter, price_of, until};

/// The user and the symbol that only the neighbour uses.
const USER: usize = 8;
const SYMBOL: &str = "CLN08";
/// Longest round trip that counts as being served, on a machine with other work.
const ROUND_TRIP_MAX: Duration = Duration::from_secs(2);

/// Checks every answer of its own; a wrong one, or none, fails the test at [`Neighbour::is_served`] or
/// [`Neighbour::leave`].
pub(crate) struct Neighbour {
    stop: Arc<AtomicBool>,
    rounds: Arc<AtomicU64>,
    thread: JoinHandle<Duration>,
}

impl Neighbour {
    pub(crate) fn log_in(address: SocketAddr) -> Neighbour {
        let mut client = Client::log_in(address, USER, 1);
        let (stop, rounds) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (told, done) = (stop.clone(), rounds.clone());
        let thread = thread::spawn(move || {
            let mut slowest = Duration::ZERO;
            for user_ref in 1.. {
                if told.load(Ordering::Relaxed) {
                    break;
                }
                let asked = Instant::now();
                client.send(&enter(user_ref, b'B', 1, SYMBOL, price_of(SYMBOL), b'3'));
                let answers = client.answers(2);
                let kinds = answers.iter().map(|answer| (answer.kind, answer.user_ref)).collect::<Vec<_>>();
                assert_eq!(kinds, [(b'A', user_ref), (b'C', user_ref)], "an order that finds nobody is cancelled");
                slowest = slowest.max(asked.elapsed());
                done.fetch_add(1, Ordering::Relaxed);
                // Its rate, and the CPU that it leaves to the others.
                thread::sleep(Duration::from_millis(1));
            }
            client.log_out();
            slowest
        });
        Neighbour { stop, rounds, thread }
    }

    /// Waits until two more of its orders are answered: the second was sent after the call.
    #[track_caller]
    pub(crate) fn is_served(&self) {
        let enough = self.rounds.load(Ordering::Relaxed) + 2;
        until("the neighbour is served", || {
            assert!(!self.thread.is_finished(), "the neighbour was given a wrong answer, or none within {PATIENCE:?}");
            self.rounds.load(Ordering::Relaxed) >= enough
        });
    }

    /// Logs it out and checks that none of its round trips took long.
    #[track_caller]
    pub(crate) fn leave(self) {
        self.is_served();
        self.stop.store(true, Ordering::Relaxed);
        let slowest = self.thread.join().expect("every answer of the neighbour's was right");
        assert!(slowest < ROUND_TRIP_MAX, "a round trip of the neighbour's took {slowest:?}");
    }
}
