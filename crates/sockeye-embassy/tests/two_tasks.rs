//! Both halves in tasks of their own, with wakers of their own: no wake-up is lost, and none is made for nothing.

mod common;

use common::exec::{Output, STEP, Tasks};
use common::raw::{self, masked};
use common::setup::{Server, server};
use common::wire::Wire;
use common::{patient, seconds};
use embassy_futures::poll_once;
use embassy_time::Instant;
use embedded_io_async::ErrorKind;
use sockeye_embassy::{CloseCode, Config, Connection, Error, Receiver, Sender};

type Ended = Result<(), Error<ErrorKind>>;
type Receiving = Receiver<'static, common::wire::Reader, common::wire::Writer>;
type Sending = Sender<'static, common::wire::Writer>;

fn halves(config: Config<'static>) -> (Receiving, Sending, Wire, Wire) {
    let (ws, up, down): (Server, _, _) = server(config);
    let Connection { receiver, sender, .. } = ws;
    (receiver, sender, up, down)
}

fn drain(tasks: &mut Tasks<'static>, mut receiver: Receiving) -> Output<Ended> {
    tasks.spawn(async move { receiver.drain().await })
}

/// The receiver owes a pong while the sender has the link; it is woken when the sender lets go of it.
#[test]
fn a_receiver_that_waits_for_the_link_is_woken() {
    let (receiver, mut sender, up, down) = halves(patient());
    down.narrow(50);
    let mut tasks = Tasks::new(0);
    let sent = tasks.spawn(async move { sender.binary(&[0; 500]).await });
    tasks.settle();
    let drained = drain(&mut tasks, receiver);
    up.put(&masked(raw::PING, b"?"));
    tasks.settle();
    let waiting = drained.polls();
    tasks.settle();
    assert_eq!(drained.polls(), waiting, "it does not spin");
    let mut bytes = Vec::new();
    while down.len() > 0 {
        bytes.extend(down.take_all());
        tasks.settle();
    }
    assert_eq!(sent.take(), Some(Ok(())));
    assert_eq!(raw::frames(&bytes)[1].parts(), (raw::PONG, &b"?"[..]));
    up.put(&masked(raw::CLOSE, b""));
    tasks.settle();
    assert_eq!(drained.take(), Some(Ok(())));
    assert!(drained.polls() < 20, "{} polls", drained.polls());
}

/// The sender waits while the receiver writes a pong; it is woken when that is out, or was dropped.
#[test]
fn a_sender_that_waits_for_the_link_is_woken() {
    for dropped in [false, true] {
        let (mut receiver, mut sender, up, down) = halves(patient());
        down.narrow(4);
        let mut tasks = Tasks::new(0);
        up.put(&masked(raw::PING, &[7; 100]));
        let (stop, stopped) =
            (std::rc::Rc::new(std::cell::Cell::new(false)), std::rc::Rc::new(std::cell::Cell::new(false)));
        let (wants_to_stop, has_stopped) = (stop.clone(), stopped.clone());
        let drained = tasks.spawn(async move {
            let mut drain = std::pin::pin!(receiver.drain());
            // Whatever wakes this task has it look whether it is to stop.
            let ended = std::future::poll_fn(|cx| match drain.as_mut().poll(cx) {
                _ if wants_to_stop.get() => std::task::Poll::Ready(None),
                ended => ended.map(Some),
            })
            .await;
            has_stopped.set(true);
            ended
        });
        tasks.settle();
        let sent = tasks.spawn(async move { sender.text("after the pong").await });
        tasks.settle();
        assert!(!sent.is_there());
        stop.set(dropped);
        let mut bytes = Vec::new();
        while down.len() > 0 {
            bytes.extend(down.take_all());
            tasks.settle();
        }
        assert_eq!(stopped.get(), dropped);
        assert_eq!(sent.take(), Some(Ok(())));
        assert_eq!(drained.is_there(), dropped);
        let frames = raw::frames(&bytes);
        assert_eq!(frames[0].parts(), (raw::PONG, &[7; 100][..]));
        assert_eq!(frames[1].payload, b"after the pong");
    }
}

/// The sender's future is dropped while it has the link, in a frame that is finished by whoever comes next: the
/// receiver, that waits for the link, is woken.
#[test]
fn a_receiver_is_woken_when_a_sender_is_dropped() {
    let (receiver, mut sender, up, down) = halves(patient());
    down.narrow(4);
    let mut tasks = Tasks::new(0);
    let bell = std::rc::Rc::new(std::cell::RefCell::new(None::<std::task::Waker>));
    let waker = bell.clone();
    tasks.spawn(async move {
        {
            let mut sending = std::pin::pin!(sender.text("a short frame"));
            assert!(poll_once(sending.as_mut()).is_pending());
            // It has the link until somebody rings.
            let mut rung = false;
            std::future::poll_fn(|cx| {
                *waker.borrow_mut() = Some(cx.waker().clone());
                if std::mem::replace(&mut rung, true) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
            })
            .await;
        }
        std::future::pending::<()>().await;
    });
    tasks.settle();
    let drained = drain(&mut tasks, receiver);
    up.put(&masked(raw::PING, b"?"));
    tasks.settle();
    assert!(!drained.is_there());
    bell.borrow_mut().take().expect("it waits").wake();
    tasks.settle();
    let mut bytes = Vec::new();
    while down.len() > 0 {
        bytes.extend(down.take_all());
        tasks.settle();
    }
    let frames = raw::frames(&bytes);
    assert_eq!(frames[0].parts(), (raw::TEXT, &b"a short frame"[..]));
    assert_eq!(frames[1].parts(), (raw::PONG, &b"?"[..]));
}

/// A ping or a close that was begun and dropped is finished by the receiver, which waits for bytes meanwhile: there
/// may be no later write.
#[test]
fn what_a_dropped_sender_left_is_written_by_the_receiver() {
    for what in ["a ping", "a close", "a text"] {
        let (receiver, mut sender, _up, down) = halves(patient());
        down.narrow(3);
        let mut tasks = Tasks::new(0);
        let drained = drain(&mut tasks, receiver);
        tasks.settle();
        let sent = tasks.spawn(async move {
            let was_pending = match what {
                "a ping" => poll_once(std::pin::pin!(sender.ping(b"0123456789"))).is_pending(),
                "a close" => poll_once(std::pin::pin!(sender.close(CloseCode::NORMAL, "01234567"))).is_pending(),
                _ => poll_once(std::pin::pin!(sender.text("0123456789"))).is_pending(),
            };
            assert!(was_pending);
        });
        tasks.settle();
        assert!(sent.is_there() && !drained.is_there());
        let mut bytes = Vec::new();
        while down.len() > 0 {
            bytes.extend(down.take_all());
            tasks.settle();
        }
        assert_eq!(raw::frames(&bytes).len(), 1, "{what} was begun, and is not finished");
    }
}

/// An idle receiver hears of our close, and gives the peer its time.
#[test]
fn a_close_by_the_sender_starts_the_receivers_time() {
    let (receiver, mut sender, _up, down) = halves(Config { ping_interval: None, ..Config::new() });
    let mut tasks = Tasks::new(0);
    let drained = drain(&mut tasks, receiver);
    tasks.pass(seconds(7));
    let closed = tasks.spawn(async move { sender.close(CloseCode::GOING_AWAY, "").await });
    tasks.settle();
    assert_eq!(closed.take(), Some(Ok(())));
    assert_eq!(raw::frames(&down.take_all())[0].close(), Some((1001, "")));
    tasks.pass(seconds(5) - STEP);
    assert!(!drained.is_there());
    tasks.advance(STEP);
    assert_eq!(drained.take(), Some(Err(Error::CloseTimeout)));
}

/// And of the sender's failure, which is its own too.
#[test]
fn a_failure_of_the_sender_ends_the_receiver() {
    let (receiver, mut sender, _up, down) = halves(Config { ping_interval: None, ..Config::new() });
    down.stall();
    let mut tasks = Tasks::new(0);
    let drained = drain(&mut tasks, receiver);
    let sent = tasks.spawn(async move { sender.text("?").await });
    tasks.settle();
    tasks.pass(seconds(20));
    assert_eq!(sent.take(), Some(Err(Error::SlowPeer)));
    assert_eq!(drained.take(), Some(Err(Error::SlowPeer)));
}

/// A sender that waits for the link, or for the peer, hears of the receiver's failure.
#[test]
fn a_failure_of_the_receiver_ends_a_sender_that_waits() {
    let (receiver, mut sender, up, down) = halves(patient());
    down.stall();
    let mut tasks = Tasks::new(0);
    up.put(&masked(raw::PING, b"?"));
    let drained = drain(&mut tasks, receiver);
    tasks.settle();
    let sent = tasks.spawn(async move { sender.text("?").await });
    tasks.settle();
    up.end();
    tasks.settle();
    assert_eq!(drained.take(), Some(Err(Error::Lost)));
    assert_eq!(sent.take(), Some(Err(Error::Lost)));
}

/// Between pings an idle connection sleeps: a few polls for each ping, none for the time between.
#[test]
fn an_idle_connection_sleeps() {
    let (receiver, _sender, up, down) = halves(Config::new());
    let mut tasks = Tasks::new(0);
    let drained = drain(&mut tasks, receiver);
    let mut pings = 0;
    while Instant::now() < Instant::from_secs(3600) {
        tasks.advance(STEP);
        if down.len() > 0 {
            assert_eq!(raw::frames(&down.take_all())[0].first, raw::PING);
            up.put(&masked(raw::PONG, b""));
            pings += 1;
        }
    }
    assert!((140..=144).contains(&pings), "{pings} pings in an hour");
    assert!(drained.polls() <= 3 * pings + 2, "{} polls for {pings} pings", drained.polls());
}
