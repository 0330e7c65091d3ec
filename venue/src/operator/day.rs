//! The trading day: which of its events have been said, and which come next. Its times count from midnight in the venue's
//! zone by the clock that stamps the messages; see [`corelane_runtime::clock`].

use std::time::Duration;

use corelane_codecs::itch::EventCode;
use corelane_config::{Config, TimeOfDay};

/// The events in the order of the day.
const EVENTS: [EventCode; 6] = [
    EventCode::StartOfMessages,
    EventCode::StartOfSystemHours,
    EventCode::StartOfMarketHours,
    EventCode::EndOfMarketHours,
    EventCode::EndOfSystemHours,
    EventCode::EndOfMessages,
];
/// The place of the first event of the end.
const FIRST_OF_END: usize = 3;
/// The places of the start and the end of market hours.
const MARKET_HOURS: std::ops::Range<usize> = 2..4;

/// When an event comes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    AtStart,
    /// This long after midnight.
    At(Duration),
    AtStop,
}

/// The reason why a day does not begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the day of [day] has ended at {ended_at}; start the venue between midnight and that time, or change [day]")]
pub struct DayIsOver {
    /// The configured end of messages.
    pub ended_at: TimeOfDay,
}

/// The trading day of a running venue.
#[derive(Clone, Debug)]
pub(crate) struct Day {
    due: [Due; EVENTS.len()],
    /// The times as configured, for the operator.
    texts: [Option<String>; EVENTS.len()],
    /// The number of events that have passed or are on their way to the group, said or left out.
    passed: usize,
    /// The number of events that the group has said or left out.
    reached: usize,
    /// Whether the market has opened.
    has_opened: bool,
}

impl Day {
    /// The day of `config`, in which it is `now` after midnight.
    ///
    /// # Errors
    /// [`DayIsOver`] if the day of the configured times has ended already.
    pub(crate) fn new(config: &Config, now: Duration) -> Result<Day, DayIsOver> {
        let times = config.day.events().map(|(_, time)| time);
        let mut due = [Due::AtStart; EVENTS.len()];
        let mut texts = [None; EVENTS.len()];
        for (place, time) in times.iter().enumerate() {
            (due[place], texts[place]) = match time {
                Some(time) => (Due::At(Duration::from_secs(time.seconds().into())), Some(*time)),
                // One of the start follows the one before it at once.
                None if place < FIRST_OF_END => {
                    place.checked_sub(1).map_or((Due::AtStart, None), |at| (due[at], texts[at]))
                }
                None => (Due::AtStop, None),
            };
        }
        if let (Due::At(end), Some(time)) = (due[EVENTS.len() - 1], times[EVENTS.len() - 1])
            && end <= now
        {
            return Err(DayIsOver { ended_at: time });
        }
        let texts = texts.map(|time| time.map(|time| time.to_string()));
        Ok(Day { due, texts, passed: 0, reached: 0, has_opened: false })
    }

    /// The latest event that has become due `now`, unless it has passed.
    pub(crate) fn due(&self, now: Duration) -> Option<EventCode> {
        let is_due = |due: Due| match due {
            Due::AtStart => true,
            Due::At(time) => time <= now,
            Due::AtStop => false,
        };
        let latest = (self.passed..EVENTS.len()).rev().find(|&place| is_due(self.due[place]))?;
        Some(EVENTS[latest])
    }

    /// The events that lead to `event`. If the market has not opened, its hours are left out on the way to a later event:
    /// they would end as they begin, with orders in between.
    ///
    /// # Errors
    /// What stands against it, in words.
    pub(crate) fn steps_to(&self, event: EventCode) -> Result<Vec<EventCode>, String> {
        let target = place(event);
        if target < self.passed {
            let passed = if target < self.reached { "has passed" } else { "is on its way past" };
            return Err(format!("not possible: the day {passed} {}; {}", words(event), self.phase()));
        }
        let opens = self.has_opened || target == MARKET_HOURS.start;
        let is_said = |place: &usize| opens || !MARKET_HOURS.contains(place);
        Ok((self.passed..=target).filter(is_said).map(|place| EVENTS[place]).collect())
    }

    /// Notes that the steps to an event are on their way to the group.
    pub(crate) fn set_out_for(&mut self, event: EventCode) {
        self.passed = self.passed.max(place(event) + 1);
        self.has_opened |= event == EventCode::StartOfMarketHours;
    }

    /// Notes that the group has done the steps to an event.
    pub(crate) fn reach(&mut self, event: EventCode) {
        self.reached = self.reached.max(place(event) + 1);
    }

    /// The phase that the group is in.
    pub(crate) fn phase(&self) -> &'static str {
        self.reached.checked_sub(1).map_or("before the start of messages", |last| phase_after(EVENTS[last]))
    }

    /// The next event and when it comes.
    pub(crate) fn next(&self) -> String {
        let Some(&event) = EVENTS.get(self.passed) else {
            return "nothing; stop the venue, and start the next day under a session name of its own".to_owned();
        };
        // One of the end without a time comes with the next that has one.
        let time = self.texts[self.passed..].iter().flatten().next();
        let when = time.map_or("at the stop".to_owned(), |time| format!("at {time}"));
        format!("{} {when}", words(event))
    }
}

fn place(event: EventCode) -> usize {
    EVENTS.iter().position(|one| *one == event).expect("all events are listed")
}

/// An event in words.
pub(crate) fn words(event: EventCode) -> &'static str {
    match event {
        EventCode::StartOfMessages => "start of messages",
        EventCode::StartOfSystemHours => "start of system hours",
        EventCode::StartOfMarketHours => "start of market hours",
        EventCode::EndOfMarketHours => "end of market hours",
        EventCode::EndOfSystemHours => "end of system hours",
        EventCode::EndOfMessages => "end of messages",
    }
}

/// An event as a word of a command.
pub(crate) fn event_named(name: &str) -> Option<EventCode> {
    EVENTS.into_iter().find(|event| words(*event).replace(' ', "-") == name)
}

/// The phase that an event leads to.
pub(crate) fn phase_after(event: EventCode) -> &'static str {
    match event {
        EventCode::StartOfMessages => "start of messages: the directory is published, no orders yet",
        EventCode::StartOfSystemHours => "system hours: immediate-or-cancel orders only",
        EventCode::StartOfMarketHours => "market hours: all orders",
        EventCode::EndOfMarketHours => "after market hours: immediate-or-cancel orders only",
        EventCode::EndOfSystemHours => "after system hours: no orders",
        EventCode::EndOfMessages => "the session is over",
    }
}

#[cfg(test)]
mod tests {
    use corelane_config::VENUE_TOML;

    use super::*;

    const HOURS: &str = "start_of_messages = \"03:00\"\nstart_of_system_hours = \"04:00\"\n\
        start_of_market_hours = \"09:30\"\nend_of_market_hours = \"16:00\"\nend_of_system_hours = \"20:00\"\n\
        end_of_messages = \"20:05\"\n";

    fn at(hour: u64, minute: u64) -> Duration {
        Duration::from_secs(3600 * hour + 60 * minute)
    }

    fn config(day: &str) -> Config {
        let text = format!("{VENUE_TOML}\n[day]\n{day}");
        Config::parse("venue.toml", &text).unwrap_or_else(|errors| panic!("{errors:?}"))
    }

    /// The codes that are sent at a time.
    fn sent(day: &mut Day, now: Duration) -> String {
        let Some(event) = day.due(now) else { return String::new() };
        let steps = day.steps_to(event).unwrap();
        day.set_out_for(event);
        steps.into_iter().map(|step| char::from(step.to_wire())).collect()
    }

    #[test]
    fn events_come_at_their_times_and_what_was_missed_at_once() {
        let cases = [
            // Without times, the start comes at once, and the end at the stop.
            ("", [(0, 0, "OSQ"), (12, 0, ""), (23, 59, ""), (23, 59, "")]),
            (HOURS, [(2, 59, ""), (3, 0, "O"), (9, 29, "S"), (9, 30, "Q")]),
            (HOURS, [(9, 31, "OSQ"), (15, 59, ""), (16, 0, "M"), (20, 5, "EC")]),
            // Too late to open: market hours would end as they begin.
            (HOURS, [(17, 0, "OS"), (18, 0, ""), (20, 0, "E"), (20, 6, "C")]),
            ("start_of_system_hours = \"09:00\"", [(8, 0, "O"), (8, 59, ""), (9, 0, "SQ"), (23, 59, "")]),
            ("end_of_market_hours = \"16:00\"", [(9, 0, "OSQ"), (16, 0, "M"), (23, 59, ""), (23, 59, "")]),
        ];
        for (hours, steps) in cases {
            let first = at(steps[0].0, steps[0].1);
            let mut day = Day::new(&config(hours), first).unwrap();
            for (hour, minute, expected) in steps {
                assert_eq!(sent(&mut day, at(hour, minute)), expected, "{hour}:{minute} {hours}");
            }
        }
    }

    #[test]
    fn a_day_goes_on_past_midnight_and_does_not_begin_after_its_end() {
        let mut day = Day::new(&config("end_of_system_hours = \"23:00\""), at(22, 0)).unwrap();
        assert_eq!(sent(&mut day, at(22, 0)), "OSQ");
        assert_eq!(day.next(), "end of market hours at 23:00:00", "it comes with the next that has a time");
        assert_eq!(sent(&mut day, at(23, 0)), "ME");
        assert_eq!(sent(&mut day, at(47, 0)), "");
        // A clock that is set back repeats nothing.
        assert_eq!(sent(&mut day, at(9, 0)), "");
        let refused = Day::new(&config(HOURS), at(20, 5));
        assert!(matches!(refused, Err(DayIsOver { .. })), "{refused:?}");
    }

    #[test]
    fn commands_bring_the_day_forward_only() {
        let mut day = Day::new(&config(HOURS), at(1, 0)).unwrap();
        assert_eq!(day.next(), "start of messages at 03:00:00");
        let steps = day.steps_to(EventCode::EndOfMessages).unwrap();
        assert_eq!(steps.len(), 4, "a market that never opened does not close: {steps:?}");
        day.set_out_for(EventCode::StartOfMarketHours);
        assert_eq!(day.phase(), "before the start of messages", "the group is not there yet");
        day.reach(EventCode::StartOfMarketHours);
        assert_eq!(day.phase(), "market hours: all orders");
        assert!(day.steps_to(EventCode::StartOfMarketHours).is_err());
        let steps = day.steps_to(EventCode::EndOfMessages).unwrap();
        assert_eq!(steps, [EventCode::EndOfMarketHours, EventCode::EndOfSystemHours, EventCode::EndOfMessages]);
        assert_eq!(sent(&mut day, at(9, 30)), "", "it has opened already");
        assert_eq!(day.next(), "end of market hours at 16:00:00");
    }
}
