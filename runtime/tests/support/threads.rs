//! Threads of this process as the kernel sees them.

use std::{fs, time::Duration};

use rustix::{
    process::Pid,
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};

use super::until;

/// A thread of this process, by the name of its shard, which no other test uses.
pub(crate) struct Thread(i32);

impl Thread {
    pub(crate) fn of(shard: &str) -> Self {
        let named = |tid: &i32| {
            fs::read_to_string(format!("/proc/self/task/{tid}/comm")).is_ok_and(|comm| comm.trim() == shard)
        };
        let find = || {
            let tids = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().file_name());
            tids.filter_map(|tid| tid.to_str()?.parse().ok()).find(named)
        };
        // The list leaves threads out while others end.
        let mut found = None;
        until("the shard's thread bears its name", || {
            found = find();
            found.is_some()
        });
        Thread(found.unwrap())
    }

    /// Its state's letter, and its CPU time in ticks of 10 ms.
    pub(crate) fn stat(&self) -> (char, u64) {
        let stat = fs::read_to_string(format!("/proc/self/task/{}/stat", self.0)).unwrap();
        let fields: Vec<_> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        let ticks = |field: usize| fields[field].parse::<u64>().unwrap();
        (fields[0].chars().next().unwrap(), ticks(11) + ticks(12))
    }

    /// Its CPU time so far.
    pub(crate) fn cpu_time(&self) -> Duration {
        let schedstat = fs::read_to_string(format!("/proc/self/task/{}/schedstat", self.0)).unwrap();
        Duration::from_nanos(schedstat.split(' ').next().unwrap().parse().unwrap())
    }

    fn pid(&self) -> Option<Pid> {
        Some(Pid::from_raw(self.0).unwrap())
    }

    pub(crate) fn cpus(&self) -> Vec<usize> {
        let set = sched_getaffinity(self.pid()).unwrap();
        (0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect()
    }

    pub(crate) fn move_to(&self, cpu: usize) {
        let mut set = CpuSet::new();
        set.set(cpu);
        sched_setaffinity(self.pid(), &set).unwrap();
    }
}
