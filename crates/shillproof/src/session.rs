//! What every command runs in: its seed, its threads, its way to stop, and the two streams.

use std::fs;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use serde::Serialize;
use shillproof_core::{Ctx, Seed, Victim};
use shillproof_lab::command::VictimChoice;
use shillproof_lab::run::{RunObserver, observer};
use shillproof_lab::trial::Setup;

use crate::failure::{Failure, While};

/// Options of every command.
#[derive(Args, Clone, Debug)]
pub(crate) struct Global {
    /// Root of all randomness: the same seed gives the same numbers
    #[arg(long, global = true, value_name = "N", default_value_t = 0, help_heading = "Global options")]
    pub(crate) seed: u64,
    /// Threads to use [default: all]
    #[arg(long, global = true, value_name = "N", help_heading = "Global options")]
    pub(crate) jobs: Option<NonZeroUsize>,
    /// Say nothing on stderr but errors
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub(crate) quiet: bool,
}

/// Set by Ctrl-C; every long computation looks at it.
pub(crate) static STOP: AtomicBool = AtomicBool::new(false);

/// Everything a command has besides its own arguments.
pub(crate) struct Session {
    pub(crate) seed: Seed,
    pub(crate) jobs: usize,
    pub(crate) observer: Box<dyn RunObserver>,
}

impl Session {
    /// Sizes the thread pool and listens for Ctrl-C.
    pub(crate) fn start(global: &Global) -> Result<Self, Failure> {
        let jobs =
            global.jobs.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
        rayon::ThreadPoolBuilder::new()
            .num_threads(jobs)
            .build_global()
            .map_err(|error| Failure::new(format!("failed to start {jobs} threads: {error}")))?;
        ctrlc::set_handler(|| {
            if STOP.swap(true, Ordering::Relaxed) {
                std::process::exit(2);
            }
            // Nobody is left to tell if stderr is gone.
            let _ = writeln!(io::stderr(), "stopping; press Ctrl-C again to stop at once");
        })
        .map_err(|error| Failure::new(format!("failed to listen for Ctrl-C: {error}")))?;
        let observer = observer(global.quiet);
        Ok(Self { seed: Seed::new(global.seed), jobs, observer })
    }

    /// Seed, observer and cancellation for the libraries.
    pub(crate) fn ctx(&self) -> Ctx<'_> {
        Ctx { seed: self.seed, observer: &*self.observer, cancel: &STOP, checkpoint: None }
    }

    /// A sentence on stderr.
    pub(crate) fn say(&self, text: &str) {
        self.observer.note(text);
    }

    /// What a person should know about this victim on this data, on stderr.
    pub(crate) fn notes(&self, setup: &Setup, victim: &VictimChoice) {
        let feedback = victim.bind(&setup.dataset.users, &setup.dataset.items).feedback();
        setup.notes(feedback).iter().for_each(|note| self.say(note));
    }
}

/// Most memory this process has held, where the system tells.
pub(crate) fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

/// The data asked for, on stdout. A reader that has gone away is no error.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).when("write to stdout"),
        _ => Ok(()),
    }
}

/// Writes a page and says where it is.
pub(crate) fn write_page(path: &Path, page: &str, session: &Session) -> Result<(), Failure> {
    fs::write(path, page).when(format!("write `{}`", path.display()))?;
    session.say(&format!("the page is {}", path.display()));
    Ok(())
}

/// The command that was given, as somebody else would type it.
pub(crate) fn command_line() -> String {
    let words = std::env::args().skip(1);
    shell_words::join(std::iter::once("shillproof".to_owned()).chain(words))
}

/// A value as JSON on stdout.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::new(format!("failed to write JSON: {error}")))?;
    print(&(text + "\n"))
}
