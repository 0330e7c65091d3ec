//! The host settings that decide latency, read from procfs and sysfs.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path;

use rustix::process::{Resource, getrlimit};

use crate::CpuList;

/// The settings of this host and this process. A setting is `None` if the kernel does not expose it, which is common in
/// virtual machines and containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The processor's model name.
    pub cpu_model: Option<String>,
    /// The CPUs that this process may use, from the affinity mask of the calling thread.
    pub allowed_cpus: CpuList,
    /// The CPUs excluded from scheduling (`isolcpus=`).
    pub isolated_cpus: CpuList,
    /// Allowed CPUs that share a core with another allowed CPU, one list per core.
    pub smt_siblings: Vec<CpuList>,
    /// The kernel release, such as `6.18.4`.
    pub kernel_release: Option<String>,
    /// The distinct frequency governors of the allowed CPUs.
    pub governors: Option<Vec<String>>,
    /// Whether the processor may exceed its nominal frequency (turbo, boost).
    pub turbo: Option<bool>,
    /// The longest exit latency among the idle states enabled on an allowed CPU, in microseconds.
    pub idle_exit_latency_us_max: Option<u64>,
    /// The kernel's clock source, such as `tsc`.
    pub clocksource: Option<String>,
    /// The process's limit on locked memory.
    pub memlock: Memlock,
    /// Which processes may use io_uring.
    pub io_uring: IoUring,
}

/// A process's limit on locked memory (`RLIMIT_MEMLOCK`, the soft limit).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memlock {
    /// No limit.
    Unlimited,
    /// The limit, in bytes.
    Bytes(u64),
}

/// Which processes may use io_uring (`kernel.io_uring_disabled`, Documentation/admin-guide/sysctl/kernel.rst). A
/// seccomp filter can still refuse it, which shows only when a ring is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoUring {
    /// Every process (0, or a kernel before 6.6, which has no switch).
    Enabled,
    /// Processes with `CAP_SYS_ADMIN` or in the group `kernel.io_uring_group` (1).
    Privileged,
    /// No process (2).
    Disabled,
}

impl Host {
    /// Reads the settings of this host. Call it before any thread is pinned: the allowed CPUs are those of the calling
    /// thread.
    #[must_use]
    pub fn inspect() -> Self {
        let allowed = core_affinity::get_core_ids().unwrap_or_default();
        let memlock = getrlimit(Resource::Memlock).current.map_or(Memlock::Unlimited, Memlock::Bytes);
        Self::read(Path::new("/"), allowed.into_iter().map(|core| core.id).collect(), memlock)
    }

    /// Reads the settings from the `proc` and `sys` below `root`.
    fn read(root: &Path, allowed_cpus: CpuList, memlock: Memlock) -> Self {
        let cpus = Cpus { root, allowed: &allowed_cpus };
        let sys_cpu = root.join("sys/devices/system/cpu");
        let isolated = line(&sys_cpu.join("isolated")).unwrap_or_default();
        Self {
            cpu_model: cpu_model(root),
            isolated_cpus: CpuList::parse(&isolated),
            smt_siblings: cpus.smt_siblings(),
            kernel_release: line(&root.join("proc/sys/kernel/osrelease")),
            governors: cpus.governors(),
            turbo: turbo(&sys_cpu),
            idle_exit_latency_us_max: cpus.idle_exit_latency_us_max(),
            clocksource: line(&root.join("sys/devices/system/clocksource/clocksource0/current_clocksource")),
            io_uring: match line(&root.join("proc/sys/kernel/io_uring_disabled")).as_deref() {
                Some("2") => IoUring::Disabled,
                Some("1") => IoUring::Privileged,
                _ => IoUring::Enabled,
            },
            memlock,
            allowed_cpus,
        }
    }
}

impl fmt::Display for Host {
    /// Six lines for the head of a report.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |fact: &Option<String>| fact.clone().unwrap_or_else(|| NOT_EXPOSED.into());
        let listed = |cpus: &CpuList| {
            if cpus.is_empty() { "none".into() } else { cpus.to_string() }
        };
        let siblings = self.smt_siblings.iter().map(CpuList::to_string).collect::<Vec<_>>().join(" ");
        let siblings = if siblings.is_empty() { "none".into() } else { siblings };
        writeln!(f, "processor  {}", shown(&self.cpu_model))?;
        writeln!(
            f,
            "CPUs       allowed {}, isolated {}, sharing a core {siblings}",
            listed(&self.allowed_cpus),
            listed(&self.isolated_cpus)
        )?;
        writeln!(f, "frequency  governor {}, turbo {}", self.governors_text(), self.turbo_text())?;
        writeln!(f, "kernel     {}, clock source {}", shown(&self.kernel_release), shown(&self.clocksource))?;
        writeln!(f, "idle       slowest wake-up {}", self.idle_exit_text())?;
        write!(f, "limits     memlock {}, io_uring {}", self.memlock, self.io_uring)
    }
}

/// The text in place of a setting that the kernel does not expose.
pub(crate) const NOT_EXPOSED: &str = "not exposed by this kernel";

impl Host {
    pub(crate) fn governors_text(&self) -> String {
        self.governors.as_ref().map_or_else(|| NOT_EXPOSED.into(), |governors| governors.join(", "))
    }

    pub(crate) fn turbo_text(&self) -> &'static str {
        match self.turbo {
            Some(true) => "on",
            Some(false) => "off",
            None => NOT_EXPOSED,
        }
    }

    pub(crate) fn idle_exit_text(&self) -> String {
        self.idle_exit_latency_us_max.map_or_else(|| NOT_EXPOSED.into(), |latency| format!("{latency} µs"))
    }
}

impl fmt::Display for Memlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Memlock::Unlimited => f.write_str("unlimited"),
            Memlock::Bytes(bytes) => write!(f, "{} KiB", bytes / 1024),
        }
    }
}

impl fmt::Display for IoUring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            IoUring::Enabled => "enabled",
            IoUring::Privileged => "for privileged processes only",
            IoUring::Disabled => "disabled",
        })
    }
}

/// The per-CPU files of the allowed CPUs.
struct Cpus<'a> {
    root: &'a Path,
    allowed: &'a CpuList,
}

impl Cpus<'_> {
    fn line(&self, cpu: usize, file: &str) -> Option<String> {
        line(&self.root.join(format!("sys/devices/system/cpu/cpu{cpu}/{file}")))
    }

    fn governors(&self) -> Option<Vec<String>> {
        let governors = self.allowed.iter().filter_map(|cpu| self.line(cpu, "cpufreq/scaling_governor"));
        let distinct: BTreeSet<String> = governors.collect();
        (!distinct.is_empty()).then(|| distinct.into_iter().collect())
    }

    fn smt_siblings(&self) -> Vec<CpuList> {
        let siblings = |cpu| {
            let listed = CpuList::parse(&self.line(cpu, "topology/thread_siblings_list")?);
            let allowed =
                CpuList::from_iter(listed.iter().filter(|sibling| self.allowed.iter().any(|cpu| cpu == *sibling)));
            (allowed.len() > 1).then_some(allowed)
        };
        self.allowed.iter().filter_map(siblings).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn idle_exit_latency_us_max(&self) -> Option<u64> {
        /// More than any driver has: `CPUIDLE_STATE_MAX` is 10.
        const STATES_MAX: usize = 16;
        let latency = |(cpu, state): (usize, usize)| {
            let disabled = self.line(cpu, &format!("cpuidle/state{state}/disable"));
            if disabled.is_some_and(|disabled| disabled != "0") {
                return None;
            }
            self.line(cpu, &format!("cpuidle/state{state}/latency"))?.parse().ok()
        };
        let states = self.allowed.iter().flat_map(|cpu| (0..STATES_MAX).map(move |state| (cpu, state)));
        states.filter_map(latency).max()
    }
}

fn cpu_model(root: &Path) -> Option<String> {
    let text = fs::read_to_string(root.join("proc/cpuinfo")).ok()?;
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    model.map(|(_, model)| model.trim().to_owned())
}

/// The switch is `boost` with acpi-cpufreq and amd-pstate, `no_turbo` with intel_pstate.
fn turbo(sys_cpu: &Path) -> Option<bool> {
    let boost = line(&sys_cpu.join("cpufreq/boost")).map(|boost| boost == "1");
    boost.or_else(|| line(&sys_cpu.join("intel_pstate/no_turbo")).map(|no_turbo| no_turbo == "0"))
}

fn line(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A temporary folder with these files, removed on drop.
    struct Root(PathBuf);

    impl Root {
        fn new(name: &str, files: &[(&str, &str)]) -> Self {
            let root = std::env::temp_dir().join(format!("corelane-tuning-{}-{name}", std::process::id()));
            for (file, text) in files {
                let path = root.join(file);
                fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a writable folder");
                fs::write(path, text).expect("a writable file");
            }
            Self(root)
        }
    }

    impl Drop for Root {
        fn drop(&mut self) {
            // Leftovers in the temporary folder do no harm.
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn settings_are_read_from_the_kernels_files() {
        let cpu = "sys/devices/system/cpu";
        let root = Root::new(
            "settings",
            &[
                ("proc/cpuinfo", "processor\t: 0\nmodel name\t: Test CPU 3000\n"),
                ("proc/sys/kernel/osrelease", "6.18.4\n"),
                ("proc/sys/kernel/io_uring_disabled", "1\n"),
                ("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n"),
                (&format!("{cpu}/isolated"), "2-3\n"),
                (&format!("{cpu}/intel_pstate/no_turbo"), "1\n"),
                (&format!("{cpu}/cpu0/cpufreq/scaling_governor"), "powersave\n"),
                (&format!("{cpu}/cpu2/cpufreq/scaling_governor"), "performance\n"),
                (&format!("{cpu}/cpu3/cpufreq/scaling_governor"), "performance\n"),
                (&format!("{cpu}/cpu0/topology/thread_siblings_list"), "0-1\n"),
                (&format!("{cpu}/cpu2/topology/thread_siblings_list"), "2-3\n"),
                (&format!("{cpu}/cpu3/topology/thread_siblings_list"), "2-3\n"),
                (&format!("{cpu}/cpu2/cpuidle/state1/latency"), "2\n"),
                (&format!("{cpu}/cpu2/cpuidle/state1/disable"), "0\n"),
                (&format!("{cpu}/cpu2/cpuidle/state2/latency"), "133\n"),
                (&format!("{cpu}/cpu2/cpuidle/state2/disable"), "1\n"),
            ],
        );
        let host = Host::read(&root.0, CpuList::parse("0,2-3"), Memlock::Bytes(8 << 20));
        let expected = "\
processor  Test CPU 3000
CPUs       allowed 0,2-3, isolated 2-3, sharing a core 2-3
frequency  governor performance, powersave, turbo off
kernel     6.18.4, clock source tsc
idle       slowest wake-up 2 µs
limits     memlock 8192 KiB, io_uring for privileged processes only";
        assert_eq!(host.to_string(), expected);
    }

    #[test]
    fn a_kernel_that_exposes_nothing_is_not_an_error() {
        let root = Root::new("empty", &[]);
        let host = Host::read(&root.0, CpuList::default(), Memlock::Unlimited);
        assert_eq!(host.cpu_model, None);
        assert_eq!(host.governors, None);
        assert_eq!(host.io_uring, IoUring::Enabled, "kernels before 6.6 have no switch");
        assert!(host.to_string().contains("governor not exposed by this kernel"), "{host}");
    }

    #[test]
    fn this_host_has_a_kernel_and_a_cpu() {
        let host = Host::inspect();
        assert!(host.kernel_release.is_some() && !host.allowed_cpus.is_empty(), "{host}");
    }
}
