//! The tables of a run. The terminal, the Markdown page and the HTML page show the same ones.

use std::time::{Duration, UNIX_EPOCH};

use corelane_tester::report::grouped;

use super::{
    headlines::{Headline, headlines},
    table::Table,
    words::{self, micros, shown, shown_micros, shown_rate},
};
use crate::{
    judge,
    result::{
        Contender, Context, Counts, Host, Jitter, Percentiles, Promise, Ratio, Recovery, Role, Round, Scaling,
        ScalingPoint, Scenario, Spread,
    },
};

/// Place and circumstances of a run.
pub(super) fn facts(context: &Context, host: &Host) -> Table {
    let mut table = Table::new(["", ""], 2);
    let mut fact = |name: &str, fact: Option<String>| {
        table.add([name.to_owned(), fact.unwrap_or_else(|| "not shown by the kernel".to_owned())]);
    };
    let listed = |list: String| if list.is_empty() { "none".to_owned() } else { list };
    let [server, tester] = [0, 1].map(|at| context.cpus.get(at).map_or("?".to_owned(), usize::to_string));
    let started = UNIX_EPOCH + Duration::from_secs(context.started_unix_s);
    fact("started", Some(humantime::format_rfc3339_seconds(started).to_string()));
    let revision = words::revision(context.revision.as_deref(), context.modified);
    fact("revision", Some(revision.unwrap_or_else(|| "unknown: not started in a working tree".to_owned())));
    fact("profile", Some(format!("{}: {}", context.profile, context.profile_summary)));
    fact("processor", host.cpu_model.clone());
    fact("CPUs", Some(format!("{}; server on {server}, tester on {tester}", host.allowed_cpus)));
    fact("isolated CPUs", Some(listed(host.isolated_cpus.clone())));
    fact("CPUs that share a core", Some(listed(host.smt_siblings.join("; "))));
    fact("kernel", host.kernel.clone());
    fact("kernel command line", host.kernel_command_line.clone());
    fact("frequency governor", host.governors.as_ref().map(|all| all.join(", ")));
    fact("turbo", host.turbo.map(|may| if may { "on" } else { "off" }.to_owned()));
    fact("slowest wake-up from idle", host.idle_exit_latency_us_max.map(|longest| format!("{longest} µs")));
    fact("clock source", host.clocksource.clone());
    fact("lockable memory", Some(host.memlock.clone()));
    fact("io_uring", Some(host.io_uring.clone()));
    fact("host", Some(words::host(host.kind).to_owned()));
    table
}

/// Times for which a thread that only reads the clock was kept from running.
pub(super) fn stalls_of_machine(jitter: &[Jitter]) -> Table {
    let header = [
        "machine stalls, µs",
        "p99",
        "p99.9",
        "p99.99",
        "longest",
        "above 10 µs, /s",
        "above 100 µs, /s",
        "above 1 ms, /s",
    ];
    let mut table = Table::new(header, 1);
    for one in jitter {
        let waits = &one.waits.percentiles;
        let mut cells = vec![format!("CPU {}", one.cpu)];
        cells.extend([waits.p99_ns, waits.p99_9_ns, waits.p99_99_ns, one.longest_ns].map(micros));
        cells.extend(one.gaps_per_s.map(|rate| format!("{rate:.1}")));
        table.add(cells);
    }
    table
}

/// Every contender of a scenario, beside ours and beside the baseline: medians over the rounds.
pub(super) fn contenders(scenario: &Scenario) -> Table {
    let contenders = &scenario.contenders;
    let ours = contenders.iter().find(|contender| contender.role == Role::Ours).map(|one| one.name.as_str());
    let baseline = scenario.baseline().map(|contender| contender.name.as_str());
    let control = contenders.iter().find(|contender| contender.role == Role::Control).map(|one| one.name.as_str());
    let spread = |contender: &Contender, figure: &str| Spread::of(&judge::rounds(contenders, &contender.name, figure)?);
    let compared = |contender: &Contender, figure: &str, to: Option<&str>| {
        // The control stands for the baseline only; a contender to itself says nothing.
        let control = control.filter(|_| to == baseline);
        let to = to.filter(|to| *to != contender.name)?;
        let quotients = judge::compared(contenders, figure, &contender.name, to, control)?;
        Some(format!("{:.2}", Spread::of(&quotients)?.median))
    };
    let kept = |contender: &Contender| {
        let rate = |round: &Round| Some(round.rate?.achieved_per_s);
        Some(shown_rate(Spread::of(&contender.rounds.iter().map(rate).collect::<Option<Vec<f64>>>()?)?))
    };
    let header = [
        "contender",
        "is",
        "p50, µs",
        "to ours",
        "to the baseline",
        "p99, µs",
        "p99.9, µs",
        "rate kept, /s",
        "throughput, /s",
        "to ours",
        "to the baseline",
    ];
    let mut table = Table::new(header, 2);
    for contender in contenders {
        let cells = [
            Some(contender.name.clone()),
            Some(words::role(contender.role).to_owned()),
            spread(contender, "p50").map(shown_micros),
            compared(contender, "p50", ours),
            compared(contender, "p50", baseline),
            spread(contender, "p99").map(shown_micros),
            spread(contender, "p99_9").map(shown_micros),
            kept(contender),
            spread(contender, "throughput").map(shown_rate),
            compared(contender, "throughput", ours),
            compared(contender, "throughput", baseline),
        ];
        table.add(cells.map(Option::unwrap_or_default));
    }
    table.without_empty_columns()
}

/// Latency of ours over all rounds together, and where that time goes.
pub(super) fn stretches(contenders: &[Contender]) -> Table {
    let names = Percentiles::default().quantiles().map(|(name, _)| name);
    let mut table = Table::new(["where the time goes, µs"].into_iter().chain(names), 1);
    for contender in contenders.iter().filter(|contender| contender.role == Role::Ours) {
        let mut add = |name: &str, seen: &Percentiles| {
            table.add([name.to_owned()].into_iter().chain(seen.quantiles().map(|(_, value_ns)| micros(value_ns))));
        };
        if let Some(latency) = &contender.intended {
            add(&contender.name, &latency.percentiles);
        }
        if let Some(send) = &contender.send {
            add("from the time of sending", &send.percentiles);
        }
        contender.hops.iter().for_each(|hop| add(&hop.name, &hop.percentiles));
    }
    table
}

/// Rates and costs of the contenders that have any: medians over the rounds, and sums of counts.
pub(super) fn costs<'a>(contenders: impl Iterator<Item = (String, &'a Contender)>) -> Table {
    let header = [
        "rates and costs",
        "asked, /s",
        "achieved, /s",
        "busy",
        "system calls per request",
        "memory, MiB",
        "rejects",
        "answers checked",
    ];
    let mut table = Table::new(header, 1);
    for (name, contender) in contenders {
        let of = |figure: fn(&Round) -> Option<f64>| {
            let figures: Vec<f64> = contender.rounds.iter().filter_map(figure).collect();
            Spread::of(&figures).map(|spread| spread.median)
        };
        let whole = |figure: Option<f64>| figure.map_or(String::new(), |figure| grouped(figure.round() as u64));
        let total = |count: fn(&Counts) -> u64| {
            let counted: Option<u64> = contender.rounds.iter().map(|round| round.counts.as_ref().map(count)).sum();
            counted.map_or(String::new(), grouped)
        };
        let asked = of(|round| Some(round.rate?.asked_per_s));
        let achieved = of(|round| round.rate.map(|rate| rate.achieved_per_s).or(round.throughput_per_s));
        if achieved.is_none() {
            continue;
        }
        table.add([
            name,
            whole(asked),
            whole(achieved),
            of(|round| round.resources?.busy).map_or(String::new(), |busy| format!("{:.0} %", busy * 100.0)),
            of(|round| round.resources?.enters_per_request).map_or(String::new(), |calls| format!("{calls:.2}")),
            of(|round| Some(round.resources?.memory_bytes? as f64))
                .map_or(String::new(), |bytes| format!("{:.0}", bytes / f64::from(1 << 20))),
            total(|counts| counts.rejects.values().sum()),
            total(|counts| counts.checked),
        ]);
    }
    table.without_empty_columns()
}

/// Share of the requests answered in time, of the contenders where that was asked for.
pub(super) fn availability(contenders: &[Contender]) -> Table {
    let header = ["availability", "within, µs", "share", "stalls", "longest, µs", "in all, ms", "measured, s"];
    let mut table = Table::new(header, 1);
    for contender in contenders {
        let rounds: Vec<_> = contender.rounds.iter().filter_map(|round| Some((round, round.availability?))).collect();
        let Some((_, first)) = rounds.first() else { continue };
        let shares: Vec<f64> = rounds.iter().map(|(_, seen)| seen.share * 100.0).collect();
        let measured = |round: &Round| round.series.iter().map(|one| one.length_s).sum::<f64>();
        table.add([
            contender.name.clone(),
            micros(first.within_ns),
            Spread::of(&shares).map_or(String::new(), |spread| format!("{} %", shown(spread, 3))),
            grouped(rounds.iter().map(|(_, seen)| seen.stalls).sum()),
            micros(rounds.iter().map(|(_, seen)| seen.longest_ns).max().unwrap_or(0)),
            format!("{:.1}", rounds.iter().map(|(_, seen)| seen.stalled_ns as f64 / 1e6).sum::<f64>()),
            format!("{:.1}", rounds.iter().map(|(round, _)| measured(round)).sum::<f64>()),
        ]);
    }
    table
}

/// Times that sessions whose connection was cut took to catch up.
pub(super) fn recovery(contenders: &[Contender]) -> Table {
    let header = [
        "after a reconnect, µs",
        "reconnects",
        "answers sent again",
        "to the first, p50",
        "to the first, max",
        "to the last, p50",
        "to the last, max",
    ];
    let mut table = Table::new(header, 1);
    for contender in contenders {
        let rounds: Vec<_> = contender.rounds.iter().filter_map(|round| round.recovery).collect();
        let median = |of: fn(&Recovery) -> u64| {
            let figures: Vec<f64> = rounds.iter().map(|seen| of(seen) as f64).collect();
            Spread::of(&figures).map_or(String::new(), shown_micros)
        };
        let most = |of: fn(&Recovery) -> u64| rounds.iter().map(of).max().map_or(String::new(), micros);
        if !rounds.is_empty() {
            table.add([
                contender.name.clone(),
                grouped(rounds.iter().map(|seen| seen.reconnects).sum()),
                grouped(rounds.iter().map(|seen| seen.replayed).sum()),
                median(|seen| seen.first.p50_ns),
                most(|seen| seen.first.max_ns),
                median(|seen| seen.last.p50_ns),
                most(|seen| seen.last.max_ns),
            ]);
        }
    }
    table
}

/// Everything that has a threshold in these scenarios.
pub(super) fn headline_judgements(scenarios: &[Scenario]) -> Table {
    let mut table = judgements();
    for scenario in scenarios {
        let name = |figure: String| format!("{}: {figure}", scenario.name);
        for promise in &scenario.promises {
            table.add(promise_row(name(words::promise(promise)), promise));
        }
        for Headline { ratio, name: figure } in headlines(scenario) {
            table.add(ratio_row(name(figure), ratio));
        }
    }
    table
}

/// All ratios of a scenario, and its figures with a threshold.
pub(super) fn all_judgements(scenario: &Scenario) -> Table {
    let mut table = judgements();
    for promise in &scenario.promises {
        table.add(promise_row(words::promise(promise), promise));
    }
    for ratio in &scenario.ratios {
        table.add(ratio_row(words::ratio(ratio), ratio));
    }
    table
}

fn judgements() -> Table {
    Table::new(["figure", "median [range]", "interval", "control", "judgement"], 5)
}

fn promise_row(name: String, promise: &Promise) -> [String; 5] {
    let seen = format!("{} µs", shown_micros(promise.spread));
    let interval = words::interval_of_promise(promise);
    [name, seen, interval, words::control(promise.control.as_ref()), words::of_promise(promise)]
}

fn ratio_row(name: String, ratio: &Ratio) -> [String; 5] {
    let interval = words::interval_of_ratio(ratio);
    [name, shown(ratio.spread, 2), interval, words::control(ratio.control.as_ref()), words::of_ratio(ratio)]
}

/// Each size, and what was seen at it.
pub(super) fn growth(scaling: &[Scaling]) -> Table {
    let mut table = Table::new(["growth over", "of", "figure", "at sizes (size: figure)", "exponent"], 4);
    for one in scaling {
        let point = |point: &ScalingPoint| format!("{:.0}: {:.0}", point.size, point.figure);
        table.add([
            one.over.clone(),
            one.of.clone(),
            one.figure.clone(),
            one.points.iter().map(point).collect::<Vec<_>>().join(", "),
            one.exponent.map_or(String::new(), |exponent| format!("{exponent:.2}")),
        ]);
    }
    table
}
