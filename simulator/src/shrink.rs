//! Making a run that breaks a rule smaller: cut at the failure, then without faults, clients and kinds of request, as long as
//! a rule is still broken.

use corelane_venue::VenueError;

use crate::{Kind, Report, Spec, run};

/// The most runs of one search.
const RUNS_MAX: usize = 500;

/// The smallest run found that breaks the same rule as `report` of `spec` does, and its report. `progress` is called before each
/// run.
///
/// # Errors
/// [`VenueError`] if the venue cannot be built.
pub fn shrink(spec: &Spec, report: Report, mut progress: impl FnMut()) -> Result<(Spec, Report), VenueError> {
    let mut search = Search { spec: spec.clone(), report, runs: 0, progress: &mut progress };
    let faults = search.report.faults.iter().map(|fault| (fault.source.name().to_owned(), fault.key)).collect();
    let requests = search.report.requests;
    search.takes(|spec| {
        spec.requests = requests;
        spec.only = Some(faults);
    })?;
    for index in 0..spec.config.ports.len() {
        search.takes(|spec| spec.without_clients.push(index))?;
    }
    for (_, kind, _) in Kind::ALL {
        search.takes(|spec| spec.without_kinds.push(kind))?;
    }
    search.remove_faults()?;
    while search.spec.requests > 1 && search.takes(|spec| spec.requests /= 2)? {}
    Ok((search.spec, search.report))
}

struct Search<'a> {
    spec: Spec,
    report: Report,
    runs: usize,
    progress: &'a mut dyn FnMut(),
}

impl Search<'_> {
    /// Whether the changed run still breaks a rule; if so, it is the one to go on from.
    fn takes(&mut self, change: impl FnOnce(&mut Spec)) -> Result<bool, VenueError> {
        if self.runs == RUNS_MAX {
            return Ok(false);
        }
        self.runs += 1;
        (self.progress)();
        let mut smaller = self.spec.clone();
        change(&mut smaller);
        let report = run(&smaller)?;
        let still_breaks = rule_of(&report) == rule_of(&self.report);
        if still_breaks {
            // With none, the run would be over before anything happens.
            smaller.requests = smaller.requests.min(report.requests.max(1));
            (self.spec, self.report) = (smaller, report);
        }
        Ok(still_breaks)
    }

    /// Removes faults in pieces: first halves, then ever smaller ones.
    fn remove_faults(&mut self) -> Result<(), VenueError> {
        let count = |spec: &Spec| spec.only.as_ref().map_or(0, Vec::len);
        let mut piece = count(&self.spec);
        while piece > 0 {
            let mut at = 0;
            while at < count(&self.spec) {
                let end = (at + piece).min(count(&self.spec));
                let removed = self.takes(|spec| spec.only.iter_mut().for_each(|only| drop(only.drain(at..end))))?;
                if !removed {
                    at = end;
                }
            }
            piece /= 2;
        }
        Ok(())
    }
}

/// The beginning of what a report says is broken, without its numbers: the same for the same rule.
fn rule_of(report: &Report) -> Option<String> {
    const LETTERS: usize = 40;
    let broken = report.broken.as_ref()?;
    Some(broken.what.chars().filter(|letter| !letter.is_ascii_digit()).take(LETTERS).collect())
}
