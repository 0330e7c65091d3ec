//! ractor. Its mailboxes have no bound: the flood's source waits while [`CAPACITY`] messages are not taken, by a count
//! that the sink keeps.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use corelane_runtime::message::Envelope;
use hdrhistogram::Histogram;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tokio::sync::oneshot;

use super::framework::{Counter, Framework, Pinger, Tasks, answer, flood_with};
use crate::{
    hop::{Ball, CAPACITY},
    peers::peer::{Kind, Peer},
};

pub(super) const TELL: Peer = Peer { name: "ractor, cast", kind: Kind::Actors, round_trips: tell, flood };
pub(super) const ASK: Peer = Peer { name: "ractor, call", kind: Kind::Actors, round_trips: ask, flood };

/// An actor's handler of messages.
trait Handle: Send + Sync + 'static {
    type Msg: Send + 'static;

    fn handle(&mut self, message: Self::Msg);
}

/// Hosts a handler, which is its state.
struct Host<H>(std::marker::PhantomData<H>);

impl<H: Handle> Actor for Host<H> {
    type Msg = H::Msg;
    type State = H;
    type Arguments = H;

    async fn pre_start(&self, _: ActorRef<H::Msg>, handler: H) -> Result<H, ActorProcessingErr> {
        Ok(handler)
    }

    async fn handle(&self, _: ActorRef<H::Msg>, message: H::Msg, handler: &mut H) -> Result<(), ActorProcessingErr> {
        handler.handle(message);
        Ok(())
    }
}

async fn start<H: Handle>(handler: H) -> ActorRef<H::Msg> {
    let started = Actor::spawn(None, Host(std::marker::PhantomData), handler).await;
    started.expect("an actor without a name starts").0
}

struct Near {
    far: ActorRef<ToFar>,
    pinger: Pinger,
    result: Option<oneshot::Sender<Histogram<u64>>>,
}

enum ToNear {
    Serve,
    Answer(Envelope<Ball>),
}

impl Handle for Near {
    type Msg = ToNear;

    fn handle(&mut self, message: ToNear) {
        if let ToNear::Answer(answer) = message
            && !self.pinger.take(&answer)
        {
            if let Some(result) = self.result.take() {
                let _ = result.send(self.pinger.histogram.clone());
            }
            return;
        }
        let ball = self.pinger.serve();
        self.far.cast(ToFar::Ball(ball)).expect("the far side runs until this one ends");
    }
}

struct Far {
    near: Option<ActorRef<ToNear>>,
}

enum ToFar {
    Meet(ActorRef<ToNear>),
    Ball(Envelope<Ball>),
    Ask(Envelope<Ball>, RpcReplyPort<Envelope<Ball>>),
}

impl Handle for Far {
    type Msg = ToFar;

    fn handle(&mut self, message: ToFar) {
        match message {
            ToFar::Meet(near) => self.near = Some(near),
            ToFar::Ball(ball) => {
                let near = self.near.as_ref().expect("they have met");
                near.cast(ToNear::Answer(answer(&ball))).expect("the near side waits for its answer");
            }
            ToFar::Ask(ball, reply) => reply.send(answer(&ball)).expect("the near side waits for its answer"),
        }
    }
}

fn tell(cpus: [usize; 2], duration: Duration) -> Histogram<u64> {
    Tasks::beside(cpus, far, async move |far: ActorRef<ToFar>| {
        let (result, histogram) = oneshot::channel();
        let near = start(Near { far: far.clone(), pinger: Pinger::new(duration), result: Some(result) }).await;
        far.cast(ToFar::Meet(near.clone())).expect("the far side runs until this one ends");
        near.cast(ToNear::Serve).expect("it has just been started");
        histogram.await.expect("it reports at the end")
    })
}

fn ask(cpus: [usize; 2], duration: Duration) -> Histogram<u64> {
    Tasks::beside(cpus, far, async move |far: ActorRef<ToFar>| {
        let mut pinger = Pinger::new(duration);
        loop {
            let ball = pinger.serve();
            let answer = far.call(|reply| ToFar::Ask(ball, reply), None).await;
            let answer = answer.expect("the far side runs until this one ends").unwrap();
            if !pinger.take(&answer) {
                return pinger.histogram;
            }
        }
    })
}

async fn far() -> ActorRef<ToFar> {
    start(Far { near: None }).await
}

struct Sink {
    counter: Counter,
    taken: Arc<AtomicU64>,
    result: Option<oneshot::Sender<f64>>,
}

enum ToSink {
    Ball(Envelope<Ball>),
    Over,
}

impl Handle for Sink {
    type Msg = ToSink;

    fn handle(&mut self, message: ToSink) {
        match message {
            ToSink::Ball(ball) => {
                self.counter.take(&ball);
                self.taken.store(self.counter.seen, Ordering::Relaxed);
            }
            ToSink::Over => {
                if let Some(result) = self.result.take() {
                    let _ = result.send(self.counter.per_s());
                }
            }
        }
    }
}

fn flood(cpus: [usize; 2], duration: Duration) -> f64 {
    let taken = Arc::new(AtomicU64::new(0));
    let sink = async |result| start(Sink { counter: Counter::new(), taken: taken.clone(), result: Some(result) }).await;
    Tasks::into_sink(cpus, sink, |sink: ActorRef<ToSink>| {
        let mut known = 0;
        flood_with(duration, |ball| {
            if ball.body.number - known > CAPACITY as u64 {
                known = taken.load(Ordering::Relaxed);
            }
            let has_room = ball.body.number - known <= CAPACITY as u64;
            has_room && sink.cast(ToSink::Ball(ball)).is_ok()
        });
        sink.cast(ToSink::Over).expect("the far side runs until this");
    })
}
