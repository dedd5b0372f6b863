use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};

/// How far a transfer has come, for a person at the terminal: a line on standard error that goes away in the end.
///
/// Shows nothing for a short transfer, where standard error is no terminal, and where a trace is shown.
pub(crate) struct Progress {
    total: Option<u64>,
    octets: u64,
    /// None while the transfer is short.
    bar: Option<ProgressBar>,
    is_seen: bool,
}

impl Progress {
    /// Whether there is anyone to show it to.
    pub(crate) fn is_seen(quiet: bool) -> bool {
        !quiet && io::stderr().is_terminal()
    }

    /// Starts for a transfer of `total` octets, if that is known.
    pub(crate) fn new(total: Option<u64>, quiet: bool) -> Self {
        Self { total, octets: 0, bar: None, is_seen: Self::is_seen(quiet) }
    }

    /// Counts octets that were transferred.
    pub(crate) fn add(&mut self, octets: usize) {
        self.octets = self.octets.saturating_add(u64::try_from(octets).unwrap_or(u64::MAX));
        let total = self.total;
        if self.is_seen && total.unwrap_or(self.octets) >= LONG {
            self.bar.get_or_insert_with(|| bar(total)).set_position(self.octets);
        }
    }

    /// Octets so far.
    pub(crate) const fn octets(&self) -> u64 {
        self.octets
    }
}

fn bar(total: Option<u64>) -> ProgressBar {
    let style = match total {
        Some(_) => "{bar:30} {binary_bytes} of {binary_total_bytes}  {binary_bytes_per_sec}  {eta} left",
        None => "{spinner} {binary_bytes}  {binary_bytes_per_sec}",
    };
    let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr())
        .with_style(style)
        .with_finish(ProgressFinish::AndClear)
}

/// Octets from which on a transfer has a bar.
const LONG: u64 = 256 << 10;
