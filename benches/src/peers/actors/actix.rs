//! actix: bounded mailboxes, an arbiter on each thread.

use std::time::Duration;

use actix::{Actor, Addr, Context, Handler, Message, MessageResult, System};
use corelane_runtime::message::Envelope;
use hdrhistogram::Histogram;
use tokio::sync::oneshot;

use super::framework::{Counter, Framework, Pinger, answer, flood_with, runtime, spin};
use crate::{
    hop::{Ball, CAPACITY},
    peers::peer::{Kind, Peer},
};

pub(super) const TELL: Peer = Peer { name: "actix, do_send", kind: Kind::Actors, round_trips: tell, flood };
pub(super) const ASK: Peer = Peer { name: "actix, send", kind: Kind::Actors, round_trips: ask, flood };

/// Actors in a system on each thread.
struct Systems;

impl Framework for Systems {
    fn spinning<F: Future>(future: F) -> F::Output {
        System::with_tokio_rt(runtime).block_on(async {
            tokio::spawn(spin());
            future.await
        })
    }
}

/// A message without an answer.
#[derive(Clone, Copy)]
struct Post(Envelope<Ball>);

impl Message for Post {
    type Result = ();
}

struct Near {
    far: Addr<Far>,
    pinger: Pinger,
    result: Option<oneshot::Sender<Histogram<u64>>>,
}

impl Near {
    fn serve(&mut self) {
        self.far.do_send(Post(self.pinger.serve()));
    }
}

impl Actor for Near {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(CAPACITY);
        self.serve();
    }
}

impl Handler<Post> for Near {
    type Result = ();

    fn handle(&mut self, Post(answer): Post, _: &mut Context<Self>) {
        if self.pinger.take(&answer) {
            self.serve();
        } else if let Some(result) = self.result.take() {
            let _ = result.send(self.pinger.histogram.clone());
        }
    }
}

struct Far {
    near: Option<Addr<Near>>,
}

impl Actor for Far {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(CAPACITY);
    }
}

/// Message with the address to answer to.
struct Meet(Addr<Near>);

impl Message for Meet {
    type Result = ();
}

impl Handler<Meet> for Far {
    type Result = ();

    fn handle(&mut self, Meet(near): Meet, _: &mut Context<Self>) {
        self.near = Some(near);
    }
}

impl Handler<Post> for Far {
    type Result = ();

    fn handle(&mut self, Post(ball): Post, _: &mut Context<Self>) {
        let near = self.near.as_ref().expect("they have met");
        near.do_send(Post(answer(&ball)));
    }
}

/// A message with an answer.
struct Ask(Envelope<Ball>);

impl Message for Ask {
    type Result = Envelope<Ball>;
}

impl Handler<Ask> for Far {
    type Result = MessageResult<Ask>;

    fn handle(&mut self, Ask(ball): Ask, _: &mut Context<Self>) -> MessageResult<Ask> {
        MessageResult(answer(&ball))
    }
}

fn tell(cpus: [usize; 2], duration: Duration) -> Histogram<u64> {
    Systems::beside(cpus, far, async move |far: Addr<Far>| {
        let (result, histogram) = oneshot::channel();
        // The mailbox keeps the order: the far side knows whom to answer before the first message comes.
        let near = Near::create(|ctx| {
            far.do_send(Meet(actix::AsyncContext::address(ctx)));
            Near { far, pinger: Pinger::new(duration), result: Some(result) }
        });
        let histogram = histogram.await.expect("it reports at the end");
        drop(near);
        histogram
    })
}

fn ask(cpus: [usize; 2], duration: Duration) -> Histogram<u64> {
    Systems::beside(cpus, far, async move |far: Addr<Far>| {
        let mut pinger = Pinger::new(duration);
        loop {
            let ball = pinger.serve();
            let answer = far.send(Ask(ball)).await.expect("the far side runs until this one ends");
            if !pinger.take(&answer) {
                return pinger.histogram;
            }
        }
    })
}

async fn far() -> Addr<Far> {
    Far { near: None }.start()
}

struct Sink {
    counter: Counter,
    result: Option<oneshot::Sender<f64>>,
}

impl Actor for Sink {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(CAPACITY);
    }
}

impl Handler<Post> for Sink {
    type Result = ();

    fn handle(&mut self, Post(ball): Post, _: &mut Context<Self>) {
        self.counter.take(&ball);
    }
}

/// The flood is over.
struct Over;

impl Message for Over {
    type Result = ();
}

impl Handler<Over> for Sink {
    type Result = ();

    fn handle(&mut self, _: Over, _: &mut Context<Self>) {
        if let Some(result) = self.result.take() {
            let _ = result.send(self.counter.per_s());
        }
    }
}

fn flood(cpus: [usize; 2], duration: Duration) -> f64 {
    let sink = async |result| Sink { counter: Counter::new(), result: Some(result) }.start();
    Systems::into_sink(cpus, sink, |sink: Addr<Sink>| {
        flood_with(duration, |ball| sink.try_send(Post(ball)).is_ok());
        sink.do_send(Over);
    })
}
