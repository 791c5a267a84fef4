//! The tuning and workload of a system, from tables of options.

use snowglobe_checkers::explore::{Bounds, Scope};

use super::{CannotRun, Modelled, System, ranges};

/// The options of a system, as a file or a plan says them.
pub(crate) fn options_from<S: System>(written: toml::Table) -> Result<S::Options, CannotRun> {
    written.try_into().map_err(|error: toml::de::Error| {
        // The first line says what, and the next one where.
        let text = error.to_string();
        let why: Vec<&str> = text.lines().map(str::trim).collect();
        CannotRun::Unfit(format!("[options] of {}: {}", S::NAME, why.join(" ")))
    })
}

/// Tuning and workload of a system's small world: those of a scope, within some bounds.
pub(crate) fn options_of_scope<S: Modelled>(scope: &Scope, bounds: &Bounds) -> S::Options {
    let usual = S::small_options(bounds);
    let mut options = toml::Table::try_from(usual).expect("options are plain data");
    let own = scope.options.iter();
    options.extend(own.map(|(name, value)| ((*name).to_owned(), (*value).into())));
    options_from::<S>(options).expect("a scope has options that its system knows")
}

/// Tuning and workload of a system's small world: the usual ones, but for those
/// that were changed.
///
/// # Errors
/// When the system has no such option, or not with such a value.
pub(crate) fn small_options<S: Modelled>(
    bounds: &Bounds,
    changed: &toml::Table,
) -> Result<S::Options, CannotRun> {
    let usual = S::small_options(bounds);
    let mut options = toml::Table::try_from(usual).expect("options are plain data");
    options.extend(changed.clone());
    ranges::check_options(&options, S::RANGES)
        .map_err(|why| CannotRun::Unfit(format!("[options] of {}: {why}", S::NAME)))?;
    options_from::<S>(options)
}
