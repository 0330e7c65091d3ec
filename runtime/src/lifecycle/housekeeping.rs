//! The housekeeping thread: runs the supervisor on an executor of its own, and joins the shards' threads at the end.

use glommio::{LocalExecutorBuilder, Placement};

use super::{GLOMMIO_IO_MEMORY, stages, supervise::Supervisor};

/// A shard's name and its thread.
pub(super) type ShardThread = (String, glommio::ExecutorJoinHandle<()>);

/// Looks after the shards until asked to stop, then stops them; returns whether everything in flight was finished.
pub(super) fn run(mut supervisor: Supervisor, threads: Vec<ShardThread>) -> bool {
    let placement = supervisor.options.housekeeping_cpu.map_or(Placement::Unbound, Placement::Fixed);
    let executor = LocalExecutorBuilder::new(placement).io_memory(GLOMMIO_IO_MEMORY).make();
    let drained = match executor {
        Ok(executor) => executor.run(async {
            supervisor.look_after().await;
            supervisor.stop_in_order().await
        }),
        Err(error) => {
            tracing::error!(%error, "housekeeping could not start; stopping");
            false
        }
    };
    supervisor.advance(stages::EXIT);
    for (name, thread) in threads {
        if let Err(error) = thread.join() {
            tracing::error!(shard = name, %error, "shard ended badly");
        }
    }
    // What the shards handed over last.
    supervisor.relay_failures();
    supervisor.gather();
    drained
}
