//! A short load on a device, by the core's client: enough that its stack has been as deep as it gets.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use rand::rngs::ThreadRng;
use sockeye::handshake::{Offer, Uri};
use sockeye::{CloseCode, Event, Kind, MAX_CONTROL, Masked, Receiver, Sender};
use sockeye_qemu::{Device, Image, PATIENCE};

use crate::process::{cargo, output, workspace_dir};
use crate::server::Server;

const CONNECTIONS: u64 = 4;
/// QEMU takes a second for one of two that come at the same instant.
const APART: Duration = Duration::from_millis(20);
const MESSAGE: usize = 64 * 1024;

/// Four connections at a time, each with a message that has to come back.
pub(crate) fn echo(address: SocketAddr) -> Result<()> {
    at_a_time(|| {
        let mut client = Client::open(address, "/")?;
        let message: Vec<u8> = (0..MESSAGE).map(|at| (at % 251) as u8).collect();
        if client.exchange(Kind::Binary, &message)? != message {
            bail!("what came back is not what was sent");
        }
        client.close()
    })
}

/// The page, then four connections that get readings and switch the LED.
pub(crate) fn sensor(address: SocketAddr) -> Result<()> {
    page(address)?;
    at_a_time(|| {
        let mut client = Client::open(address, "/ws")?;
        for command in ["led on", "led off", "what?"] {
            client.exchange(Kind::Text, command.as_bytes())?;
        }
        client.close()
    })
}

/// A device that has dialled our server, over TLS if the machine has the memory for it, and is in the room.
pub(crate) fn uplink(image: &Image, path: &Path) -> Result<Device> {
    let is_secure = image.machine.package != "qemu-lm3s6965";
    let dir = workspace_dir("size");
    fs::create_dir_all(&dir)?;
    let mut authority = cargo();
    authority.args(["run", "-q", "-p", "sockeye-tests", "--example", "authority", "--"]).arg(&dir).arg("localhost");
    let pin = output(&mut authority)?;
    let [cert, key] = ["cert.pem", "key.pem"].map(|file| dir.join(file).display().to_string());
    let flags = ["--tls-cert", &cert, "--tls-key", &key];
    let server = Server::start_with(if is_secure { &flags } else { &[] })?;
    let scheme = if is_secure { "wss" } else { "ws" };
    let url = format!("UPLINK_URL={scheme}://10.0.2.2:{}/rooms/size", server.address.port());
    let device = Device::boot_with_words(image.machine, path, &[url, format!("UPLINK_PINS={}", pin.trim())])?;
    device.wait_for("in the room")?;
    // It gets no deeper than in the handshake of TLS, or in another attempt.
    drop(server);
    device.wait_for_after(device.log().len(), "dialling")?;
    Ok(device)
}

fn at_a_time(client: impl Fn() -> Result<()> + Sync) -> Result<()> {
    thread::scope(|scope| {
        let clients = (0..CONNECTIONS).map(|turn| {
            let client = &client;
            scope.spawn(move || {
                thread::sleep(APART * turn as u32);
                client()
            })
        });
        let clients: Vec<_> = clients.collect();
        clients.into_iter().try_for_each(|client| client.join().unwrap_or_else(|_| bail!("a client panicked")))
    })
}

fn page(address: SocketAddr) -> Result<()> {
    let mut stream = connect(address)?;
    write!(stream, "GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    if !answer.starts_with(b"HTTP/1.1 200 ") {
        bail!("the page is not there: {}", String::from_utf8_lossy(&answer).lines().next().unwrap_or_default());
    }
    Ok(())
}

fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// A connection to a device.
struct Client {
    stream: TcpStream,
    receiver: Receiver,
    sender: Sender<Masked<ThreadRng>>,
    /// What came and was not looked at.
    rest: Vec<u8>,
}

impl Client {
    fn open(address: SocketAddr, path: &str) -> Result<Self> {
        let mut stream = connect(address)?;
        let url = format!("ws://{address}{path}");
        let offer = Offer::new(Uri::parse(&url).context("no URI")?, &mut rand::rng());
        let mut request = [0; 512];
        let len = offer.write(&mut request).context("no request")?;
        stream.write_all(&request[..len])?;
        let mut came = Vec::new();
        let frames = loop {
            let seen = came.len();
            came.resize(seen + 512, 0);
            match stream.read(&mut came[seen..]).context("no answer to the handshake")? {
                0 => bail!("hung up in the handshake"),
                len => came.truncate(seen + len),
            }
            if let Some((_, frames)) = offer.check(&came).context("refused")? {
                break frames;
            }
        };
        let rest = came.split_off(frames);
        Ok(Self { stream, receiver: Receiver::client(), sender: Sender::client(rand::rng()), rest })
    }

    /// Sends a message and returns the next that comes.
    fn exchange(&mut self, kind: Kind, message: &[u8]) -> Result<Vec<u8>> {
        let mut head = self.sender.chunk(kind, message.len() as u64, true)?;
        let mut frame = head.bytes().to_vec();
        let mut masked = message.to_vec();
        head.mask(&mut masked);
        frame.append(&mut masked);
        let mut writer = self.stream.try_clone()?;
        // The device reads no further while nobody takes what it sends.
        let sending = thread::spawn(move || writer.write_all(&frame));
        let mut whole = Vec::new();
        let came = self.until(|event| match event {
            Event::Data(chunk) => {
                whole.extend_from_slice(chunk.payload);
                chunk.last
            }
            _ => false,
        });
        sending.join().map_err(|_| anyhow!("the sender panicked"))?.context("a message could not be sent")?;
        came.context("no message came").map(|()| whole)
    }

    /// Closes, and waits until the device has.
    fn close(mut self) -> Result<()> {
        let mut frame = [0; MAX_CONTROL];
        let close = self.sender.close(CloseCode::NORMAL, "", &mut frame)?;
        self.stream.write_all(close)?;
        self.until(|event| matches!(event, Event::Close(_)))?;
        io::copy(&mut self.stream, &mut io::sink()).context("the device did not hang up")?;
        Ok(())
    }

    /// Reads until there is an event of this kind.
    fn until(&mut self, mut wanted: impl FnMut(Event<'_>) -> bool) -> Result<()> {
        loop {
            let mut input = &mut self.rest[..];
            while let Some(event) = self.receiver.next_event(&mut input)? {
                if wanted(event) {
                    self.rest = input.to_vec();
                    return Ok(());
                }
            }
            self.rest.resize(16 * 1024, 0);
            match self.stream.read(&mut self.rest)? {
                0 => bail!("the device hung up"),
                len => self.rest.truncate(len),
            }
        }
    }
}
