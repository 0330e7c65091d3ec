//! A shard's thread: builds the shard, reports its addresses, waits for the others and runs the duty cycle.

use std::{
    ffi::CString,
    net::SocketAddr,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use corelane_sync::stage::{ProgressWriter, Stage};

use super::{error::StartError, event::Presence, stages};
use crate::{
    clock::Clock,
    net::{Driver, EndpointId, NetError},
    shard::duty::{DutyCycle, Figures, Sleeper},
    shard::flight::{LastCalled, RecorderSeat},
    shard::notice::{Notice, Report},
    shard::panics::mark_runtime_thread,
    shard::time::ShardTime,
    shard::transport::{NoNet, Transport},
    telemetry::ShardTelemetry,
    topology::Idle,
    topology::plan::ShardPlan,
};

/// A shard's name and, once it is built, the addresses of its actors' endpoints by actor.
pub(super) type Built = (String, Result<Vec<(u32, Vec<SocketAddr>)>, StartError>);

/// What a shard's thread needs, sent to it.
pub(super) struct Seat {
    pub plan: ShardPlan,
    pub telemetry: ShardTelemetry,
    pub time: Clock,
    pub stage: Arc<Stage>,
    pub progress: ProgressWriter,
    pub reports: rtrb::Producer<Report>,
    pub notices: rtrb::Consumer<Notice>,
    pub recorder: RecorderSeat,
    pub last_called: LastCalled,
    pub presence: Presence,
}

impl Seat {
    /// Builds the shard on its own thread, reports it, waits for the others and runs.
    pub(super) async fn run(self, built: mpsc::Sender<Built>) {
        mark_runtime_thread();
        self.presence.tell_end_of_thread();
        // The executor appends its own number. The kernel keeps 15 bytes; a name with a zero byte is not worth failing.
        if let Ok(name) = CString::new(self.plan.spec.name.as_str()) {
            let _ = rustix::thread::set_name(&name);
        }
        let Seat { presence, mut plan, telemetry, time, stage, progress, reports, notices, recorder, last_called } =
            self;
        let (spec, waker) = (plan.spec.clone(), plan.waker.clone());
        let counts = plan.endpoint_counts();
        let actors = plan.actor_indices();
        let sleeper = Sleeper::new(&waker).map_err(|source| NetError::Eventfd { source });
        let (transport, sleeper) = match open_transport(&mut plan).and_then(|transport| Ok((transport, sleeper?))) {
            Ok(opened) => opened,
            Err(source) => {
                let shard = spec.name.clone();
                let _ = built.send((spec.name, Err(StartError::Net { shard, source })));
                return;
            }
        };
        let mut shard = match plan.build(ShardTime::real(time), telemetry, transport, &counts, last_called) {
            Ok(shard) => shard,
            Err(panicked) => {
                let (place, message) = *panicked;
                let (shard, message) = (spec.name.clone(), message.to_string());
                let _ = built.send((spec.name, Err(StartError::Factory { shard, place, message })));
                return;
            }
        };
        shard.start();
        let mut endpoint = 0;
        let mut addresses = Vec::new();
        for (actor, count) in actors.into_iter().zip(counts) {
            let ids = endpoint..endpoint + count as u32;
            endpoint += count as u32;
            let bound = ids.filter_map(|id| shard.transport.local_addr(EndpointId(id)));
            addresses.push((actor, bound.collect()));
        }
        let _ = built.send((spec.name, Ok(addresses)));
        drop(built);
        while stage.current() == stages::BOOT {
            thread::sleep(Duration::from_micros(200));
        }
        let duty = DutyCycle {
            recorder: recorder.of(shard.recorded()),
            shard,
            idle: spec.idle,
            cpu: spec.cpu,
            stage,
            progress,
            waker,
            sleeper,
            reports,
            notices,
            wake_housekeeping: presence.waker(),
            figures: Figures::default(),
        };
        duty.run(|place, message, events| presence.panicked(place, message, events)).await;
    }
}

/// A shard with endpoints has a driver; so has one that may sleep, since the driver's ring carries its timers.
fn open_transport(plan: &mut ShardPlan) -> Result<Box<dyn Transport>, NetError> {
    let endpoints = plan.take_endpoints();
    if endpoints.is_empty() && plan.spec.idle != Idle::Park {
        return Ok(Box::new(NoNet));
    }
    let mut driver = Driver::new(plan.spec.net.clone(), endpoints)?;
    if let Some(descriptor) = plan.waker.descriptor().map_err(|source| NetError::Eventfd { source })? {
        driver.register_eventfd(descriptor)?;
        driver.disable_eventfd();
    }
    Ok(Box::new(driver))
}
