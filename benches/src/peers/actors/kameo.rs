//! kameo: bounded mailboxes over tokio's `mpsc`.

use std::{convert::Infallible, time::Duration};

use corelane_runtime::message::Envelope;
use hdrhistogram::Histogram;
use kameo::{
    actor::{Actor, ActorRef, Spawn},
    mailbox,
    message::{Context, Message},
    reply::{Reply, ReplyError},
};
use tokio::sync::oneshot;

use super::framework::{Counter, Framework, Pinger, Tasks, answer, flood_with};
use crate::{
    hop::{Ball, CAPACITY},
    peers::peer::{Kind, Peer},
};

pub(super) const TELL: Peer = Peer { name: "kameo, tell", kind: Kind::Actors, round_trips: tell, flood };
pub(super) const ASK: Peer = Peer { name: "kameo, ask", kind: Kind::Actors, round_trips: ask, flood };

/// Actors that are what they are started with.
macro_rules! actors {
    ($($name:ty),+) => {$(
        impl Actor for $name {
            type Args = Self;
            type Error = Infallible;

            async fn on_start(args: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
                Ok(args)
            }
        }
    )+};
}

actors!(Near, Far, Answerer, Sink);

fn start<A: Actor<Args = A>>(actor: A) -> ActorRef<A> {
    A::spawn_with_mailbox(actor, mailbox::bounded(CAPACITY))
}

struct Near {
    far: ActorRef<Far>,
    pinger: Pinger,
    result: Option<oneshot::Sender<Histogram<u64>>>,
}

/// Sends its first message.
struct Serve;

impl Near {
    fn serve(&mut self) {
        let ball = self.pinger.serve();
        self.far.tell(ball).try_send().expect("one message is under way at a time");
    }
}

impl Message<Serve> for Near {
    type Reply = ();

    async fn handle(&mut self, _: Serve, _: &mut Context<Self, ()>) {
        self.serve();
    }
}

impl Message<Envelope<Ball>> for Near {
    type Reply = ();

    async fn handle(&mut self, answer: Envelope<Ball>, _: &mut Context<Self, ()>) {
        if self.pinger.take(&answer) {
            self.serve();
        } else if let Some(result) = self.result.take() {
            let _ = result.send(self.pinger.histogram.clone());
        }
    }
}

struct Far {
    near: Option<ActorRef<Near>>,
}

/// Message with the address to answer to.
struct Meet(ActorRef<Near>);

impl Message<Meet> for Far {
    type Reply = ();

    async fn handle(&mut self, Meet(near): Meet, _: &mut Context<Self, ()>) {
        self.near = Some(near);
    }
}

impl Message<Envelope<Ball>> for Far {
    type Reply = ();

    async fn handle(&mut self, ball: Envelope<Ball>, _: &mut Context<Self, ()>) {
        let near = self.near.as_ref().expect("they have met");
        near.tell(answer(&ball)).try_send().expect("one message is under way at a time");
    }
}

fn tell(cpus: [usize; 2], duration: Duration) -> Histogram<u64> {
    Tasks::beside(
        cpus,
        async || start(Far { near: None }),
        async move |far: ActorRef<Far>| {
            let (result, histogram) = oneshot::channel();
            let near = start(Near { far: far.clone(), pinger: Pinger::new(duration), result: Some(result) });
            far.tell(Meet(near.clone())).await.expect("the far side runs until this one ends");
            near.tell(Serve).await.expect("it has just been started");
            histogram.await.expect("it reports at the end")
        },
    )
}

struct Answerer;

/// A message that wants an answer.
struct Ask(Envelope<Ball>);

impl Message<Ask> for Answerer {
    type Reply = Answer;

    async fn handle(&mut self, Ask(ball): Ask, _: &mut Context<Self, Answer>) -> Answer {
        Answer(answer(&ball))
    }
}

struct Answer(Envelope<Ball>);

impl Reply for Answer {
    type Ok = Self;
    type Error = Infallible;
    type Value = Self;

    fn to_result(self) -> Result<Self, Infallible> {
        Ok(self)
    }

    fn into_any_err(self) -> Option<Box<dyn ReplyError>> {
        None
    }

    fn into_value(self) -> Self {
        self
    }
}

fn ask(cpus: [usize; 2], duration: Duration) -> Histogram<u64> {
    Tasks::beside(
        cpus,
        async || start(Answerer),
        async move |far: ActorRef<Answerer>| {
            let mut pinger = Pinger::new(duration);
            loop {
                let ball = pinger.serve();
                let Answer(answer) = far.ask(Ask(ball)).await.expect("the far side runs until this one ends");
                if !pinger.take(&answer) {
                    return pinger.histogram;
                }
            }
        },
    )
}

struct Sink {
    counter: Counter,
    result: Option<oneshot::Sender<f64>>,
}

/// The flood is over.
struct Over;

impl Message<Envelope<Ball>> for Sink {
    type Reply = ();

    async fn handle(&mut self, ball: Envelope<Ball>, _: &mut Context<Self, ()>) {
        self.counter.take(&ball);
    }
}

impl Message<Over> for Sink {
    type Reply = ();

    async fn handle(&mut self, _: Over, _: &mut Context<Self, ()>) {
        if let Some(result) = self.result.take() {
            let _ = result.send(self.counter.per_s());
        }
    }
}

fn flood(cpus: [usize; 2], duration: Duration) -> f64 {
    let sink = async |result| start(Sink { counter: Counter::new(), result: Some(result) });
    Tasks::into_sink(cpus, sink, |sink: ActorRef<Sink>| {
        flood_with(duration, |ball| sink.tell(ball).try_send().is_ok());
        sink.tell(Over).blocking_send().expect("the far side runs until this");
    })
}
