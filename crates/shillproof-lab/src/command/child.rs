//! One run of a program: a group of its own, a time limit, and the end of what it said on stderr.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use shillproof_core::{Ctx, FitError};

/// Bytes of stderr that are kept.
const KEPT: usize = 4096;
/// Lines of stderr that a message shows.
const SHOWN: usize = 10;
/// How long the last words of a finished command are waited for: a grandchild may hold the pipe open for ever.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// Runs `words` to its end and returns the end of its stderr, ready to be put behind a message.
///
/// Nothing of the command survives: its whole process group is killed when it ends, exceeds
/// `limit`, or somebody asks to stop.
pub(super) fn run(words: &[String], limit: Duration, ctx: &Ctx<'_>) -> Result<String, FitError> {
    let program = &words[0];
    let mut command = Command::new(program);
    command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().map_err(|error| {
        FitError::External(if error.kind() == std::io::ErrorKind::NotFound {
            format!("cannot start `{program}`: there is no such program here or on the PATH")
        } else {
            format!("cannot start `{program}`: {error}")
        })
    })?;
    let tail = Tail::of(&mut child);
    let ended = wait(&mut child, limit, ctx);
    kill_group(&mut child);
    let said = tail.finish();
    let failed = |what: String| Err(FitError::External(format!("{what}{said}")));
    match ended? {
        Some(status) if status.success() => Ok(said),
        Some(status) => failed(describe(status)),
        None => failed(format!(
            "the command was stopped at its time limit of {} s (`--victim-timeout`)",
            limit.as_secs_f64()
        )),
    }
}

/// The exit status, or none at the time limit.
fn wait(child: &mut Child, limit: Duration, ctx: &Ctx<'_>) -> Result<Option<ExitStatus>, FitError> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        let status = child
            .try_wait()
            .map_err(|error| FitError::External(format!("cannot wait for the command: {error}")))?;
        if status.is_some() {
            return Ok(status);
        }
        ctx.check()?;
        if start.elapsed() >= limit {
            return Ok(None);
        }
        thread::sleep(pause.min(limit.saturating_sub(start.elapsed())));
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// Kills the command with all it started, and collects it. Errors mean that nothing was left to kill.
fn kill_group(child: &mut Child) {
    #[cfg(unix)]
    if let Some(group) = rustix::process::Pid::from_raw(child.id() as i32) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn describe(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        let why = if signal == 9 { " (often: out of memory)" } else { "" };
        return format!("the command was killed by signal {signal}{why}");
    }
    match status.code() {
        Some(code) => format!("the command ended with exit code {code}, expected 0"),
        None => "the command ended without an exit code".into(),
    }
}

/// The last bytes of a child's stderr, collected while it runs so that it never blocks on a full pipe.
struct Tail {
    bytes: Arc<Mutex<Vec<u8>>>,
    closed: mpsc::Receiver<()>,
}

impl Tail {
    fn of(child: &mut Child) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let (close, closed) = mpsc::channel();
        let pipe = child.stderr.take();
        let kept = Arc::clone(&bytes);
        thread::spawn(move || {
            let mut chunk = [0; 8192];
            let mut pipe = pipe;
            while let Some(n) = pipe.as_mut().and_then(|p| p.read(&mut chunk).ok()).filter(|&n| n > 0) {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(&chunk[..n]);
                let excess = kept.len().saturating_sub(KEPT);
                kept.drain(..excess);
            }
            // The receiver is gone only if nobody waits any more.
            let _ = close.send(());
        });
        Self { bytes, closed }
    }

    /// The last lines, introduced and indented.
    fn finish(self) -> String {
        let _ = self.closed.recv_timeout(LAST_WORDS);
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        if lines.is_empty() {
            return "\n  (the command wrote nothing to stderr)".into();
        }
        let shown = &lines[lines.len().saturating_sub(SHOWN)..];
        format!("\n  the command's last lines on stderr:\n    {}", shown.join("\n    "))
    }
}
