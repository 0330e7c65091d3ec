//! The differences between a host and its profile, each with the command that removes it.

use std::fmt;

use crate::host::{Host, IoUring, Memlock, NOT_EXPOSED};
use crate::{CpuList, Profile};

/// One difference between a host and its profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The setting, by its key in the profile, such as `governor`.
    pub fact: &'static str,
    /// Its value on this host.
    pub is: String,
    /// The value that the profile requires.
    pub should: String,
    /// The command to run (as root) or the change to make. Corelane never does it itself.
    pub remedy: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: is {}, should be {}\n  {}", self.fact, self.is, self.should, self.remedy)
    }
}

impl Profile {
    /// Compares the host with this profile. Empty if the host matches. A setting that the kernel does not expose is a
    /// finding too, because nobody can tell whether it matches.
    #[must_use]
    pub fn audit(&self, host: &Host) -> Vec<Finding> {
        let checks = [
            self.allowed_cpus(host),
            self.isolated_cpus(host),
            self.smt(host),
            self.governor(host),
            self.turbo(host),
            self.idle_exit_latency(host),
            self.clocksource(host),
            self.memlock(host),
            self.io_uring(host),
        ];
        checks.into_iter().flatten().collect()
    }

    fn allowed_cpus(&self, host: &Host) -> Option<Finding> {
        let least = usize::from(self.allowed_cpus_min?);
        (host.allowed_cpus.len() < least).then(|| Finding {
            fact: "allowed_cpus_min",
            is: host.allowed_cpus.len().to_string(),
            should: format!("{least} or more"),
            remedy: format!("start with `taskset -c 0-{} corelane …`, or use a host with more CPUs", least - 1),
        })
    }

    fn isolated_cpus(&self, host: &Host) -> Option<Finding> {
        let least = usize::from(self.isolated_cpus_min?);
        if host.isolated_cpus.len() >= least {
            return None;
        }
        // CPU 0 handles interrupts and timekeeping and cannot be isolated well; the last CPUs are the usual choice.
        let mut candidates: Vec<usize> = host.allowed_cpus.iter().rev().filter(|cpu| *cpu != 0).take(least).collect();
        candidates.sort_unstable();
        let remedy = if candidates.len() < least {
            format!("use a host with at least {} CPUs; CPU 0 stays with the kernel", least + 1)
        } else {
            let cpus = CpuList::from_iter(candidates);
            format!(
                "add to the kernel command line and reboot: \
                 isolcpus=managed_irq,domain,{cpus} nohz_full={cpus} rcu_nocbs={cpus}"
            )
        };
        Some(Finding {
            fact: "isolated_cpus_min",
            is: match host.isolated_cpus.is_empty() {
                true => "none".into(),
                false => host.isolated_cpus.to_string(),
            },
            should: format!("{least} or more CPUs"),
            remedy,
        })
    }

    fn smt(&self, host: &Host) -> Option<Finding> {
        let shared = &host.smt_siblings;
        (self.smt == Some(false) && !shared.is_empty()).then(|| Finding {
            fact: "smt",
            is: format!(
                "on (CPUs {} share cores)",
                shared.iter().map(CpuList::to_string).collect::<Vec<_>>().join(" and ")
            ),
            should: "one allowed CPU per core".into(),
            remedy: "echo off > /sys/devices/system/cpu/smt/control".into(),
        })
    }

    fn governor(&self, host: &Host) -> Option<Finding> {
        let wanted = self.governor.as_ref()?;
        let fits = host.governors.as_ref().is_some_and(|governors| governors.iter().all(|governor| governor == wanted));
        (!fits).then(|| Finding {
            fact: "governor",
            is: host.governors_text(),
            should: wanted.clone(),
            remedy: match host.governors {
                Some(_) => format!("cpupower frequency-set -g {wanted}"),
                None => ASK_THE_HYPERVISOR.into(),
            },
        })
    }

    fn turbo(&self, host: &Host) -> Option<Finding> {
        let wanted = self.turbo?;
        let (boost, no_turbo) = (u8::from(wanted), u8::from(!wanted));
        (host.turbo != Some(wanted)).then(|| Finding {
            fact: "turbo",
            is: host.turbo_text().into(),
            should: if wanted { "on" } else { "off" }.into(),
            remedy: match host.turbo {
                Some(_) => format!(
                    "echo {boost} > /sys/devices/system/cpu/cpufreq/boost; with intel_pstate, \
                     echo {no_turbo} > /sys/devices/system/cpu/intel_pstate/no_turbo"
                ),
                None => ASK_THE_HYPERVISOR.into(),
            },
        })
    }

    fn idle_exit_latency(&self, host: &Host) -> Option<Finding> {
        let most = self.idle_exit_latency_us_max?;
        let fits = host.idle_exit_latency_us_max.is_some_and(|latency| latency <= most);
        (!fits).then(|| Finding {
            fact: "idle_exit_latency_us_max",
            is: host.idle_exit_text(),
            should: format!("{most} µs or less"),
            remedy: match host.idle_exit_latency_us_max {
                Some(_) => format!("cpupower idle-set -D {most}"),
                None => ASK_THE_HYPERVISOR.into(),
            },
        })
    }

    fn clocksource(&self, host: &Host) -> Option<Finding> {
        let wanted = self.clocksource.as_ref()?;
        (host.clocksource.as_ref() != Some(wanted)).then(|| Finding {
            fact: "clocksource",
            is: host.clocksource.clone().unwrap_or_else(|| NOT_EXPOSED.into()),
            should: wanted.clone(),
            remedy: format!("echo {wanted} > /sys/devices/system/clocksource/clocksource0/current_clocksource"),
        })
    }

    fn memlock(&self, host: &Host) -> Option<Finding> {
        let least = self.memlock_bytes_min?;
        let Memlock::Bytes(bytes) = host.memlock else {
            return None;
        };
        (bytes < least).then(|| Finding {
            fact: "memlock_bytes_min",
            is: host.memlock.to_string(),
            should: format!("{} or more", Memlock::Bytes(least)),
            remedy: format!("ulimit -l {}, or LimitMEMLOCK={least} in the systemd unit", least.div_ceil(1024)),
        })
    }

    fn io_uring(&self, host: &Host) -> Option<Finding> {
        (self.io_uring == Some(true) && host.io_uring != IoUring::Enabled).then(|| Finding {
            fact: "io_uring",
            is: host.io_uring.to_string(),
            should: IoUring::Enabled.to_string(),
            remedy: "sysctl -w kernel.io_uring_disabled=0".into(),
        })
    }
}

/// The remedy for a setting that only the hypervisor or the firmware can expose and change.
const ASK_THE_HYPERVISOR: &str = "this system cannot change it: set it on the hypervisor's host, or in its firmware";

#[cfg(test)]
mod tests {
    use super::*;

    fn good_host() -> Host {
        Host {
            cpu_model: Some("Test CPU".into()),
            allowed_cpus: CpuList::parse("0-7"),
            isolated_cpus: CpuList::parse("4-7"),
            smt_siblings: Vec::new(),
            kernel_release: Some("6.18.4".into()),
            governors: Some(vec!["performance".into()]),
            turbo: Some(false),
            idle_exit_latency_us_max: Some(1),
            clocksource: Some("tsc".into()),
            memlock: Memlock::Unlimited,
            io_uring: IoUring::Enabled,
        }
    }

    #[test]
    fn a_tuned_host_has_no_findings() {
        for (name, _) in Profile::SHIPPED {
            let profile = Profile::shipped(name).expect("shipped");
            assert_eq!(profile.audit(&good_host()), [], "{name}");
        }
    }

    #[test]
    fn each_difference_is_reported_with_its_remedy() {
        let isolate = "add to the kernel command line and reboot: \
                       isolcpus=managed_irq,domain,5-7 nohz_full=5-7 rcu_nocbs=5-7";
        type Change = fn(&mut Host);
        let cases: &[(Change, &str, &str)] = &[
            (|host| host.isolated_cpus = CpuList::default(), "isolated_cpus_min: is none", isolate),
            (
                |host| {
                    host.isolated_cpus = CpuList::default();
                    host.allowed_cpus = CpuList::parse("0-3");
                },
                "isolated_cpus_min: is none, should be 3 or more CPUs",
                "isolcpus=managed_irq,domain,1-3 ",
            ),
            (
                |host| host.allowed_cpus = CpuList::parse("0-1"),
                "allowed_cpus_min: is 2, should be 4 or more",
                "taskset -c 0-3",
            ),
            (
                |host| host.smt_siblings = vec![CpuList::parse("0,4"), CpuList::parse("1,5")],
                "smt: is on (CPUs 0,4 and 1,5 share cores), should be one allowed CPU per core",
                "echo off > /sys/devices/system/cpu/smt/control",
            ),
            (
                |host| host.governors = Some(vec!["performance".into(), "powersave".into()]),
                "governor: is performance, powersave, should be performance",
                "cpupower frequency-set -g performance",
            ),
            (|host| host.governors = None, "governor: is not exposed by this kernel", "hypervisor's host"),
            (
                |host| host.turbo = Some(true),
                "turbo: is on, should be off",
                "echo 0 > /sys/devices/system/cpu/cpufreq/boost",
            ),
            (
                |host| host.idle_exit_latency_us_max = Some(133),
                "idle_exit_latency_us_max: is 133 µs, should be 2 µs or less",
                "cpupower idle-set -D 2",
            ),
            (
                |host| host.clocksource = Some("hpet".into()),
                "clocksource: is hpet, should be tsc",
                "echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource",
            ),
            (
                |host| host.memlock = Memlock::Bytes(8 << 20),
                "memlock_bytes_min: is 8192 KiB, should be 1048576 KiB or more",
                "ulimit -l 1048576, or LimitMEMLOCK=1073741824",
            ),
            (
                |host| host.io_uring = IoUring::Disabled,
                "io_uring: is disabled, should be enabled",
                "sysctl -w kernel.io_uring_disabled=0",
            ),
        ];
        let profile = Profile::shipped("colocated").expect("shipped");
        for (change, finding, remedy) in cases {
            let mut host = good_host();
            change(&mut host);
            let findings = profile.audit(&host);
            let [found] = findings.as_slice() else { panic!("{finding}: found {findings:?}") };
            let text = found.to_string();
            assert!(text.starts_with(finding) && text.contains(remedy), "{text}");
        }
    }
}
