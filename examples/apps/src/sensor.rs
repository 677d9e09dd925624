//! A page with live readings and a switch for the LED. Every client gets every reading; one that is slow loses old
//! ones and is told how many, and delays nobody.

use core::cell::Cell;
use core::fmt::Write as _;

use embassy_executor::Spawner;
use embassy_futures::select::{Either, select};
use embassy_net::Stack;
use embassy_net::tcp::Error as TcpError;
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::pubsub::{PubSubChannel, WaitResult};
use embassy_sync::signal::Signal;
use embassy_time::{Duration, Instant, Ticker};
use heapless::String;
use sockeye_embassy::proto::{Reject, Request};
use sockeye_embassy::{Accept, App, Error, Page, Place, TcpConnection};
use static_cell::StaticCell;

use crate::config::CONFIG;
use crate::{Board, CLIENTS};

/// A reading goes out so often.
const INTERVAL: Duration = Duration::from_millis(250);
/// A client may be behind by so many readings before it loses the oldest: a second.
const BEHIND: usize = 4;

/// Serves on port 80 as soon as the network has an address, and takes readings for ever.
///
/// # Panics
///
/// When it is called again.
pub async fn run(spawner: Spawner, stack: Stack<'static>, board: impl Board) -> ! {
    static SENSOR: StaticCell<Sensor> = StaticCell::new();
    let places = crate::listen(spawner, stack).await;
    let sensor = &*SENSOR.init(Sensor { readings: PubSubChannel::new(), led: Signal::new(), clients: Cell::new(0) });
    for place in places {
        spawner.spawn(client(place, sensor).expect("there is a task for each place"));
    }
    sensor.sample(board).await
}

#[embassy_executor::task(pool_size = CLIENTS)]
async fn client(place: Place<'static>, sensor: &'static Sensor) {
    place.serve(&CONFIG, sensor).await;
}

struct Sensor {
    readings: PubSubChannel<NoopRawMutex, Reading, BEHIND, CLIENTS, 1>,
    /// What the LED is to be.
    led: Signal<NoopRawMutex, bool>,
    clients: Cell<u8>,
}

/// What a client is told.
#[derive(Clone, Copy)]
struct Reading {
    uptime: Duration,
    /// Thousandths of a degree Celsius.
    temperature: Option<i32>,
    /// How much later than it should this reading was taken: what else the device had to do.
    late: Duration,
    led: bool,
    clients: u8,
}

impl Sensor {
    /// Takes readings for ever, and switches the LED.
    async fn sample(&self, mut board: impl Board) -> ! {
        let mut due = Instant::now().saturating_add(INTERVAL);
        let mut ticker = Ticker::every(INTERVAL);
        let mut led = false;
        let mut late = Duration::MIN;
        loop {
            match select(ticker.next(), self.led.wait()).await {
                Either::First(()) => {
                    late = Instant::now().saturating_duration_since(due);
                    due = due.saturating_add(INTERVAL);
                }
                Either::Second(wanted) => {
                    led = wanted;
                    board.set_led(led);
                    #[cfg(feature = "defmt")]
                    defmt::info!("led {}", if led { "on" } else { "off" });
                }
            }
            let uptime = Instant::now().saturating_duration_since(Instant::MIN);
            let reading = Reading { uptime, temperature: board.temperature(), late, led, clients: self.clients.get() };
            // Nobody is waited for: who is behind loses its oldest.
            self.readings.immediate_publisher().publish_immediate(reading);
        }
    }

    /// Commands from the client: `led on` and `led off`. Others are not answered.
    fn command(&self, command: Option<&str>) {
        match command {
            Some("led on") => self.led.signal(true),
            Some("led off") => self.led.signal(false),
            _ => {
                #[cfg(feature = "defmt")]
                defmt::warn!("an unknown command");
            }
        }
    }
}

impl App for Sensor {
    fn page(&self, path: &str) -> Option<Page> {
        PAGES.iter().find(|(of, _)| *of == path).map(|(_, page)| *page)
    }

    fn open(&self, request: &Request<'_>) -> Result<Accept<'static>, Reject> {
        if request.path() == "/ws" { Ok(Accept::default()) } else { Err(Reject::NotFound) }
    }

    async fn serve(&self, ws: &mut TcpConnection<'_>) -> Result<(), Error<TcpError>> {
        let Ok(mut readings) = self.readings.subscriber() else { return Ok(()) };
        let client = Client::new(&self.clients);
        let read = async {
            let mut command = [0; 32];
            while let Some(message) = ws.receiver.message(&mut command).await? {
                self.command(message.text());
            }
            Ok(())
        };
        let write = async {
            let mut lost = 0;
            loop {
                match readings.next_message().await {
                    WaitResult::Message(reading) => ws.sender.text(&reading.json(lost)).await?,
                    WaitResult::Lagged(readings) => lost += readings,
                }
            }
        };
        let ended = select(read, write).await;
        drop(client);
        match ended {
            Either::First(ended) | Either::Second(ended) => ended,
        }
    }
}

impl Reading {
    /// With how many readings this client lost so far.
    fn json(&self, lost: u64) -> String<160> {
        let mut json = String::new();
        // All fits: four numbers of at most 20 digits, and the words.
        let _ = write!(json, r#"{{"uptime_ms":{},"temperature_mc":"#, self.uptime.as_millis());
        let _ = match self.temperature {
            Some(temperature) => write!(json, "{temperature}"),
            None => json.write_str("null"),
        };
        let late = self.late.as_micros().min(u64::from(u32::MAX));
        let _ = write!(json, r#","late_us":{late},"led":{},"clients":{},"lost":{lost}}}"#, self.led, self.clients);
        json
    }
}

/// A client that is counted as long as this lives.
struct Client<'c>(&'c Cell<u8>);

impl<'c> Client<'c> {
    fn new(clients: &'c Cell<u8>) -> Self {
        clients.set(clients.get().saturating_add(1));
        Client(clients)
    }
}

impl Drop for Client<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

include!(concat!(env!("OUT_DIR"), "/pages.rs"));
