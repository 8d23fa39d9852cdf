use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;

use super::codec::{escape, negotiate, subnegotiate, unescaped};
use super::*;
use crate::endpoint::{Flow, Reset, SerialSettings};

/// Data and commands of `stream`, which arrives in pieces that end at `ends`.
fn decoded(stream: &[u8], ends: &[usize]) -> (Vec<u8>, Vec<Command>) {
    let (mut data, mut commands) = (Vec::new(), Vec::new());
    let mut decoder = Decoder::default();
    let mut begin = 0;
    for end in ends.iter().copied().chain([stream.len()]) {
        let mut piece = stream[begin..end].to_vec();
        let length = decoder.decode(&mut piece, |command| commands.push(command));
        data.extend_from_slice(&piece[..length]);
        begin = end;
    }
    (data, commands)
}

#[test]
fn data_and_commands_are_separated_wherever_the_stream_is_split() {
    let mut stream = vec![255, 241];
    escape(&mut stream, b"a\xff\xffb\0\r\n\xf0");
    negotiate(&mut stream, Verb::Do, 44);
    subnegotiate(&mut stream, &[44, 101, 0, 255, 255, 0]);
    negotiate(&mut stream, Verb::Wont, 255);
    escape(&mut stream, b"\xffc");
    let expected = (
        b"a\xff\xffb\0\r\n\xf0\xffc".to_vec(),
        vec![
            Command::Negotiate(Verb::Do, 44),
            Command::Subnegotiate(vec![44, 101, 0, 255, 255, 0]),
            Command::Negotiate(Verb::Wont, 255),
        ],
    );
    for first in 0..=stream.len() {
        for second in first..=stream.len() {
            assert_eq!(decoded(&stream, &[first, second]), expected, "{first}, {second}");
        }
    }
    let each: Vec<_> = (0..stream.len()).collect();
    assert_eq!(decoded(&stream, &each), expected);
}

#[test]
fn every_byte_value_survives() {
    let all: Vec<u8> = (0..=255).collect();
    let mut escaped = Vec::new();
    escape(&mut escaped, &all);
    assert_eq!(escaped.len(), 257);
    assert_eq!(decoded(&escaped, &[]), (all, vec![]));
}

#[test]
fn a_long_subnegotiation_takes_no_memory_and_one_without_an_end_no_data() {
    let mut stream = Vec::new();
    subnegotiate(&mut stream, &[44; 100_000]);
    let (data, commands) = decoded(&stream, &[]);
    let [Command::Subnegotiate(content)] = commands.as_slice() else { panic!("{commands:?}") };
    assert!(data.is_empty() && content.len() < 100);
    // A command in place of its end.
    assert_eq!(
        decoded(&[255, 250, 44, 255, 251, 3, b'x'], &[]),
        (b"x".to_vec(), vec![Command::Negotiate(Verb::Will, 3)])
    );
}

#[test]
fn a_partial_write_counts_whole_bytes_of_data() {
    let data = b"\xffa\xff";
    let counts: Vec<_> = (0..=5).map(|sent| unescaped(data, sent)).collect();
    assert_eq!(counts, [(0, false), (1, true), (1, false), (2, false), (3, true), (3, false)]);
}

/// A socket that takes few bytes at a time.
#[derive(Default)]
struct Narrow {
    most: usize,
    sent: Vec<u8>,
}

impl Socket for Narrow {
    fn receive(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }
    fn receive_now(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(ErrorKind::WouldBlock.into())
    }
    fn send_now(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(self.most);
        self.sent.extend_from_slice(&bytes[..count]);
        if count == 0 { Err(ErrorKind::WouldBlock.into()) } else { Ok(count) }
    }
    fn wait_for_room(&mut self, _: bool, _: Duration) -> io::Result<()> {
        Ok(())
    }
    fn set_read_timeout(&mut self, _: Option<Duration>) -> io::Result<()> {
        Ok(())
    }
    fn end_writing(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn output_is_whole_behind_a_socket_with_little_room() {
    let data: Vec<u8> = b"\xff\xff\xffab\xff".iter().copied().cycle().take(300).collect();
    for most in 1..=7 {
        let mut telnet = Telnet::new(Narrow { most, sent: Vec::new() });
        let mut left = &data[..];
        while !left.is_empty() {
            left = &left[telnet.send_now(left).unwrap()..];
        }
        assert!(telnet.send_waiting().unwrap());
        assert_eq!(decoded(&telnet.socket.sent, &[]).0, data, "{most}");
    }
}

#[test]
fn a_statement_about_an_option_is_sent_once() {
    let mut telnet = Telnet::new(Narrow { most: 1000, sent: Vec::new() });
    telnet.send_waiting().unwrap();
    telnet.socket.sent.clear();
    let mut stream = Vec::new();
    for verb in [Verb::Will, Verb::Do, Verb::Wont, Verb::Dont] {
        for option in [BINARY, SUPPRESS_GO_AHEAD, COM_PORT, 1, 24] {
            negotiate(&mut stream, verb, option);
        }
    }
    for _ in 0..1000 {
        telnet.take(&mut stream.clone(), |_| {});
    }
    telnet.send_waiting().unwrap();
    let (_, commands) = decoded(&telnet.socket.sent, &[]);
    let expected = [
        (Verb::Do, COM_PORT),
        (Verb::Dont, 1),
        (Verb::Dont, 24),
        (Verb::Wont, 1),
        (Verb::Wont, 24),
    ];
    assert_eq!(commands, expected.map(|(verb, option)| Command::Negotiate(verb, option)));
}

#[test]
fn a_server_without_room_gets_no_data() {
    let mut telnet = Telnet::new(Narrow { most: 1000, sent: Vec::new() });
    let mut suspend = Vec::new();
    subnegotiate(&mut suspend, &[COM_PORT, SUSPEND]);
    telnet.take(&mut suspend, |_| {});
    assert_eq!(telnet.send_now(b"x").unwrap_err().kind(), ErrorKind::WouldBlock);
    let mut resume = Vec::new();
    subnegotiate(&mut resume, &[COM_PORT, RESUME]);
    telnet.take(&mut resume, |_| {});
    assert_eq!(telnet.send_now(b"x").unwrap(), 1);
}

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
            // One byte at a time: the client joins what was split.
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
