//! The ratios that the head of a report shows.

use super::words;
use crate::result::{Judgement, Ratio, Role, Scenario, Threshold};

/// A ratio with a threshold.
pub(super) struct Headline<'a> {
    pub ratio: &'a Ratio,
    /// Figure and the two contenders of the ratio.
    pub name: String,
}

/// The ratios with a threshold. Of those to peers of which we are ahead the closest stands for all of a figure.
pub(super) fn headlines(scenario: &Scenario) -> Vec<Headline<'_>> {
    let is_peer = |name: &str| scenario.contender(name).is_some_and(|contender| contender.role == Role::Peer);
    let is_ahead = |ratio: &Ratio| {
        let is_met = matches!(ratio.judgement, Judgement::Met { threshold: Threshold::AtLeast(_) });
        is_met && (is_peer(&ratio.of) || is_peer(&ratio.to))
    };
    // With how many each stands for.
    let mut seen: Vec<(&Ratio, usize)> = Vec::new();
    for ratio in scenario.ratios.iter().filter(|ratio| ratio.judgement != Judgement::Shown) {
        let same = |(known, _): &&mut (&Ratio, usize)| is_ahead(known) && known.figure == ratio.figure;
        match seen.iter_mut().find(same).filter(|_| is_ahead(ratio)) {
            Some((closest, count)) => {
                *count += 1;
                if ratio.spread.median < closest.spread.median {
                    *closest = ratio;
                }
            }
            None => seen.push((ratio, 1)),
        }
    }
    let named = seen.into_iter().map(|(ratio, count)| {
        let name = words::ratio(ratio);
        let name = if count > 1 { format!("{name}: the closest of {count} peers") } else { name };
        Headline { ratio, name }
    });
    named.collect()
}
