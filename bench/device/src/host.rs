//! TCP for the host: a process a connection, which blocks, and is ended when it takes too long. A library that loops for
//! ever takes no other connection with it.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use embedded_io_async::{ErrorType, Read, Write};

/// What says that standard input is a connection.
const CONNECTION: &str = "--connection";
/// No connection takes longer, nor so many seconds of the processor.
const LIMIT: Duration = Duration::from_secs(15);
const LIMITED: &str = "ulimit -t 3; exec \"$0\" \"$@\"";
/// What a client still sends at the end is taken so long, so that it is not reset before it has read our last frame.
const LINGER: Duration = Duration::from_millis(500);

/// Serves for ever, and says where.
///
/// # Errors
/// There is no port, or no process.
pub fn listen(serve: impl FnOnce(Tcp)) -> io::Result<()> {
    if env::args().any(|argument| argument == CONNECTION) {
        let stream = Tcp(TcpStream::from(io::stdin().as_fd().try_clone_to_owned()?));
        let end = stream.half()?;
        serve(stream);
        return close(end);
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on ws://{}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        stream.set_nodelay(true)?;
        let mut connection = Command::new("sh");
        connection.args(["-c", LIMITED]).arg(env::current_exe()?).args(env::args_os().skip(1)).arg(CONNECTION);
        connection.stdin(Stdio::from(OwnedFd::from(stream)));
        let child = connection.spawn()?;
        // Else we have the connection as well, and it never ends.
        drop(connection);
        thread::spawn(move || wait(child));
    }
    Ok(())
}

/// The bytes of a message buffer: the first argument, else as in the image.
pub fn buffer(default: usize) -> usize {
    env::args().nth(1).and_then(|bytes| bytes.parse().ok()).unwrap_or(default)
}

fn wait(mut child: Child) {
    let end = Instant::now() + LIMIT;
    while Instant::now() < end {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn close(Tcp(mut stream): Tcp) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(LINGER))?;
    while stream.read(&mut [0; 4096])? > 0 {}
    Ok(())
}

/// A connection, or a half of it.
#[derive(Debug)]
pub struct Tcp(TcpStream);

impl Tcp {
    /// The same connection once more.
    ///
    /// # Errors
    /// There are too many already.
    pub fn half(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }
}

impl ErrorType for Tcp {
    type Error = io::Error;
}

impl Read for Tcp {
    async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Tcp {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    async fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(feature = "picoserve")]
impl picoserve::io::Write for Tcp {
    async fn write_with<F: FnOnce(picoserve::mem::BorrowedCursor<'_>) -> R, R>(&mut self, fill: F) -> io::Result<R> {
        let mut room = [0; 1024];
        let mut buffer = picoserve::mem::BorrowedBuffer::new(&mut room);
        let filled = fill(buffer.unfilled());
        self.0.write_all(buffer.filled())?;
        Ok(filled)
    }
}

#[cfg(feature = "embedded-websocket")]
impl embedded_websocket::framer::Stream<io::Error> for Tcp {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }
}
