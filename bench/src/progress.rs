//! Tells how far the run is: a bar on a terminal, plain lines otherwise. It must not appear in reports.

use std::io::Write as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Plain lines of a long step are this far apart at least.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// The teller.
pub struct Progress {
    began: Instant,
    bar: ProgressBar,
    is_terminal: bool,
}

/// A long step with a known length.
pub struct Step<'a> {
    progress: &'a Progress,
    what: String,
    of: u64,
    told: std::sync::Mutex<Instant>,
}

impl Progress {
    /// On standard error.
    #[must_use]
    pub fn new() -> Self {
        let target = ProgressDrawTarget::stderr();
        let is_terminal = !target.is_hidden();
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{elapsed_precise} {spinner} {msg}") {
            bar.set_style(style);
        }
        if is_terminal {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self { began: Instant::now(), bar, is_terminal }
    }

    /// What is being done now.
    pub fn say(&self, what: impl Into<String>) {
        let what = what.into();
        if self.is_terminal {
            self.bar.set_message(what);
        } else {
            self.line(&what);
        }
    }

    /// Something worth keeping on the screen.
    pub fn note(&self, what: &str) {
        if self.is_terminal {
            self.bar.suspend(|| self.line(what));
        } else {
            self.line(what);
        }
    }

    fn line(&self, what: &str) {
        // If nobody can read it, nobody misses it.
        let _ = writeln!(std::io::stderr(), "[{:>4} s] {what}", self.began.elapsed().as_secs());
    }

    /// A long step.
    pub fn step(&self, what: impl Into<String>, of: u64) -> Step<'_> {
        let what = what.into();
        self.say(what.clone());
        Step { progress: self, what, of, told: std::sync::Mutex::new(Instant::now()) }
    }

    /// How long it has been going on.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Clears the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Step<'_> {
    /// How far it is. May be called often, from any thread.
    pub fn at(&self, done: u64) {
        let Ok(mut told) = self.told.try_lock() else { return };
        let pause = if self.progress.is_terminal { LINE_EVERY / 20 } else { LINE_EVERY };
        if told.elapsed() < pause {
            return;
        }
        *told = Instant::now();
        let percent = (done * 100).checked_div(self.of).unwrap_or(100);
        let text = format!("{}: {} of {} ({percent} %)", self.what, done, self.of);
        self.progress.say(text);
    }
}
