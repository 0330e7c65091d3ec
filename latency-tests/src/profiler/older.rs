//! The older profile that a new one is compared with.

use std::{fs, path::Path};

use miette::{IntoDiagnostic, WrapErr, miette};

use super::{
    DIFFERENCE_FILE, FOLDED_FILE, MODEL_FILE, ProfileError, difference, draw,
    folded::Folded,
    model::{Profile, SCHEMA_VERSION},
    revision, save, subtitle, table,
};
use crate::cli::ProfileArgs;

/// It, with its samples.
pub struct Older {
    profile: Profile,
    folded: Folded,
    text: String,
}

impl Older {
    /// Reads a folder that `profile` wrote.
    pub fn read(folder: &Path) -> miette::Result<Older> {
        let text = |name: &str| {
            let path = folder.join(name);
            fs::read_to_string(&path).into_diagnostic().wrap_err_with(|| format!("cannot read {}", path.display()))
        };
        let path = folder.join(MODEL_FILE);
        let value: serde_json::Value = serde_json::from_str(&text(MODEL_FILE)?)
            .into_diagnostic()
            .wrap_err_with(|| format!("{} is no profile of corelane-latency", path.display()))?;
        if let Some(found) = value.get("schema_version").and_then(serde_json::Value::as_u64)
            && found != u64::from(SCHEMA_VERSION)
        {
            return Err(ProfileError::Version { path, found: found as u32 }.into());
        }
        let profile = serde_json::from_value(value)
            .into_diagnostic()
            .wrap_err_with(|| format!("{} is no profile of corelane-latency", path.display()))?;
        let text = text(FOLDED_FILE)?;
        let folded = Folded::parse(&text).into_diagnostic().wrap_err_with(|| format!("in {}", folder.display()))?;
        Ok(Older { profile, folded, text })
    }

    /// Draws and prints what is different in the newer one; `text` are its samples, folded.
    pub fn compare(&self, args: &ProfileArgs, profile: &Profile, folded: &Folded, text: &str) -> miette::Result<()> {
        let loads = |profile: &Profile| profile.loads.iter().map(|load| load.load.clone()).collect::<Vec<_>>();
        if loads(&self.profile) != loads(profile) {
            println!("note: the loads differ, so that shares do: {:?} and {:?}", loads(&self.profile), loads(profile));
        }
        let title = format!("CPU time of `{}`: red grew, blue shrank", profile.scenario);
        let subtitle = format!("{}; before: revision {}", subtitle(profile), revision(&self.profile));
        let graph = draw::difference(&self.text, text, &title, &subtitle);
        save(args, DIFFERENCE_FILE, &graph.into_diagnostic().wrap_err("cannot draw the difference")?)?;
        for (thread, after) in table::server(profile, folded) {
            let before = self.folded.tally(thread);
            if before.samples == 0 {
                return Err(miette!(
                    help = "compare profiles of the same kind of scenario",
                    "the older profile has no thread {thread:?}"
                ));
            }
            println!("\n{}", table::changes(thread, &difference::changes(&before, &after)));
        }
        println!("\ndifference: {}", args.out.join(DIFFERENCE_FILE).display());
        Ok(())
    }
}
