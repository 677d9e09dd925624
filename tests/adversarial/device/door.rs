//! Cross-site hijacking and DNS rebinding: who may come in. A device is reached under its address, and from a browser on
//! the machine that forwards a port to it.

use sockeye_qemu::Device;
use sockeye_tests::Upgrade;
use sockeye_tests::device::beside_an_echo;
use sockeye_tests::rows::{HOSTS, NO_HOSTS, REBOUND_HOSTS, foreign_origins};

use crate::{ECHO, answer_to};

/// What QEMU's DHCP gives the first device.
const ADDRESS: &str = "10.0.2.15";

fn status_of(device: &Device, host: &str, origin: Option<&str>) -> u16 {
    let upgrade = Upgrade::to("/").set("Host", host);
    let upgrade = origin.map_or(upgrade.clone(), |origin| upgrade.with("Origin", origin));
    answer_to(device, &upgrade.bytes()).status
}

#[test]
fn only_pages_of_the_device_may_connect() {
    beside_an_echo(ECHO, |device| {
        device.wait_for(&format!("http://{ADDRESS}:80/")).expect("it tells its address");
        let own = device.address().to_string();
        for (host, origin) in [
            (&*own, &*format!("http://{own}")),
            (&own, &format!("https://{own}")),
            (&own, &format!("HTTP://{own}")),
            (ADDRESS, &format!("http://{ADDRESS}")),
            (ADDRESS, &format!("http://{ADDRESS}:80")),
            (&format!("{ADDRESS}:80"), &format!("http://{ADDRESS}")),
            ("localhost:8080", "http://localhost:8080"),
        ] {
            assert_eq!(status_of(device, host, Some(origin)), 101, "{origin} to {host}");
        }
        assert_eq!(status_of(device, &own, None), 101, "no browser");
        let logged = device.log().len();
        for origin in foreign_origins(device.address()) {
            assert_eq!(status_of(device, &own, Some(&origin)), 403, "{origin:?}");
            assert_eq!(status_of(device, ADDRESS, Some(&origin)), 403, "{origin:?} to {ADDRESS}");
        }
        device.wait_for_after(logged, "OriginNotAllowed").expect("the log says why");
        for (host, origin) in [
            (&*own, &*format!("http://{ADDRESS}")),
            (ADDRESS, &format!("http://{own}")),
            (ADDRESS, &format!("http://{ADDRESS}:8080")),
            (ADDRESS, &format!("https://{ADDRESS}:80")),
            (ADDRESS, &format!("http://{ADDRESS}0")),
            (ADDRESS, &format!("http://1{ADDRESS}")),
            (ADDRESS, &format!("http://{ADDRESS}.evil.example")),
            (ADDRESS, "http://10.0.2.1"),
        ] {
            assert_eq!(status_of(device, host, Some(origin)), 403, "{origin} to {host}");
        }
        let twice = Upgrade::to("/").with("Origin", "http://127.0.0.1").with("Origin", "null");
        assert_eq!(answer_to(device, &twice.bytes()).status, 400, "two origins");
    });
}

#[test]
fn only_hosts_that_cannot_be_rebound_are_served() {
    beside_an_echo(ECHO, |device| {
        let own = device.address().to_string();
        for host in HOSTS.into_iter().chain([ADDRESS, "10.0.2.15:80", "10.0.2.15:8080", &own]) {
            assert_eq!(status_of(device, host, None), 101, "{host}");
        }
        let logged = device.log().len();
        for host in REBOUND_HOSTS.into_iter().chain(["10.0.2.15.evil.example", "x10.0.2.15", "10.0.2.15."]) {
            assert_eq!(status_of(device, host, None), 421, "{host}");
            // Not even with the origin of the page that was rebound.
            assert_eq!(status_of(device, host, Some(&format!("http://{host}"))), 421, "{host}");
        }
        device.wait_for_after(logged, "HostNotAllowed").expect("the log says why");
        for host in NO_HOSTS {
            assert_eq!(status_of(device, host, None), 400, "{host}");
        }
        for path in ["/", "/nothing"] {
            let request = Upgrade::to(path).without("Upgrade").set("Host", "evil.example");
            assert_eq!(answer_to(device, &request.bytes()).status, 421, "{path}");
        }
    });
}

#[test]
fn the_target_does_not_replace_the_host() {
    beside_an_echo(ECHO, |device| {
        let absolute = |host: &str| Upgrade::to("/").line(&format!("GET http://{ADDRESS}/ HTTP/1.1")).set("Host", host);
        assert_eq!(answer_to(device, &absolute("evil.example").bytes()).status, 421);
        assert_eq!(answer_to(device, &absolute("127.0.0.1").bytes()).status, 101);
    });
}
