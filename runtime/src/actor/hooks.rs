//! The hooks of an actor, which its cell calls.

use std::net::SocketAddr;

use super::context::Context;
use crate::{
    edge::port::Outputs,
    message::{Envelope, Message, SequenceNumber},
    net::{CloseReason, ConnId, Datagram, EndpointId, Flow},
    telemetry::TimingSet,
    topology::ids::ActorIndex,
};

/// Whether a step finished its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Step {
    /// The input is done.
    Done,
    /// There is more to do for this input: [`Actor::on_more`] is called, now or in a later turn, before any
    /// other message is delivered. Timers and the network do not wait for it.
    More,
    /// As [`Step::More`], but what it needs is not there yet, such as room in a socket: [`Actor::on_more`] is called once more
    /// in each turn. That it still waits is no work, so the shard may sleep for up to 20 ms.
    Wait,
}

/// The end of a neighbour, an actor that exchanges messages with this one: it has failed, or is stopped to be restarted with
/// another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Down {
    /// The actor; it compares with an [`ActorId`](crate::topology::ActorId).
    pub actor: ActorIndex,
    /// The number of the input that it failed on; [`SequenceNumber::NONE`] if that was not a sequenced input.
    pub sequence: SequenceNumber,
    /// Its generation that has ended: 0 until it was restarted.
    pub generation: u16,
}

/// The restart of a neighbour, an actor that exchanges messages with this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Up {
    /// The actor; it compares with an [`ActorId`](crate::topology::ActorId).
    pub actor: ActorIndex,
    /// Its generation that has begun, from 1. It knows nothing of the one before.
    pub generation: u16,
}

/// The role of an actor, for [`Topology::check`](crate::topology::Topology::check).
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Neither of the others.
    Ordinary,
    /// A [`Sequencer`](crate::sequencer::Sequencer).
    Sequencer,
    /// A [`SequencedActor`](crate::actor::SequencedActor).
    Sequenced,
}

/// A state machine hosted by a shard.
///
/// Everything it may touch comes through its [`Context`]: time, ports, timers, the network. It has no clock and no
/// randomness of its own, allocates nothing after [`Actor::on_start`], and does not log.
pub trait Actor: 'static {
    /// Its only input type: an enum for several kinds of input, `()` if nobody sends to it.
    type In: Message;
    /// Its typed ports: `()` for none, a [`Port`](crate::edge::port::Port) for one, a struct that [`ports!`](crate::ports)
    /// declares for several.
    type Out: Outputs;
    /// The most messages that one step sends on any one port; 0 without ports. A step that takes an input runs only while
    /// every port has that much room. A step that sends more fails the actor, except on edges that drop. More
    /// than 65,536 do not compile.
    const OUTPUTS_MAX: usize;
    /// The most timers that it has set at once. More than 16,777,216 do not compile.
    const TIMERS_MAX: usize = 0;
    /// The timings it records through its [`Context`]: [`TimingSet::of`] an enum that [`metrics!`](crate::metrics) made.
    const TIMINGS: TimingSet = TimingSet::NONE;
    /// The role that checks depend on. Only the runtime sets it.
    #[doc(hidden)]
    const ROLE: Role = Role::Ordinary;

    /// Called once on the shard's thread before any input; the place to allocate.
    fn on_start(&mut self, ctx: &mut Context<'_, Self::Out>) {
        let _ = ctx;
    }

    /// Handles one input.
    fn on_message(&mut self, ctx: &mut Context<'_, Self::Out>, message: &Self::In) -> Step;

    /// Shows the known messages behind the next one, oldest first, so that the actor can prefetch the memory that they will
    /// need ([`mem::prefetch`](crate::mem::prefetch)).
    ///
    /// Called before each message of a batch. How many messages it shows depends on timing, so no output may depend on it.
    #[inline]
    fn prefetch(&mut self, coming: &[Envelope<Self::In>]) {
        let _ = coming;
    }

    /// Continues the input whose last step returned [`Step::More`] or [`Step::Wait`].
    fn on_more(&mut self, ctx: &mut Context<'_, Self::Out>) -> Step {
        let _ = ctx;
        Step::Done
    }

    /// A timer set through [`Context::set_timer`] is due. It fires also if a port has no room: what it then sends waits in the
    /// port, and no further timer fires until that has left. It fires between two steps of an unfinished input too.
    ///
    /// Each time that the actor is polled, up to 64 timers fire that are due, and then up to 64 messages are taken: neither waits
    /// for the end of the other. It is polled at least once per turn; one that sends to no other actor may have to wait for up to
    /// 8 turns while the network brings input for others.
    fn on_timer(&mut self, ctx: &mut Context<'_, Self::Out>, token: u64) {
        let _ = (ctx, token);
    }

    /// Called at the end of a batch of inputs. Flush packed messages here.
    fn on_batch_end(&mut self, ctx: &mut Context<'_, Self::Out>) {
        let _ = ctx;
    }

    /// An actor that this one exchanges messages with has failed: called once for each of its generations. A value that is built
    /// by a restart hears at its start of those that are down just then. What such an actor has taken, it will not answer. If it
    /// is restarted, the messages that wait for it go to its next generation; otherwise they are discarded.
    fn on_down(&mut self, ctx: &mut Context<'_, Self::Out>, down: Down) {
        let _ = (ctx, down);
    }

    /// An actor that this one exchanges messages with was restarted: called once for each of its generations but the first, unless
    /// this one was down itself.
    fn on_up(&mut self, ctx: &mut Context<'_, Self::Out>, up: Up) {
        let _ = (ctx, up);
    }

    /// Called when the topology has drained and stops. What it sends to other actors is still handled, and what they send to their
    /// peers then leaves: connections are closed when nothing is in flight any more. What a connection does not take can be
    /// sent in [`NetActor::on_writable`] within two seconds after that; a connection that takes all is then closed.
    fn on_stop(&mut self, ctx: &mut Context<'_, Self::Out>) {
        let _ = ctx;
    }
}

/// An actor that owns network endpoints.
///
/// A frame is delivered only while every port has room for two steps, and held until then, so that network input cannot
/// block answers. The other callbacks cannot be put off: messages that they send without room wait in the port. While any
/// wait, datagrams are dropped and counted. An actor that must see all datagrams asks
/// [`Port::room`](crate::edge::port::Port::room) before it sends, and keeps the rest itself.
///
/// `runtime/examples/network_echo.rs` is a server. This is a client that tries again until its peer listens:
///
/// ```
/// use corelane_runtime::prelude::*;
/// use std::{io::Read, net::{SocketAddr, TcpListener}};
///
/// /// Each frame is one byte.
/// struct OneByte;
/// impl Framer for OneByte {
///     fn frame_len(&self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
///         Ok((!bytes.is_empty()).then_some(1))
///     }
/// }
///
/// struct Client { peer: EndpointId }
/// impl Actor for Client {
///     type In = ();
///     type Out = ();
///     const OUTPUTS_MAX: usize = 0;
///     const TIMERS_MAX: usize = 1;
///
///     fn on_message(&mut self, _: &mut Context<'_, ()>, (): &()) -> Step {
///         Step::Done
///     }
///     fn on_timer(&mut self, ctx: &mut Context<'_, ()>, _token: u64) {
///         ctx.net.reconnect(self.peer).expect("it is an outgoing connection, and closed");
///     }
/// }
/// impl NetActor for Client {
///     fn on_open(&mut self, ctx: &mut Context<'_, ()>, _: EndpointId, conn: ConnId, _: SocketAddr) {
///         ctx.net.send(conn, b"hello").expect("its send buffer is empty");
///     }
///     fn on_close(&mut self, ctx: &mut Context<'_, ()>, _: EndpointId, _: ConnId, _: CloseReason) {
///         ctx.set_timer(1_000_000, 0).expect("one connection, one timer");
///     }
/// }
///
/// // An address at which nobody listens yet.
/// let addr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
/// let mut topology = Topology::new();
/// let shard = topology.shard(ShardSpec::new("shard", allowed_cpus()[0]));
/// let connect = EndpointSpec::Connect { addr, framer: Box::new(OneByte) };
/// topology.net_actor(shard, "client", vec![connect], |endpoints| Client { peer: endpoints[0] });
/// let running = topology.start(RunOptions::default())?;
/// let (mut server, _) = TcpListener::bind(addr)?.accept()?;
/// let mut hello = [0; 5];
/// server.read_exact(&mut hello)?;
/// assert_eq!(&hello, b"hello");
/// drop(server);
/// assert!(running.stop().drained);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not handle the network",
    label = "not a `NetActor`",
    note = "write `impl NetActor for` it (all hooks have defaults), or declare it with `Topology::actor`, without endpoints"
)]
pub trait NetActor: Actor {
    /// A connection was accepted, or an outgoing one is established.
    fn on_open(&mut self, ctx: &mut Context<'_, Self::Out>, endpoint: EndpointId, conn: ConnId, peer: SocketAddr) {
        let _ = (ctx, endpoint, conn, peer);
    }

    /// Handles one whole frame of a stream, borrowed for the call.
    fn on_frame(&mut self, ctx: &mut Context<'_, Self::Out>, conn: ConnId, frame: &[u8]) -> Flow {
        let _ = (ctx, conn, frame);
        Flow::Taken
    }

    /// Handles one datagram.
    fn on_datagram(&mut self, ctx: &mut Context<'_, Self::Out>, endpoint: EndpointId, datagram: &Datagram<'_>) {
        let _ = (ctx, endpoint, datagram);
    }

    /// The peer has ended its side of the connection, and every frame that it sent before has been taken. It may still read.
    ///
    /// By default the connection is closed after what was queued is sent. An actor whose answers come later overrides this, and
    /// calls [`Net::close`](crate::net::Net::close) with [`CloseReason::Peer`] once it owes the peer nothing more, or after a time-out.
    fn on_half_close(&mut self, ctx: &mut Context<'_, Self::Out>, conn: ConnId) {
        ctx.net.close(conn, CloseReason::Peer);
    }

    /// A connection that refused a send has room again.
    fn on_writable(&mut self, ctx: &mut Context<'_, Self::Out>, conn: ConnId) {
        let _ = (ctx, conn);
    }

    /// A connection is gone, or an outgoing one could not be established: then there was no [`NetActor::on_open`].
    fn on_close(&mut self, ctx: &mut Context<'_, Self::Out>, endpoint: EndpointId, conn: ConnId, reason: CloseReason) {
        let _ = (ctx, endpoint, conn, reason);
    }
}
