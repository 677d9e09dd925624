//! The programs that flash, called: by stand-ins on the search path that write down what they were called with.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use sockeye_qemu::{BOARDS, Board, Flashed};
use tempfile::TempDir;

use crate::{boards, flash, image, output, read};

const ONE_PROBE: &str = "[0]: Debugprobe on Pico -- 2e8a:000c:E6614 (CMSIS-DAP)";
const TWO_PROBES: &str =
    "[0]: Debugprobe on Pico -- 2e8a:000c:E6614 (CMSIS-DAP)\n[1]: STLink V3 -- 0483:374e:0038 (ST-LINK)";

/// probe-rs and espflash, which say what they are told to when they are asked what there is.
struct StandIns {
    dir: TempDir,
}

impl StandIns {
    fn new(probes: &str, ports: &str, status: i32) -> Self {
        let stand_ins = StandIns { dir: tempfile::tempdir().expect("a folder") };
        let asked =
            format!("list) echo '{probes}';;\n--version) echo 'espflash 4.7.0';;\nlist-ports) echo '{ports}';;");
        for program in ["probe-rs", "espflash"] {
            let path = stand_ins.dir.path().join(program);
            // The last word of `save-image` is a file that it makes.
            let script = format!(
                "#!/bin/sh\ncase \"$1\" in\n{asked}\nsave-image) for file; do :; done; : > \"$file\";;\n*) echo {program} \"$@\" >> {}; exit {status};;\nesac\n",
                stand_ins.record().display()
            );
            fs::write(&path, script).expect("a script");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it can be run");
        }
        stand_ins
    }

    fn record(&self) -> std::path::PathBuf {
        self.dir.path().join("record")
    }

    /// What was called, a line a call.
    fn called(&self) -> String {
        fs::read_to_string(self.record()).unwrap_or_default()
    }

    /// `cargo xtask flash`, which finds these first.
    fn flash(&self, arguments: &[&str]) -> Command {
        let path = std::env::var("PATH").expect("a search path");
        let mut command = flash(arguments);
        command.env("PATH", format!("{}:{path}", self.dir.path().display()));
        command
    }
}

/// A boot volume of a chip.
fn volume(id: &str) -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let info = format!("UF2 Bootloader v3.0\r\nModel: Raspberry Pi\r\nBoard-ID: {id}\r\n");
    fs::write(dir.path().join("INFO_UF2.TXT"), info).expect("a file");
    dir
}

fn assert_refused(command: &mut Command, code: i32, parts: &[&str]) {
    let (ended, said) = output(command);
    assert_eq!(ended, Some(code), "{said}");
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in: {said}");
    }
    assert!(!said.contains("building"), "it was built before it was refused: {said}");
}

#[test]
fn the_tool_gets_the_chip_and_the_elf() {
    for board in boards() {
        let stand_ins = StandIns::new(ONE_PROBE, "/dev/ttyACM0", 0);
        let (code, said) = output(&mut stand_ins.flash(&[board.name, "echo"]));
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("flash ") && said.contains(", RAM "), "what it takes of the board is not told: {said}");
        let elf = crate::target().join(format!("images/{}-echo.elf", board.name));
        let elf = elf.display();
        let expected = match board.flashed {
            Flashed::Uf2 { chip, .. } | Flashed::ProbeRs { chip } => format!("probe-rs run --chip {chip} {elf}\n"),
            Flashed::Espflash { chip } => {
                format!("espflash flash --chip {chip} --monitor --log-format defmt {elf}\n")
            }
        };
        assert_eq!(stand_ins.called(), expected);
    }
}

#[test]
fn the_probe_that_was_chosen_is_passed_on_and_its_failure_is_ours() {
    let stand_ins = StandIns::new(TWO_PROBES, "", 7);
    let (code, said) = output(&mut stand_ins.flash(&["w5500-evb-pico", "echo", "--probe", "2e8a:000c"]));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("exit status: 7"), "{said}");
    assert!(stand_ins.called().starts_with("probe-rs run --chip RP2040 --probe 2e8a:000c "), "{}", stand_ins.called());
}

#[test]
fn a_volume_gets_the_image() {
    let stand_ins = StandIns::new("", "", 0);
    let volume = volume("RPI-RP2");
    let path = volume.path().display().to_string();
    let (code, said) = output(&mut stand_ins.flash(&["w5500-evb-pico", "echo", "--volume", &path]));
    assert_eq!(code, Some(0), "{said}");
    let copied = fs::read(volume.path().join("w5500-evb-pico-echo.uf2")).expect("it was copied");
    let board = Board::named("w5500-evb-pico").expect("a board");
    assert!(copied == read(&image(board, "echo"), "uf2"));
    assert_eq!(stand_ins.called(), "");
}

#[test]
fn no_board_two_boards_and_the_wrong_chip() {
    let none = StandIns::new("No debug probes were found.", "", 0);
    let two = StandIns::new(TWO_PROBES, "/dev/ttyACM0\n/dev/ttyACM1", 0);
    for board in BOARDS {
        let (missing, several) = match board.flashed {
            Flashed::Uf2 { .. } => ("hold BOOTSEL", "choose with --probe:\n  [0]: Debugprobe on Pico"),
            Flashed::ProbeRs { .. } => ("no debug probe is there", "choose with --probe:\n  [0]: Debugprobe on Pico"),
            Flashed::Espflash { .. } => ("no board is there", "choose with --port:\n  /dev/ttyACM0\n  /dev/ttyACM1"),
        };
        assert_refused(&mut none.flash(&[board.name]), 1, &[missing]);
        assert_refused(&mut two.flash(&[board.name]), 1, &[several]);
    }
    let other = volume("RP2350");
    let path = other.path().display().to_string();
    assert_refused(&mut none.flash(&["pico-w", "--volume", &path]), 1, &["another chip", "RP2350", "RPI-RP2", &path]);
    let empty = tempfile::tempdir().expect("a folder");
    let path = empty.path().display().to_string();
    assert_refused(&mut none.flash(&["pico-w", "--volume", &path]), 1, &["no boot volume", "INFO_UF2.TXT"]);
    assert_eq!(none.called() + &two.called(), "");
}

#[test]
fn what_does_not_fit_the_board_is_named() {
    let stand_ins = StandIns::new(ONE_PROBE, "/dev/ttyACM0", 0);
    assert_refused(&mut stand_ins.flash(&["esp32-c3", "--probe", "1:2"]), 1, &["--probe", "esp32-c3", "debug probe"]);
    assert_refused(&mut stand_ins.flash(&["pico-w", "--port", "/dev/ttyACM0"]), 1, &["--port", "serial port"]);
    assert_refused(&mut stand_ins.flash(&["nucleo-f429zi", "--volume", "/"]), 1, &["--volume", "boot volume"]);
    assert_refused(&mut stand_ins.flash(&["arduino"]), 2, &["w5500-evb-pico", "esp32-c6"]);
    assert_refused(&mut stand_ins.flash(&[]), 2, &["<BOARD>"]);
    assert_refused(
        stand_ins.flash(&["esp32-c3"]).env_remove("WIFI_SSID"),
        1,
        &["WIFI_SSID is not set", "docs/boards.md"],
    );
    assert_refused(
        stand_ins.flash(&["esp32-c3", "uplink"]).env_remove("UPLINK_URL"),
        1,
        &["UPLINK_URL is not set", "docs/boards.md"],
    );
    assert_refused(
        stand_ins.flash(&["pico-2-w"]).env("CYW43_NVRAM", ""),
        1,
        &["CYW43_NVRAM is not set", "calibration"],
    );
}

#[test]
fn a_tool_that_is_missing_is_named_with_the_command_that_installs_it() {
    let empty = tempfile::tempdir().expect("a folder");
    let without = |arguments: &[&str]| {
        let mut command = flash(arguments);
        command.env("PATH", empty.path());
        command
    };
    assert_refused(&mut without(&["nucleo-h563zi"]), 3, &["cargo install probe-rs-tools --locked"]);
    let espflash = "cargo install espflash --locked --version 4.7.0 --no-default-features --features cli";
    assert_refused(&mut without(&["--no-install", "esp32-c6"]), 3, &[espflash]);
}
