use super::*;

#[test]
fn urls_are_read_and_shown() {
    for (text, shown) in [
        ("tcp://127.0.0.1:8080", "tcp://127.0.0.1:8080"),
        ("tcp://board", "tcp://board:8080"),
        ("tcp://[::1]:9/", "tcp://[::1]:9"),
        ("tcp://esp:23?lossy=true", "tcp://esp:23?lossy=true"),
        ("tcp://esp/?lossy=false", "tcp://esp:8080"),
        ("tcp://esp:23?lossy=true&gap=100ms", "tcp://esp:23?lossy=true&gap=100ms"),
        ("serial:?gap=500ms", "serial:?baud=115200&gap=500ms"),
        ("esp:23?lossy=true", "tcp://esp:23?lossy=true"),
        ("unix:///run/ferry.sock", "unix:///run/ferry.sock"),
        ("serial:///dev/ttyACM0", "serial:///dev/ttyACM0?baud=115200"),
        ("serial://COM3?baud=921600&lossy=true&flow=none", "serial://COM3?baud=921600"),
        (
            "serial:///dev/a?lossy=false&flow=hardware&baud=9600",
            "serial:///dev/a?baud=9600&flow=hardware&lossy=false",
        ),
        ("serial://usb:303A:1?baud=9600", "serial://usb:303a:0001?baud=9600"),
        ("serial://sn:34:85:18:AC:5B:20", "serial://sn:34:85:18:AC:5B:20?baud=115200"),
        ("serial:", "serial:?baud=115200"),
        ("serial:?baud=9600", "serial:?baud=9600"),
        ("serial:?reset=esp&rts=off&dtr=on", "serial:?baud=115200&dtr=on&rts=off&reset=esp"),
        ("serial:///dev/a?reset=dtr&dtr=off", "serial:///dev/a?baud=115200&dtr=off&reset=dtr"),
        ("serial:///dev/a?reset=none", "serial:///dev/a?baud=115200"),
        ("rfc2217://box:2217", "rfc2217://box:2217?baud=115200"),
        ("rfc2217://[::1]:23/?reset=esp&baud=9600", "rfc2217://[::1]:23?baud=9600&reset=esp"),
        ("/dev/ttyACM0?rts=on", "serial:///dev/ttyACM0?baud=115200&rts=on"),
        ("exec:ssh box cat unix:///a", "exec:ssh box cat unix:///a"),
        ("stdio:", "stdio:"),
        ("box", "tcp://box:8080"),
        ("box.example:99", "tcp://box.example:99"),
        ("127.0.0.1:8080", "tcp://127.0.0.1:8080"),
        ("[::1]:9", "tcp://[::1]:9"),
        ("[::1]", "tcp://[::1]:8080"),
        ("fe80::1", "tcp://[fe80::1]:8080"),
        ("/dev/ttyUSB0", "serial:///dev/ttyUSB0?baud=115200"),
        ("/dev/ttyACM0?baud=9600", "serial:///dev/ttyACM0?baud=9600"),
        ("COM3", "serial://COM3?baud=115200"),
        ("com12?baud=9600", "serial://com12?baud=9600"),
        ("me@box", "me@box:"),
        ("me@box:", "me@box:"),
        ("me@box.example:a b/c", "me@box.example:a b/c"),
        ("me@box:/srv:2", "me@box:/srv:2"),
    ] {
        let endpoint = text.parse::<Endpoint>().expect("an endpoint");
        assert_eq!(endpoint.to_string(), shown);
        assert_eq!(shown.parse(), Ok(endpoint));
    }
    for text in [
        "",
        "tcp://",
        "http://a:1",
        "tcp://a/b",
        "tcp://:80",
        "tcp://a:",
        "a b",
        "-x",
        "@",
        "a@",
        "@a",
    ] {
        assert!(text.parse::<Endpoint>().is_err(), "{text}");
    }
}

#[test]
fn an_invalid_endpoint_is_refused_with_the_reason() {
    for (text, why) in [
        ("tcp://box:99999", "\"99999\" is no port"),
        ("tcp://box:http", "\"http\" is no port"),
        ("tcp://box?lossy=yes", "lossy is true or false, not \"yes\""),
        ("tcp://box?baud=9600", "TCP has no setting \"baud\", only lossy and gap"),
        ("unix://ferry.sock", "a path begins with /"),
        ("serial://", "names no serial port"),
        ("serial://?baud=9600", "names no serial port"),
        ("serial://", "the only port is serial:"),
        ("serial:/dev/ttyUSB0", "say serial:///dev/ttyUSB0"),
        ("serial:usb:303a:1001", "say serial://usb:303a:1001"),
        ("serial://usb:303a", "a USB ID is two hexadecimal numbers"),
        ("serial://usb:303a:+001", "a USB ID is two hexadecimal numbers"),
        ("serial://usb:303a:10010", "a USB ID is two hexadecimal numbers"),
        ("serial://usb::1", "a USB ID is two hexadecimal numbers"),
        ("serial://sn:?baud=9600", "names no serial number"),
        ("serial:///dev/a?dtr=1", "dtr is on or off, not \"1\""),
        ("serial:///dev/a?rts", "rts is on or off, not \"\""),
        ("serial:///dev/a?reset=esp32", "reset is none, dtr or esp, not \"esp32\""),
        ("serial:///dev/a?flow=hardware&rts=on", "flow=hardware uses the line RTS"),
        ("serial:///dev/a?baud=fast", "\"fast\" is no baud rate"),
        ("serial:///dev/a?baud=0", "no baud rate"),
        ("serial:///dev/a?baud", "no baud rate"),
        ("serial:///dev/a?flow=both", "flow is none or hardware, not \"both\""),
        ("serial:///dev/a?flow=software", "two byte values cannot be sent"),
        ("serial:///dev/a?lossy=1", "lossy is true or false, not \"1\""),
        ("serial:///dev/a?gap=1s", "gap is 20ms to 500ms, not \"1s\""),
        ("tcp://box?lossy=true&gap=501ms", "gap is 20ms to 500ms"),
        ("tcp://box?gap=100ms", "add lossy=true"),
        ("serial:///dev/a?parity=even", "no setting \"parity\""),
        ("rfc2217://box", "one looks like rfc2217://box:2217"),
        ("rfc2217://box:99999", "\"99999\" is no port"),
        ("rfc2217://box:23?parity=even", "no setting \"parity\""),
        ("rfc2217://box:23?flow=software", "two byte values cannot be sent"),
        ("exec: ", "names no command"),
        ("stdio:x", "may be a host with a port, or a directory that SSH reaches"),
        ("box:incoming", "say box:PORT or USER@box:incoming"),
        ("box:99999", "\"99999\" is no port"),
        ("./sock", "say unix:///PATH or serial:///PATH"),
        ("/run/sock", "say unix:///PATH or serial:///PATH"),
        ("-o@box:x", "one looks like"),
        ("me@-oProxyCommand=x:y", "one looks like"),
    ] {
        let told = text.parse::<Endpoint>().expect_err(text).to_string();
        assert!(told.contains(why) && told.contains("is no endpoint"), "{told}");
    }
}
