//! A device that runs.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::guest::Guest;
use crate::log::{Found, Line, Names};
use crate::stack::Paint;
use crate::wire::Wire;
use crate::{Machine, PATIENCE};

/// What an image logs once it has an address: a server's, and who dials.
const READY: [&str; 2] = ["listening on", "dialling"];

/// Between the choice of a free port and QEMU's use of it another program may take it.
const PORT_TAKEN: &str = "Could not set up host forwarding rule";
const ATTEMPTS: usize = 5;

/// A machine that runs an image; dropping it ends it.
#[derive(Debug)]
pub struct Device {
    guest: Guest,
    /// Of a machine that is not QEMU's.
    wire: Option<Wire>,
    /// `None` on a network of the caller's.
    address: Option<SocketAddr>,
    paint: Option<Paint>,
}

impl Device {
    /// Boots an image and waits until it listens: until it says so, or, if it logs nothing, until it answers.
    ///
    /// # Errors
    /// QEMU is missing, the image is none, or it does not listen within [`PATIENCE`]; then the log is in the error.
    pub fn boot(machine: &Machine, image: &Path) -> Result<Self> {
        Self::boot_with(machine, image, false)
    }

    /// [`boot`](Self::boot) with a stack that is painted, so that [`stack_used`](Self::stack_used) can tell its depth.
    ///
    /// # Errors
    /// As `boot`'s; also if the image does not say where its stack is.
    pub fn boot_painted(machine: &Machine, image: &Path) -> Result<Self> {
        Self::boot_with(machine, image, true)
    }

    /// Boots an image on a network of the caller's: the other end of the Unix socket `cable`, which has to listen
    /// already, and on which a frame has its length before it, in 4 bytes, big-endian. The words are as with
    /// [`boot_with_words`](Self::boot_with_words). Waits for nothing.
    ///
    /// # Errors
    /// QEMU is missing, or the image is none.
    pub fn boot_on(machine: &Machine, image: &Path, words: &[String], cable: &Path) -> Result<Self> {
        let network = format!("stream,server=off,addr.type=unix,addr.path={}", cable.display());
        let guest = Guest::start(with_words(machine.command(&network, image), words), Names::of(&read(image)?)?)?;
        Ok(Self { guest, wire: None, address: None, paint: None })
    }

    /// Boots an image that listens to nobody, on QEMU's user network, where this host's 127.0.0.1 is 10.0.2.2. The
    /// words are for the program: what a board's image has from the environment that it was built in. Its stack is
    /// [painted](Self::boot_painted). Waits for nothing.
    ///
    /// # Errors
    /// QEMU is missing, or the image does not say where its stack is.
    pub fn boot_with_words(machine: &Machine, image: &Path, words: &[String]) -> Result<Self> {
        let mut command = with_words(machine.command("user", image), words);
        let bytes = read(image)?;
        let paint = Some(Paint::of(&bytes, &mut command)?);
        Ok(Self { guest: Guest::start(command, Names::of(&bytes)?)?, wire: None, address: None, paint })
    }

    fn boot_with(machine: &Machine, image: &Path, painted: bool) -> Result<Self> {
        let bytes = read(image)?;
        for _ in 0..ATTEMPTS {
            let names = Names::of(&bytes)?;
            let logs = names.is_some();
            let address = free_port()?;
            let network = format!("user,hostfwd=tcp:{address}-10.0.2.15:80");
            let wire = machine.wants_wire().then(|| Wire::start(&network)).transpose()?;
            let mut command = machine.command(&wire.as_ref().map_or(network, Wire::socket), image);
            let paint = if painted { Some(Paint::of(&bytes, &mut command)?) } else { None };
            let guest = Guest::start(command, names)?;
            let device = Self { guest, wire, address: Some(address), paint };
            let ready = if logs { device.wait_for_any(0, &READY).map(drop) } else { device.answers() };
            match ready {
                Ok(()) => return Ok(device),
                Err(_) if device.complaints().contains(PORT_TAKEN) => {}
                Err(error) => return Err(error.context(format!("{} does not boot", machine.name))),
            }
        }
        bail!("no port could be forwarded in {ATTEMPTS} attempts");
    }

    /// Where its port 80 is reached.
    ///
    /// # Panics
    /// On a network of the caller's it is not reached from here.
    pub fn address(&self) -> SocketAddr {
        self.address.expect("the network is the caller's")
    }

    /// QEMU's process.
    pub fn id(&self) -> u32 {
        self.guest.id()
    }

    /// The log so far.
    pub fn log(&self) -> Vec<Line> {
        self.guest.log.lines()
    }

    /// The line of the log that has this number, from 0, if it comes within the limit.
    ///
    /// # Errors
    /// The device has ended and there is no such line.
    pub fn line(&self, number: usize, limit: Duration) -> Result<Option<Line>> {
        match self.guest.log.find(number, limit, |_| true) {
            Found::Line(line) => Ok(Some(line)),
            Found::Late => Ok(None),
            Found::Over => bail!("the device has ended"),
        }
    }

    /// The first line of the whole log that has this in it.
    ///
    /// # Errors
    /// There is none within [`PATIENCE`], or the device ended; the log is in the error.
    pub fn wait_for(&self, part: &str) -> Result<Line> {
        self.wait_for_after(0, part)
    }

    /// The same of the lines from this number on: one more than another line's, or `device.log().len()` before
    /// something is done that is to be logged.
    ///
    /// # Errors
    /// As [`wait_for`](Self::wait_for)'s.
    pub fn wait_for_after(&self, number: usize, part: &str) -> Result<Line> {
        self.wait_for_any(number, &[part])
    }

    fn wait_for_any(&self, number: usize, parts: &[&str]) -> Result<Line> {
        let has_one = |line: &Line| parts.iter().any(|part| line.message.contains(part));
        let words = || parts.join("\" or \"");
        match self.guest.log.find(number, PATIENCE, has_one) {
            Found::Line(line) => Ok(line),
            Found::Late => bail!("no \"{}\" after {} s{}", words(), PATIENCE.as_secs(), self.story()),
            Found::Over => {
                let end = self.guest.status(PATIENCE)?.map_or_else(String::new, |status| format!(" with {status}"));
                bail!("the device ended{end} before \"{}\"{}", words(), self.story())
            }
        }
    }

    /// How it ended; the firmware's own status is QEMU's.
    ///
    /// # Errors
    /// It does not end within [`PATIENCE`]; the log is in the error.
    pub fn status(&self) -> Result<ExitStatus> {
        let status = self.guest.status(PATIENCE)?;
        status.with_context(|| format!("the device still runs after {} s{}", PATIENCE.as_secs(), self.story()))
    }

    /// How deep the stack has been, in bytes, of a device that was [booted painted](Self::boot_painted).
    ///
    /// # Errors
    /// It was not, or QEMU does not tell.
    pub fn stack_used(&self) -> Result<u32> {
        self.paint.as_ref().context("the stack was not painted")?.used()
    }

    /// Plugs the cable of a device with a painted stack in, or pulls it: neither end is told, and what was on its way is
    /// lost.
    ///
    /// # Errors
    /// Its stack is not painted, so that QEMU's monitor is not there; or the device has ended.
    pub fn set_link(&self, is_up: bool) -> Result<()> {
        self.paint.as_ref().context("there is no monitor")?.monitor.set_link(is_up)
    }

    /// The log and QEMU's own words, for an error.
    fn story(&self) -> String {
        let lines = self.log().into_iter().map(|line| format!("\n{line}")).collect::<String>();
        let complaints = self.complaints();
        let complaints = complaints.trim();
        let log = if lines.is_empty() { "\nthe device logged nothing".into() } else { format!("\nits log:{lines}") };
        if complaints.is_empty() { log } else { format!("{log}\nQEMU said: {complaints}") }
    }

    /// What the emulators themselves had to say.
    fn complaints(&self) -> String {
        self.guest.complaints() + &self.wire.as_ref().map_or_else(String::new, Wire::complaints)
    }

    /// Waits until a request gets an answer. That a connection is made says nothing: QEMU makes it.
    fn answers(&self) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if matches!(self.guest.log.find(usize::MAX, Duration::ZERO, |_| true), Found::Over) {
                bail!("the device ended before it answered{}", self.story());
            }
            if self.answers_now().is_ok() {
                return Ok(());
            }
        }
        bail!("no answer after {} s{}", PATIENCE.as_secs(), self.story())
    }

    fn answers_now(&self) -> std::io::Result<()> {
        let limit = Duration::from_secs(1);
        let asked = Instant::now();
        let answer = (|| {
            let mut stream = TcpStream::connect_timeout(&self.address(), limit)?;
            stream.set_read_timeout(Some(limit))?;
            stream.write_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
            stream.read_exact(&mut [0; 12])?;
            std::io::copy(&mut stream, &mut std::io::sink()).map(drop)
        })();
        if answer.is_err() {
            // At most ten times a second.
            std::thread::sleep(Duration::from_millis(100).saturating_sub(asked.elapsed()));
        }
        answer
    }
}

/// For the program's own command line.
fn with_words(mut command: Command, words: &[String]) -> Command {
    for word in words {
        command.arg("-semihosting-config").arg(format!("arg={}", word.replace(',', ",,")));
    }
    command
}

fn read(image: &Path) -> Result<Vec<u8>> {
    fs::read(image).with_context(|| format!("cannot read {}", image.display()))
}

fn free_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Boots this test, which has no log, on a machine that is a line of shell.
    fn boot(line: &'static str) -> String {
        let image = std::env::current_exe().expect("a test knows where it is");
        let error = Device::boot(&Machine::made_of(line), &image).expect_err("it is no machine");
        format!("{error:#}")
    }

    #[test]
    fn a_port_that_was_taken_is_tried_five_times() {
        let error = boot("echo 'qemu: -netdev user: Could not set up host forwarding rule' >&2; exit 1");
        assert_eq!(error, "no port could be forwarded in 5 attempts");
    }

    #[test]
    fn what_qemu_complained_of_is_told() {
        let error = boot("echo 'unsupported machine type' >&2; exit 1");
        assert!(error.contains("sh does not boot"), "{error}");
        assert!(error.contains("the device ended before it answered"), "{error}");
        assert!(error.contains("QEMU said: unsupported machine type"), "{error}");
    }
}
