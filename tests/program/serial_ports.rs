//! The list of serial ports, and endpoints that select one of them.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tinyferry_kit::Cable;

use crate::harness::{Place, Server, assert_same, content};
use crate::serial::{CLEAN, ended, lay, url, urls};
use crate::serial_machine::{CH340, CP2102, Machine, PICO, Usb};
use crate::serial_port::{set_sane, settings};

#[test]
fn the_serial_ports_are_listed() {
    let place = Place::new();
    let Some(machine) = Machine::new(&place) else { return };
    let here = place.here("");
    let none = machine.ended(&here, &["ports"]).well();
    assert_eq!(
        (none.stdout.as_str(), none.stderr.as_str()),
        ("", "tinyferry: there is no serial port\n")
    );
    let cable = lay(CLEAN);
    let [port, _] = cable.ports();
    for (name, usb) in [("ttyUSB10", CH340), ("ttyUSB9", CP2102), ("ttyACM0", PICO)] {
        machine.plug(name, Some(&usb), port);
    }
    machine.plug("ttyS0", None, port);
    let table = machine.ended(&here, &["ports"]).well().stdout;
    let expected = "\
PORT           USB ID     SERIAL NUMBER     BOARD                           PRODUCT
/dev/ttyACM0   2e8a:0005  e6614c311b6b2f31  Raspberry Pi Pico, MicroPython  Board in FS mode
/dev/ttyS0     -          -                 -                               -
/dev/ttyUSB9   10c4:ea60  0001              Silicon Labs CP210x             CP2102 USB to UART
/dev/ttyUSB10  1a86:7523  -                 WCH CH340                       USB\\u{1b}Serial
";
    assert_eq!(table, expected);
    let json = machine.ended(&here, &["ports", "--json"]).well().stdout;
    let objects: Vec<serde_json::Value> =
        json.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    let [_, pico, built_in, _, ch340, _] = &objects[..] else { panic!("{json}") };
    assert_eq!((&pico["event"], &pico["path"]), (&"port".into(), &"/dev/ttyACM0".into()));
    assert_eq!((&pico["vid"], &pico["pid"]), (&"2e8a".into(), &"0005".into()));
    assert_eq!(
        (&pico["interface"], &pico["serial_number"]),
        (&0.into(), &"e6614c311b6b2f31".into())
    );
    assert_eq!(pico["board"], "Raspberry Pi Pico, MicroPython");
    assert!(built_in["vid"].is_null() && ch340["serial_number"].is_null());
    assert_eq!(ch340["product"], "USB\u{1b}Serial");
}

#[test]
fn a_port_is_selected_by_its_usb_device() {
    let place = Place::new();
    let Some(machine) = Machine::new(&place) else { return };
    let here = place.here("");
    fs::write(place.here("file"), content(10_000, 1)).expect("a file");
    let cable = lay(CLEAN);
    let [client_port, server_port] = cable.ports();
    machine.plug("ttyACM1", Some(&PICO), client_port);
    machine.plug("ttyS0", None, server_port);
    let served = place.served("");
    let served = served.to_str().expect("UTF-8");
    let listen = "serial:///dev/ttyS0?baud=921600";
    let _server = Server::start_by(machine.program(&here, &["serve", "-l", listen, served]));
    for (file, selector) in [
        ("a", "serial://usb:2e8a:0005?baud=921600"),
        ("b", "serial://sn:E6614C311B6B2F31?baud=921600"),
        // The port of the machine does not count.
        ("c", "serial:?baud=921600"),
    ] {
        fs::copy(place.here("file"), place.here(file)).expect("a copy");
        machine.ended(&here, &["put", file, "-e", selector]).well();
        assert!(place.served(file).exists(), "{selector}");
    }
    for (selector, said) in [
        (
            "serial://usb:303a:1001",
            "there is no serial port with the USB ID 303a:1001; this machine has \
             serial://sn:e6614c311b6b2f31 (/dev/ttyACM1, 2e8a:0005, Board in FS mode), \
             serial:///dev/ttyS0",
        ),
        ("serial:///dev/ttyACM0", "no such file or directory; this machine has serial://sn:e66"),
    ] {
        machine.ended(&here, &["ping", "-e", selector]).with(4, &["cannot open serial://", said]);
    }
    machine.plug("ttyACM2", Some(&Usb { serial_number: None, ..PICO }), client_port);
    for selector in ["serial:", "serial://usb:2e8a:0005"] {
        let said = "use one of serial://sn:e6614c311b6b2f31 (/dev/ttyACM1, 2e8a:0005, Board in FS \
                    mode), serial:///dev/ttyACM2 (2e8a:0005, Board in FS mode)";
        let begin = Instant::now();
        // Another attempt would find two ports again.
        machine.ended(&here, &["put", "file", "--retry", "9", "-e", selector]).with(4, &[said]);
        assert!(begin.elapsed() < Duration::from_secs(10), "it tried again");
    }
}

#[test]
fn a_server_listens_at_a_selected_port() {
    let place = Place::new();
    let Some(machine) = Machine::new(&place) else { return };
    let here = place.here("");
    fs::write(place.here("file"), content(10_000, 1)).expect("a file");
    let served = place.served("");
    let served = served.to_str().expect("UTF-8");
    let serve = ["serve", "-l", "serial:?baud=921600", served];
    machine.ended(&here, &serve).with(1, &["there is no serial port"]);
    let mut cable = lay(CLEAN);
    machine.plug("ttyUSB0", Some(&CH340), cable.ports()[1]);
    let mut server = Server::start_by(machine.program(&here, &serve));
    assert_eq!(server.endpoint, "serial:?baud=921600");
    let put = |cable: &Cable| {
        crate::harness::client(&url(cable.ports()[0]), &here, &["put", "file"]).well();
    };
    put(&cable);
    // It comes back under another number.
    machine.unplug("ttyUSB0");
    cable = lay(CLEAN);
    assert!(server.wait_for_line("/dev/ttyUSB0: the serial port was closed").is_some());
    machine.plug("ttyUSB3", Some(&CH340), cable.ports()[1]);
    assert!(server.wait_for_line("/dev/ttyUSB3: the serial port is open again").is_some());
    put(&cable);
    assert_same(&here, &place.served(""));
}

/// A put whose port is unplugged in its middle, and comes back under another number.
fn continues_under_another_number(endpoint: &str, usb: &Usb, said: &str) {
    let place = Place::new();
    let Some(machine) = Machine::new(&place) else { return };
    fs::write(place.here("file"), content(400_000, 1)).expect("a file");
    let link = place.root.path().join("server-port");
    let mut cable = lay(CLEAN);
    let [client_port, server_port] = cable.ports();
    std::os::unix::fs::symlink(server_port, &link).expect("a link");
    machine.plug("ttyUSB0", Some(usb), client_port);
    let mut server = Server::start_at(&url(&link), &place.served(""), &[]);
    let put = machine
        .program(&place.here(""), &["put", "file", "-e", endpoint])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let end = Instant::now() + Duration::from_secs(20);
    while cable.lines()[0].carried < 200_000 {
        assert!(Instant::now() < end, "nothing goes");
        std::thread::sleep(Duration::from_millis(2));
    }
    machine.unplug("ttyUSB0");
    fs::remove_file(&link).expect("it is there");
    drop(cable);
    assert!(server.wait_for_line("the serial port was closed").is_some());
    cable = lay(CLEAN);
    let [client_port, server_port] = cable.ports();
    std::os::unix::fs::symlink(server_port, &link).expect("a link");
    machine.plug("ttyUSB1", Some(usb), client_port);
    let stderr = ended(put).well().stderr;
    assert!(stderr.contains("continuing in") && stderr.contains(said), "{stderr}");
    assert_same(&place.here(""), &place.served(""));
}

#[test]
fn a_put_to_a_selected_port_continues_under_another_number() {
    let selected = "serial://usb:1a86:7523?baud=921600";
    continues_under_another_number(selected, &CH340, "");
}

#[test]
fn a_put_to_a_path_continues_at_the_new_path_of_the_same_device() {
    let said = "the device of /dev/ttyUSB0 is now /dev/ttyUSB1";
    continues_under_another_number("/dev/ttyUSB0?baud=921600", &CP2102, said);
}

/// Without that, each command would reset the board again.
#[test]
fn dtr_stays_on_only_for_a_board_that_it_resets() {
    let place = Place::new();
    let Some(machine) = Machine::new(&place) else { return };
    let cable = lay(CLEAN);
    let [listen, _] = urls(&cable);
    let _server = Server::start_at(&listen, &place.served(""), &[]);
    let port = cable.ports()[0];
    for (name, usb, stays) in
        [("ttyUSB0", Some(CH340), true), ("ttyACM0", Some(PICO), false), ("ttyS1", None, false)]
    {
        machine.plug(name, usb.as_ref(), port);
        let set = ["-F", &port.display().to_string(), "hupcl"];
        assert!(std::process::Command::new("stty").args(set).status().expect("stty").success());
        let before = set_sane(port);
        assert!(hangs_up(&before).1);
        let endpoint = format!("serial:///dev/{name}?baud=921600");
        machine.ended(&place.here(""), &["ping", "-e", &endpoint]).well();
        let after = settings(port);
        assert_eq!(hangs_up(&after).1, !stays, "{name}");
        assert_eq!(hangs_up(&after).0, hangs_up(&before).0, "{name}: all others are restored");
        machine.unplug(name);
    }
}

/// All settings but HUPCL, by `stty -g`, and whether that is on.
fn hangs_up(settings: &str) -> (Vec<u32>, bool) {
    let fields = settings.trim().split(':');
    let mut fields: Vec<_> =
        fields.map(|field| u32::from_str_radix(field, 16).expect("a number")).collect();
    let control = &mut fields[2];
    let hupcl = rustix::termios::ControlModes::HUPCL.bits();
    let is_on = *control & hupcl != 0;
    *control &= !hupcl;
    (fields, is_on)
}
