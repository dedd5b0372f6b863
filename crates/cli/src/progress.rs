use std::{
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};

/// How far a transfer has come, for a person at the terminal: a line on standard error that goes away in the end.
///
/// Shows nothing while the transfer is short, nor where nobody looks or a trace is shown.
pub(crate) struct Progress {
    started: Instant,
    total: Option<u64>,
    octets: u64,
    /// None before it is worth it.
    bar: Option<ProgressBar>,
    shown: bool,
}

impl Progress {
    /// Whether there is anyone to show it to.
    pub(crate) fn is_seen(trace: bool) -> bool {
        !trace && io::stderr().is_terminal()
    }

    /// Of a transfer of `total` octets, if that is known.
    pub(crate) fn new(total: Option<u64>, trace: bool) -> Self {
        Self { started: Instant::now(), total, octets: 0, bar: None, shown: Self::is_seen(trace) }
    }

    /// So many octets went over.
    pub(crate) fn add(&mut self, octets: usize) {
        self.octets = self.octets.saturating_add(u64::try_from(octets).unwrap_or(u64::MAX));
        if self.shown && (self.bar.is_some() || self.started.elapsed() >= PATIENCE) {
            let total = self.total;
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

/// What takes less is not worth a bar.
const PATIENCE: Duration = Duration::from_millis(500);
