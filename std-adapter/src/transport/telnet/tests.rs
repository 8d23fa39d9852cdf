mod com_port;

use super::codec::{escape, negotiate, subnegotiate, unescaped};
use super::*;

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
