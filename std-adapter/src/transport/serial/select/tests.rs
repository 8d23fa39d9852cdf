use super::*;

fn device(ids: (u16, u16), interface: u8, serial_number: Option<&str>, name: &str) -> UsbDevice {
    UsbDevice {
        vendor: ids.0,
        product: ids.1,
        interface: Some(interface),
        serial_number: serial_number.map(str::to_owned),
        manufacturer: None,
        name: Some(name.to_owned()).filter(|name| !name.is_empty()),
        is_bridge: false,
    }
}

fn port(path: &str, usb: Option<UsbDevice>) -> PortInfo {
    PortInfo { path: path.to_owned(), usb }
}

const ESP: (u16, u16) = (0x303a, 0x1001);
const CH340: (u16, u16) = (0x1a86, 0x7523);

fn ports() -> Vec<PortInfo> {
    vec![
        port("/dev/ttyACM0", Some(device(ESP, 0, Some("34:85:18:AC:5B:20"), "USB JTAG"))),
        port("/dev/ttyACM1", Some(device(ESP, 0, Some("34:85:18:AC:5B:24"), "USB\u{1b}JTAG"))),
        port("/dev/ttyS0", None),
        port("/dev/ttyUSB0", Some(device(CH340, 0, None, ""))),
    ]
}

fn by_id(ids: (u16, u16)) -> Port {
    Port::UsbId { vendor: ids.0, product: ids.1 }
}

fn by_number(number: &str) -> Port {
    Port::SerialNumber(number.to_owned())
}

#[test]
fn a_selector_finds_its_port() {
    let all = ports();
    for (selector, path) in [
        (by_id(CH340), "/dev/ttyUSB0"),
        (by_number("34:85:18:AC:5B:24"), "/dev/ttyACM1"),
        (by_number("34:85:18:ac:5b:20"), "/dev/ttyACM0"),
        (Port::from("/dev/ttyS0"), "/dev/ttyS0"),
    ] {
        assert_eq!(choose(&selector, &all).expect("one port").path, path, "{selector}");
    }
    // The board, and not the port of the machine.
    assert_eq!(choose(&Port::Only, &all[2..]).expect("one port").path, "/dev/ttyUSB0");
    assert_eq!(choose(&Port::Only, &all[2..3]).expect("one port").path, "/dev/ttyS0");
}

#[test]
fn a_selector_of_no_port_lists_the_ports() {
    let all = ports();
    for (selector, message) in [
        (
            by_id((0x10c4, 0xea60)),
            "there is no serial port with the USB ID 10c4:ea60; this machine has ",
        ),
        (
            by_number("7\u{7}"),
            "there is no serial port with the serial number \"7\\u{7}\"; this machine has ",
        ),
    ] {
        let error = choose(&selector, &all).expect_err("no port");
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let expected = format!(
            "{message}serial://sn:34:85:18:AC:5B:20 (/dev/ttyACM0, 303a:1001, USB JTAG), \
             serial://sn:34:85:18:AC:5B:24 (/dev/ttyACM1, 303a:1001, USB\\u{{1b}}JTAG), \
             serial:///dev/ttyS0, serial:///dev/ttyUSB0 (1a86:7523, WCH CH340)"
        );
        assert_eq!(error.to_string(), expected);
    }
    let error = choose(&by_id(ESP), &[]).expect_err("no port").to_string();
    assert_eq!(error, "there is no serial port with the USB ID 303a:1001, and no other one");
    let error = choose(&Port::Only, &[]).expect_err("no port").to_string();
    assert_eq!(error, "there is no serial port");
}

#[test]
fn the_error_of_a_selector_of_several_ports_lists_their_urls() {
    let all = ports();
    let error = choose(&by_id(ESP), &all).expect_err("two ports");
    // No other attempt would find one port.
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(
        error.to_string(),
        "there are several serial ports with the USB ID 303a:1001: use one of \
         serial://sn:34:85:18:AC:5B:20 (/dev/ttyACM0, 303a:1001, USB JTAG), \
         serial://sn:34:85:18:AC:5B:24 (/dev/ttyACM1, 303a:1001, USB\\u{1b}JTAG)"
    );
    let error = choose(&Port::Only, &all).expect_err("three ports").to_string();
    assert!(error.starts_with("there are several serial ports: use one of serial://sn"), "{error}");
    assert!(!error.contains("ttyS0"), "{error}");
}

#[test]
fn ports_that_share_a_serial_number_are_named_by_path() {
    let pair = |number: &str| {
        [0, 2].map(|interface| {
            let device = device((0x2e8a, 0x0005), interface, Some(number), "");
            port(&format!("/dev/ttyACM{interface}"), Some(device))
        })
    };
    let error = choose(&by_number("E66"), &pair("E66")).expect_err("two ports").to_string();
    assert!(error.contains("use one of serial:///dev/ttyACM0 (2e8a:0005, "), "{error}");
    // A serial number that a URL cannot have.
    let [odd, _] = pair("a?b");
    assert_eq!(selector(&odd, std::slice::from_ref(&odd)), Port::from("/dev/ttyACM0"));
    let many: Vec<_> = (0..20).map(|number| port(&format!("/dev/ttyS{number}"), None)).collect();
    let error = choose(&Port::Only, &many).expect_err("many ports").to_string();
    assert!(error.ends_with("serial:///dev/ttyS7, and 12 more"), "{error}");
}

#[test]
fn a_device_with_another_path_is_found() {
    let [old, other] = ["1", "2"].map(|number| device(CH340, 0, Some(number), ""));
    let at = |path: &str, device: &UsbDevice| port(path, Some(device.clone()));
    let moved = |ports: &[PortInfo], device: &UsbDevice| {
        let here = ports.iter().find(|port| port.path == "/dev/ttyUSB0");
        moved(here, device, ports).map(|port| port.path.clone())
    };
    let new = Some("/dev/ttyUSB1".to_owned());
    assert_eq!(moved(&[at("/dev/ttyUSB1", &old)], &old), new);
    // Two boards have swapped their paths.
    assert_eq!(moved(&[at("/dev/ttyUSB0", &other), at("/dev/ttyUSB1", &old)], &old), new);
    assert_eq!(moved(&[at("/dev/ttyUSB0", &old), at("/dev/ttyUSB1", &other)], &old), None);
    // Two devices of one number: a copy, or a fault. Neither is taken.
    assert_eq!(moved(&[at("/dev/ttyUSB1", &old), at("/dev/ttyUSB2", &old)], &old), None);
    assert_eq!(moved(&[], &old), None);
    let nameless = device(CH340, 0, None, "");
    assert_eq!(moved(&[at("/dev/ttyUSB1", &nameless)], &nameless), None);
}
