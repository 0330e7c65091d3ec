//! A server's thread, from its start to its end.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    pin::Pin,
    thread::JoinHandle,
    time::{SystemTime, UNIX_EPOCH},
};

use core_affinity::CoreId;
use corelane_actors::types::GroupConfig;
use corelane_codecs::{soup::SessionName, text::Alpha};
use corelane_config::Config;
use corelane_venue::group_config;
use tokio::{runtime::Builder, sync::oneshot};

use super::{feed::FeedSetup, inbox::Credentials};

/// Configuration of a server.
pub(super) struct Setup {
    pub listener: TcpListener,
    pub session: SessionName,
    pub ports: Vec<Credentials>,
    pub group: GroupConfig,
    pub feed: Option<FeedSetup>,
}

/// A server at work; it ends when it is dropped.
pub(super) type Serving = Pin<Box<dyn Future<Output = ()>>>;

/// A running server.
pub(super) struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<f64>,
}

impl Server {
    /// Starts a server on a thread of its own on `cpu`.
    pub(super) fn start(cpu: usize, config: &Config, serve: fn(Setup) -> Serving) -> Server {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a TCP port on loopback");
        let address = listener.local_addr().expect("a bound socket has an address");
        listener.set_nonblocking(true).expect("sockets can be non-blocking");
        let session = Alpha::new(&config.venue.session).expect("the configuration's check knows the length");
        let feed = config.feeds.outbound.as_ref().map(|out| FeedSetup {
            to: out.to.into(),
            session,
            payload_max: out.payload_max_bytes,
        });
        let group = group_config(config).unwrap_or_else(|error| panic!("{error}"));
        let setup = Setup { listener, session, ports: ports(config), group, feed };
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            assert!(core_affinity::set_for_current(CoreId { id: cpu }), "pinning to an allowed CPU");
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let serving = serve(setup);
                let mut serving = std::pin::pin!(serving);
                let mut stopped = std::pin::pin!(stopped);
                std::future::poll_fn(|context| {
                    let _ = serving.as_mut().poll(context);
                    stopped.as_mut().poll(context).map(|_| ())
                })
                .await;
            });
            runtime.metrics().worker_total_busy_duration(0).as_secs_f64()
        });
        Server { address, stop, thread }
    }

    /// Address for clients to connect to.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it; returns the seconds in which it did not sleep.
    pub(super) fn stop(self) -> f64 {
        // The thread ends early only by a panic, which `join` shows.
        let _ = self.stop.send(());
        self.thread.join().expect("the server panicked")
    }
}

/// Nanoseconds since midnight, UTC.
pub(super) fn now_ns() -> u64 {
    const DAY_NS: u128 = 86_400_000_000_000;
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    (since_epoch.as_nanos() % DAY_NS) as u64
}

/// Users and passwords in the order of ports.
fn ports(config: &Config) -> Vec<Credentials> {
    config.ports.iter().map(|session| Credentials::new(&session.user, session.password.expose())).collect()
}
