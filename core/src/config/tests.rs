use super::*;

/// Chunk and credit for a receive buffer of this number of bytes.
const fn sizes<const BYTES: usize>() -> (u16, u16) {
    let config = Config::LOSSY.recv_buffer::<BYTES>();
    (config.chunk, config.credit)
}

#[test]
fn chunk_and_credit_follow_from_the_receive_buffer() {
    assert_eq!(sizes::<{ Config::MIN_RECV_BUFFER }>(), (256, 1));
    assert_eq!(sizes::<1024>(), (256, 3));
    assert_eq!(sizes::<2048>(), (256, 6));
    assert_eq!(sizes::<2304>(), (512, 4));
    assert_eq!(sizes::<4351>(), (512, 7));
    assert_eq!(sizes::<4352>(), (1024, 4));
    assert_eq!(sizes::<{ usize::MAX }>(), (1024, CREDIT_MAX));
}

#[test]
fn chunks_are_no_longer_than_they_were_configured() {
    let config = Config::UART.recv_buffer::<4352>();
    assert_eq!((config.chunk, config.credit), (256, 14));
    let config = Config::LOSSY.chunk(512).recv_buffer::<4352>();
    assert_eq!((config.chunk, config.credit), (512, 7));
}

#[test]
fn a_uart_is_given_four_frames_that_its_queue_holds() {
    let Config { lossy, chunk, credit, .. } = Config::UART;
    assert_eq!((lossy, chunk, credit), (true, 256, 4));
    assert_eq!(Config::UART_RECV_BUFFER, 1280);
}

#[test]
fn usb_needs_no_queue() {
    let Config { lossy, chunk, credit, .. } = Config::USB;
    assert_eq!((lossy, chunk, credit), (true, 1024, 128));
}

#[test]
fn the_frames_of_a_credit_fit_into_the_receive_buffer() {
    fn check<const BYTES: usize>() {
        let (chunk, credit) = sizes::<BYTES>();
        let frame = usize::from(chunk) + HEADER_LEN;
        assert!(usize::from(credit) * (frame + SIGNAL_LEN) + RESERVE <= BYTES, "{BYTES} bytes");
    }
    check::<400>();
    check::<777>();
    check::<3000>();
    check::<4097>();
    check::<17_216>();
}

#[test]
fn each_setter_sets_its_field() {
    let config = Config::RELIABLE
        .lossy(true)
        .half_duplex(true)
        .block(1)
        .chunk(512)
        .credit(9)
        .timeout(1)
        .handshake_timeout(2)
        .idle_timeout(3)
        .sha256(true)
        .may_close(true)
        .refuse(Reason::Busy);
    assert!(config.lossy && config.half_duplex && config.sha256 && config.may_close);
    assert_eq!((config.block, config.chunk, config.credit), (1, 512, 9));
    let timeouts = [config.handshake_timeout, config.idle_timeout];
    assert_eq!((config.timeout, timeouts), (1, [NonZeroU32::new(2), NonZeroU32::new(3)]));
    assert_eq!(config.idle_timeout(0).idle_timeout, None);
    assert_eq!(config.refuse, Some(Reason::Busy));
}
