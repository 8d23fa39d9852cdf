//! Ports that a server of RFC 2217 sets.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;

use super::*;
use crate::endpoint::{Flow, Reset, SerialSettings};

/// The answers of a server to a command.
type Answers = dyn FnMut(&Command) -> Vec<u8> + Send;

/// The other end of a client that opens a port: `answer` makes the replies to a command.
fn opened(
    settings: &SerialSettings,
    answer: impl FnMut(&Command) -> Vec<u8> + Send + 'static,
) -> (io::Result<Telnet<UnixStream>>, Vec<Vec<u8>>) {
    opened_within(Duration::from_secs(20), settings, answer)
}

fn opened_within(
    timeout: Duration,
    settings: &SerialSettings,
    mut answer: impl FnMut(&Command) -> Vec<u8> + Send + 'static,
) -> (io::Result<Telnet<UnixStream>>, Vec<Vec<u8>>) {
    let (near, mut far) = UnixStream::pair().unwrap();
    let server = thread::spawn(move || {
        let (mut decoder, mut requests) = (Decoder::default(), Vec::new());
        let mut buffer = [0; 7];
        while let Ok(count @ 1..) = far.read(&mut buffer) {
            let mut replies = Vec::new();
            decoder.decode(&mut buffer[..count], |command| {
                replies.extend(answer(&command));
                if let Command::Subnegotiate(content) = command {
                    requests.push(content);
                }
            });
            // One byte at a time: the client joins the parts of a command.
            for byte in replies {
                if far.write_all(&[byte]).is_err() {
                    break;
                }
            }
        }
        requests
    });
    let result = open(near, settings, timeout);
    // The connection ends with the result.
    let (result, shown) = match result {
        Ok(telnet) => {
            let _ = telnet.socket.shutdown(std::net::Shutdown::Both);
            (Ok(telnet), server.join())
        }
        Err(error) => (Err(error), server.join()),
    };
    (result, shown.unwrap())
}

/// A server that agrees, with noise between its answers, but answers requests as `change` says.
fn agreeing(
    change: impl Fn(&mut Vec<u8>) + Send + 'static,
) -> impl FnMut(&Command) -> Vec<u8> + Send {
    move |command| {
        let mut replies = b"boot \xff\xff".to_vec();
        match command {
            Command::Negotiate(Verb::Will, option) => negotiate(&mut replies, Verb::Do, *option),
            Command::Negotiate(Verb::Do, option) => negotiate(&mut replies, Verb::Will, *option),
            Command::Negotiate(..) => {}
            Command::Subnegotiate(content) => {
                subnegotiate(&mut replies, &[COM_PORT, 107, 0x30]);
                let mut answer = content.clone();
                answer[1] += 100;
                change(&mut answer);
                subnegotiate(&mut replies, &answer);
            }
        }
        replies
    }
}

#[test]
fn a_port_is_set_as_the_endpoint_says() {
    let settings = SerialSettings {
        baud: 0x00ff_ff00,
        flow: Flow::Hardware,
        dtr: Some(true),
        reset: Reset::Esp,
        ..SerialSettings::default()
    };
    let (result, requests) = opened(&settings, agreeing(|_| {}));
    assert!(result.is_ok(), "{:?}", result.err());
    let [dtr_on, dtr_off, rts_on, rts_off] = [8, 9, 11, 12];
    let lines = [dtr_off, rts_on, rts_off, dtr_on].map(|value| vec![44, 5, value]);
    let expected = [
        vec![44, 1, 0x00, 0xff, 0xff, 0x00],
        vec![44, 2, 8],
        vec![44, 3, 1],
        vec![44, 4, 1],
        vec![44, 5, 1],
    ];
    // Flow control by hardware owns RTS.
    assert_eq!(requests, [&expected[..], &lines, &[vec![44, 5, 3]]].concat());
}

#[test]
fn a_refused_setting_is_an_error_that_names_it() {
    let told = |settings: &str, code: u8, answer: &'static [u8]| {
        let settings = SerialSettings::parse(settings).unwrap();
        let change = move |content: &mut Vec<u8>| {
            if content[1] == code {
                content.truncate(2);
                content.extend_from_slice(answer);
            }
        };
        opened(&settings, agreeing(change)).0.map(drop).unwrap_err().to_string()
    };
    for (code, answer, why) in [
        (101, &[0, 0, 0x25, 0x80][..], "the server sets 9600 baud, not 921600"),
        (101, &[0, 0, 0, 0], "the server does not set 921600 baud"),
        (101, &[1], "the server does not set 921600 baud"),
        (102, &[7], "the server does not set 8 data bits"),
        (103, &[2], "the server does not set no parity"),
        (104, &[], "the server does not set 1 stop bit"),
        (105, &[2], "the server does not set flow=none"),
    ] {
        assert_eq!(told("baud=921600", code, answer), why);
    }
    let settings = SerialSettings::parse("flow=hardware").unwrap();
    let change = |content: &mut Vec<u8>| {
        if *content == [44, 105, 3] {
            content[2] = 1;
        }
    };
    let error = opened(&settings, agreeing(change)).0.map(drop).unwrap_err().to_string();
    assert_eq!(error, "the server does not set flow=hardware");
    let settings = SerialSettings::parse("dtr=off").unwrap();
    let change = |content: &mut Vec<u8>| {
        if *content == [44, 105, 9] {
            content[2] = 8;
        }
    };
    let error = opened(&settings, agreeing(change)).0.map(drop).unwrap_err().to_string();
    assert!(error.contains("no lines DTR and RTS"), "{error}");
}

#[test]
fn a_server_without_the_option_is_an_error() {
    let told = |answer: Box<Answers>| {
        let timeout = Duration::from_millis(500);
        let settings = SerialSettings::default();
        opened_within(timeout, &settings, answer).0.map(drop).unwrap_err().to_string()
    };
    let refusing = |refused: u8| {
        Box::new(move |command: &Command| {
            let mut replies = Vec::new();
            match command {
                Command::Negotiate(Verb::Will, option) if *option == refused => {
                    negotiate(&mut replies, Verb::Dont, *option);
                }
                Command::Negotiate(Verb::Will, option) => {
                    negotiate(&mut replies, Verb::Do, *option);
                }
                _ => {}
            }
            replies
        })
    };
    assert!(told(refusing(COM_PORT)).contains("the server refuses to set its port"));
    assert!(told(refusing(BINARY)).contains("to pass each byte value"));
    // A plain port, whose board echoes or talks or is silent.
    let echo = |command: &Command| match command {
        Command::Negotiate(..) => b"hello".to_vec(),
        Command::Subnegotiate(_) => vec![],
    };
    for answer in [Box::new(echo) as Box<Answers>, Box::new(|_| vec![])] {
        let error = told(answer);
        assert!(error.contains("does not answer as RFC 2217 says"), "{error}");
    }
}
