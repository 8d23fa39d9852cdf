//! Another implementation of Noise at the other end, in both roles, rekeying included.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![allow(clippy::panic)]

mod common;

use common::snow::{Records, emits_snow, hello, snow, talk};
use common::{client, emits, keys, opens, private, receives, server, shared};

const CHA: &str = "ChaChaPoly";

#[test]
fn a_client_talks_to_a_server_of_another_implementation() {
    for is_pair in [false, true] {
        let (identity, mut trusting, _) = keys(is_pair);
        let mut ours = client(&identity, 1006);
        let said = emits(&mut ours).unwrap();
        let (hello_sent, first) = said.split_at(16);
        assert_eq!(hello_sent, hello(is_pair, 1000));
        let mut theirs = snow((CHA, is_pair), (false, false), hello_sent);
        assert_eq!(theirs.read_message(first, &mut [0; 100]), Ok(0));
        let second = emits_snow(&mut theirs, &1000u16.to_le_bytes());
        receives(&mut ours, &[b"TFS\0", second.as_slice()].concat(), &mut trusting).unwrap();
        if is_pair {
            assert_eq!(theirs.read_message(&emits(&mut ours).unwrap(), &mut [0; 100]), Ok(0));
            assert_eq!(theirs.get_remote_static(), Some(&private(1).public().0[..]));
            assert_eq!(ours.peer(), Some(private(2).public()));
        } else {
            assert_eq!(ours.shared(), Some(shared(5).id()));
        }
        talk(&mut ours, &mut Records::new(theirs));
    }
}

#[test]
fn a_server_talks_to_a_client_of_another_implementation() {
    for is_pair in [false, true] {
        let (_, _, mut serving) = keys(is_pair);
        let mut ours = server(1006);
        let hello = hello(is_pair, 1000);
        let mut theirs = snow((CHA, is_pair), (true, true), &hello);
        let first = emits_snow(&mut theirs, &[]);
        receives(&mut ours, &[hello, first].concat(), &mut serving).unwrap();
        let answer = emits(&mut ours).unwrap();
        let (answer, second) = answer.split_at(4);
        assert_eq!(answer, b"TFS\0");
        let mut payload = [0; 100];
        assert_eq!(theirs.read_message(second, &mut payload), Ok(2));
        assert_eq!(payload[..2], 1000u16.to_le_bytes());
        if is_pair {
            receives(&mut ours, &emits_snow(&mut theirs, &[]), &mut serving).unwrap();
            assert_eq!(ours.peer(), Some(private(1).public()));
        }
        talk(&mut ours, &mut Records::new(theirs));
    }
}

#[test]
fn an_authentic_record_that_breaks_the_format_is_malformed() {
    use tinyferry_secure::Error;
    let cases: [(u8, &[u8]); 5] = [(0, b""), (2, b"x"), (1, b""), (1, b"\0\0"), (255, b"")];
    for (kind, content) in cases {
        let (_, _, mut serving) = keys(false);
        let mut ours = server(1006);
        let hello = hello(false, 1000);
        let mut theirs = snow((CHA, false), (true, true), &hello);
        let first = emits_snow(&mut theirs, &[]);
        receives(&mut ours, &[hello, first].concat(), &mut serving).unwrap();
        let answer = emits(&mut ours).unwrap();
        theirs.read_message(&answer[4..], &mut [0; 100]).unwrap();
        let mut theirs = Records::new(theirs);
        let result = opens(&mut ours, &theirs.seal(kind, content)).1.unwrap_err();
        // Nothing but a kind is shorter than any record.
        let is_short = content.is_empty();
        assert_eq!(result, if is_short { Error::Tampered } else { Error::Malformed });
    }
}
