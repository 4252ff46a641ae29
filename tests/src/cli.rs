//! Commands of the real binary that end by themselves, with what they printed and their exit code.

use std::{
    io::{Read, Write as _},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};

use crate::process::binary;

/// How long a command may take.
const END_MAX: Duration = Duration::from_secs(120);

/// A command that ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Its exit code; -1 if a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ended {
    /// Checks the exit code.
    pub fn expect_code(self, code: i32) -> anyhow::Result<Self> {
        if self.code != code {
            bail!("ended with {}, not with {code}:\n{}\n{}", self.code, self.out, self.err);
        }
        Ok(self)
    }

    /// Checks that it failed and said all of that on standard error, without a panic.
    pub fn expect_error(self, texts: &[&str]) -> anyhow::Result<Self> {
        if self.code <= 0 {
            bail!("should fail, but ended with {}:\n{}\n{}", self.code, self.out, self.err);
        }
        match texts.iter().find(|text| !self.err.contains(**text)) {
            Some(text) => bail!("does not say {text:?}:\n{}", self.err),
            None if self.err.contains("panicked") => bail!("panicked:\n{}", self.err),
            None => Ok(self),
        }
    }
}

/// Runs a command to its end.
pub fn run(arguments: &[&str]) -> anyhow::Result<Ended> {
    run_with(arguments, &[], "")
}

/// Runs a command to its end, which must come within that time.
pub fn run_within(wait: Duration, arguments: &[&str]) -> anyhow::Result<Ended> {
    end_within(wait, arguments, &[], "")
}

/// Runs a command to its end with variables and standard input.
pub fn run_with(arguments: &[&str], environment: &[(&str, &str)], input: &str) -> anyhow::Result<Ended> {
    end_within(END_MAX, arguments, environment, input)
}

/// One that does not end is killed, which is an error with everything it printed.
fn end_within(wait: Duration, arguments: &[&str], environment: &[(&str, &str)], input: &str) -> anyhow::Result<Ended> {
    let mut child = Command::new(binary()?)
        .args(arguments)
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start the binary")?;
    let (mut stdin, input) = (child.stdin.take().context("no standard input")?, input.to_owned());
    // Whoever does not read to the end closes the pipe.
    let writing = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let out = collect(child.stdout.take().context("no standard output")?);
    let err = collect(child.stderr.take().context("no standard error")?);
    let deadline = Instant::now() + wait;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            let printed = out.join().unwrap_or_default() + &err.join().unwrap_or_default();
            bail!("subledger {} does not end within {wait:?}:\n{printed}", arguments.join(" "));
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let text = |thread: std::thread::JoinHandle<String>| thread.join().unwrap_or_default();
    writing.join().map_err(|_| anyhow::anyhow!("the input could not be written"))?;
    Ok(Ended { code: status.code().unwrap_or(-1), out: text(out), err: text(err) })
}

fn collect(mut stream: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
