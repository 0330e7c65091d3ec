//! The records that a venue leaves of its failures.

mod support;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use corelane_config::{Config, Incidents};
use corelane_runtime::{clock::ClockFault, cpu};
use corelane_venue::{IncidentDirectory, IncidentRecord, Venue, declare};
use support::until;

/// A fault point is armed for all threads, so that one venue runs at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// A directory of the test's own, which does not exist yet.
fn directory(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("corelane-incidents-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    path
}

fn start(config: &mut Config, path: &Path, records_max: usize) -> Venue {
    let directory = path.to_str().unwrap().to_owned();
    config.incidents = Some(Incidents { directory, records_max, record_bytes_max: 32_768 });
    let mut declared = declare(config, &cpu::allowed_cpus()).unwrap_or_else(|error| panic!("{error}"));
    declared.record_incidents(path);
    declared.start(config).unwrap_or_else(|error| panic!("{error}"))
}

/// All records; none if there is no directory.
fn records(path: &Path) -> Vec<IncidentRecord> {
    let stored = IncidentDirectory::new(path).list().unwrap_or_default();
    stored.into_iter().map(|stored| stored.record.unwrap_or_else(|problem| panic!("{problem}"))).collect()
}

#[test]
fn a_clean_stop_leaves_no_record_and_a_venue_that_ends_by_itself_one() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let path = directory("ends");
    let venue = start(&mut support::config(), &path, 10);
    assert!(venue.stop().problems().is_empty());
    assert!(!path.exists());
    let venue = start(&mut support::config(), &path, 10);
    venue.inject(ClockFault::TimePasses { ns: 79 * 3_600_000_000_000 });
    until("it ends by itself", || !venue.is_running());
    let _ = venue.stop();
    let [record] = &records(&path)[..] else { panic!("{:?}", records(&path)) };
    assert_eq!((record.id, &*record.what, &*record.decision), (1, "day-without-end", "the topology halts in order"));
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(path.clone()), mode(path.join("incident-000001.toml"))),
        (0o700, 0o600),
        "it is for its user only"
    );
    fs::remove_dir_all(path).unwrap();
}

#[cfg(feature = "faults")]
mod faults {
    use std::{
        net::UdpSocket,
        time::{Duration, Instant},
    };

    use corelane_runtime::{
        faults::{Kind, arm},
        lifecycle::RuntimeFault,
    };
    use corelane_venue::Request;

    use super::*;
    use crate::support::{Client, enter, login_request, mold};

    /// Runs a venue in which a point fails from `prepare` to `provoke`, until it ends by itself; returns the records.
    fn after_fault<T>(
        name: &str,
        site: &str,
        prepare: impl FnOnce(&Venue) -> T,
        provoke: impl FnOnce(&mut T),
    ) -> Vec<IncidentRecord> {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let path = directory(name);
        let venue = start(&mut support::config(), &path, 10);
        let mut prepared = prepare(&venue);
        arm(site, Kind::Panic);
        provoke(&mut prepared);
        until("it ends by itself", || !venue.is_running());
        let _ = venue.stop();
        let records = records(&path);
        fs::remove_dir_all(path).unwrap();
        records
    }

    fn order(number: u32) -> Vec<u8> {
        enter(number, b'B', 100, "CLN01", 999_900, b'0')
    }

    /// A client that has had an answer: the day has begun.
    fn trades(venue: &Venue) -> Client {
        let mut client = Client::log_in(venue.order_entry(), 1, 1);
        client.send(&order(1));
        assert_eq!(client.answer().user_ref, 1);
        client
    }

    #[test]
    fn the_record_of_the_group_has_the_input_and_what_came_before() {
        let records = after_fault("group", "group.command", trades, |client| client.send(&order(2)));
        let [record] = &records[..] else { panic!("{records:?}") };
        let of = (record.what.as_str(), record.actor.as_deref(), record.shard.as_deref(), record.generation);
        assert_eq!(of, ("actor-panicked", Some("group"), Some("hot"), Some(0)));
        assert_eq!(record.decision, r#"supervisor "engine" gave up for actor "group": the topology ends at once"#);
        assert!(record.message.contains("fault point group.command"), "{}", record.message);
        assert!(record.noticed_after_us.is_some() && record.at.ends_with('Z'), "{record:?}");
        let input = record.input.as_ref().unwrap();
        assert_eq!((input.kind.as_str(), input.steps_done), ("message", Some(0)));
        assert!(input.sequence > 0 && input.length > Some(64), "{input:?}");
        let lines = input.bytes.as_ref().unwrap().lines().count();
        assert_eq!(lines, input.length.unwrap().div_ceil(16), "{input:?}");
        let ran = |actor: &str| record.events.iter().any(|event| event.contains(&format!(" {actor} ran ")));
        assert!(ran("session") && ran("sequencer"), "{:?}", record.events);
        assert!(record.events.last().unwrap().contains(" group failed, last message: input "), "{:?}", record.events);
    }

    #[test]
    fn the_record_of_a_frame_has_its_bytes_and_that_of_a_log_in_no_password() {
        // The log-in is a frame too.
        let connect = |venue: &Venue| Client::connect(venue.order_entry());
        let log_in = |client: &mut Client| client.send(&login_request(1, "s3cret", "", "1"));
        let records = after_fault("log-in", "session.frame", connect, log_in);
        let [record] = &records[..] else { panic!("{records:?}") };
        let input = record.input.as_ref().unwrap();
        assert_eq!(
            (input.kind.as_str(), input.length),
            ("frame: a log-in, whose bytes are not kept for their password", Some(49))
        );
        assert_eq!(input.bytes, None);
        assert!(!format!("{record:?}").contains("s3cret"));
        assert_eq!(
            record.decision,
            r#"supervisor "gateways" gave up for actor "session": the topology halts in order"#
        );

        let records = after_fault("frame", "session.frame", trades, |client| client.send(&order(2)));
        let [record] = &records[..] else { panic!("{records:?}") };
        let input = record.input.as_ref().unwrap();
        assert_eq!((input.kind.as_str(), input.length), ("frame", Some(order(2).len())));
        // The length, the packet's type, and an order with its number.
        let begins = format!("0000  00 {:02x} 55 4f 00 00 00 02 42 ", order(2).len() - 2);
        assert!(input.bytes.as_ref().unwrap().starts_with(&begins), "{input:?}");
    }

    #[test]
    fn the_death_of_a_thread_is_one_record() {
        let records = after_fault("thread", "session.framer", trades, |client| client.send(&order(2)));
        let found: Vec<_> = records.iter().map(|record| (record.what.as_str(), record.shard.as_deref())).collect();
        assert_eq!(found[0], ("shard-panicked", Some("hot")));
        assert!(records[0].message.contains("fault point session.framer"), "{:?}", records[0].message);
        // The group went with its shard, and for that the venue ends at once.
        assert!(found[1..].iter().all(|(what, _)| *what == "supervisor-gave-up") && found.len() <= 2, "{found:?}");
        let records = after_fault("housekeeping", "housekeeping.turn", |_| (), |()| ());
        let [record] = &records[..] else { panic!("{records:?}") };
        assert_eq!((&*record.what, &*record.decision), ("housekeeping-panicked", "the topology halts in order"));
    }

    #[test]
    fn a_venue_whose_housekeeping_hangs_ends_and_answers_whoever_asks_that_nobody_will() {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let path = directory("hangs");
        let mut config = support::config();
        config.supervision.housekeeping_watchdog_ms = 1000;
        let venue = start(&mut config, &path, 10);
        let mut client = trades(&venue);
        // It comes back at last, so that the thread does not run on.
        arm("housekeeping.turn", Kind::Stall(Duration::from_secs(9)));
        let began = Instant::now();
        let mut answer = Ok(String::new());
        while answer.is_ok() {
            answer = venue.ask(Request::Status);
        }
        assert_eq!(answer, Err("the venue's housekeeping has ended or hangs".to_owned()));
        assert!(!venue.is_running());
        let stopped = venue.stop();
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
        let [fault @ RuntimeFault::HousekeepingStuck { .. }] = &stopped.outcome.status.faults[..] else {
            panic!("{:?}", stopped.problems());
        };
        assert!(!stopped.day_ended && stopped.problems()[0] == fault.to_string(), "{:?}", stopped.problems());
        while client.packet().is_some() {}
        let records = records(&path);
        let [record] = &records[..] else { panic!("{records:?}") };
        assert_eq!((&*record.what, &*record.decision), ("housekeeping-stuck", "the topology ends at once"));
        assert!(record.message.contains("the runtime's own work"), "{}", record.message);
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn a_storm_of_restarts_keeps_the_bound_and_the_newest_records() {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let path = directory("storm");
        let mut config = support::config();
        (config.supervision.restarts_max, config.supervision.backoff_max_ms) = (1000, 0);
        let venue = start(&mut config, &path, 3);
        let feed = UdpSocket::bind("127.0.0.1:0").unwrap();
        feed.connect(venue.feed_in().unwrap()).unwrap();
        for number in 1..=12 {
            arm("market-data.datagram", Kind::Panic);
            let packet = mold("MARKET", number, &[vec![b'S', number as u8]]);
            until("market data is restarted", || {
                // One that comes while it is suspended is dropped.
                feed.send(&packet).unwrap();
                venue.status().restarted.get("market-data") == Some(&number)
            });
        }
        let failed = venue.status().failed;
        let _ = venue.stop();
        let records = records(&path);
        let ids: Vec<u64> = records.iter().map(|record| record.id).collect();
        assert_eq!((failed, ids), (12, vec![10, 11, 12]));
        assert_eq!(fs::read_dir(&path).unwrap().count(), 3);
        for record in &records {
            let input = record.input.as_ref().unwrap();
            assert_eq!((record.lost_before, input.kind.as_str(), input.length), (0, "datagram", Some(24)));
            let bytes = input.bytes.as_ref().unwrap();
            assert!(bytes.starts_with("0000  4d 41 52 4b 45 54 "), "{bytes}");
            assert_eq!(record.decision, format!("restart as generation {}", record.id));
            assert_eq!(record.generation, Some(record.id as u16 - 1));
        }
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn a_directory_that_cannot_be_written_harms_nothing() {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let path = directory("file");
        let venue = start(&mut support::config(), &path, 3);
        // At the start there was room for it.
        fs::write(&path, "a file").unwrap();
        let feed = UdpSocket::bind("127.0.0.1:0").unwrap();
        feed.connect(venue.feed_in().unwrap()).unwrap();
        arm("market-data.datagram", Kind::Panic);
        until("market data is restarted", || {
            feed.send(&mold("MARKET", 1, &[])).unwrap();
            venue.status().restarted.get("market-data") == Some(&1)
        });
        // It trades on.
        drop(trades(&venue));
        assert!(venue.stop().day_ended);
        assert_eq!(fs::read_to_string(&path).unwrap(), "a file");
        fs::remove_file(path).unwrap();
    }
}
