//! Well-known USB IDs of boards, converters and debug probes.

/// A board, a converter or a debug probe with a serial port.
pub(super) struct Board {
    vendor: u16,
    /// `None`: all further products of the vendor.
    product: Option<u16>,
    pub(super) name: &'static str,
    /// Whether DTR resets it, although its USB interface is not that of a converter (CDC-ACM).
    #[cfg_attr(not(unix), allow(dead_code, reason = "DTR is controlled on Unix only"))]
    pub(super) is_reset_by_dtr: bool,
}

const fn board(vendor: u16, product: u16, name: &'static str) -> Board {
    Board { vendor, product: Some(product), name, is_reset_by_dtr: false }
}

const fn reset(vendor: u16, product: u16, name: &'static str) -> Board {
    Board { vendor, product: Some(product), name, is_reset_by_dtr: true }
}

const fn vendor(vendor: u16, name: &'static str) -> Board {
    Board { vendor, product: None, name, is_reset_by_dtr: false }
}

/// By vendor; the row of all further products is behind its others.
const BOARDS: &[Board] = &[
    board(0x0403, 0x6001, "FTDI FT232R"),
    board(0x0403, 0x6010, "FTDI FT2232"),
    board(0x0403, 0x6011, "FTDI FT4232"),
    board(0x0403, 0x6014, "FTDI FT232H"),
    board(0x0403, 0x6015, "FTDI FT230X or FT231X"),
    board(0x0451, 0xbef3, "Texas Instruments XDS110"),
    board(0x0483, 0x374b, "ST-LINK/V2-1"),
    board(0x0483, 0x374e, "STLINK-V3"),
    board(0x0483, 0x374f, "STLINK-V3"),
    board(0x0483, 0x5740, "STM32 virtual COM port"),
    board(0x04d8, 0x00dd, "Microchip MCP2221"),
    board(0x04d8, 0x00df, "Microchip MCP2200"),
    board(0x067b, 0x2303, "Prolific PL2303"),
    board(0x067b, 0x23a3, "Prolific PL2303G"),
    board(0x0d28, 0x0204, "micro:bit or another DAPLink"),
    board(0x10c4, 0xea60, "Silicon Labs CP210x"),
    board(0x10c4, 0xea70, "Silicon Labs CP2105"),
    board(0x10c4, 0xea71, "Silicon Labs CP2108"),
    vendor(0x1366, "SEGGER J-Link"),
    board(0x16c0, 0x0483, "Teensy"),
    reset(0x1a86, 0x55d3, "WCH CH343"),
    reset(0x1a86, 0x55d4, "WCH CH9102"),
    board(0x1a86, 0x5523, "WCH CH341"),
    board(0x1a86, 0x7522, "WCH CH340K"),
    board(0x1a86, 0x7523, "WCH CH340"),
    vendor(0x1915, "Nordic Semiconductor"),
    vendor(0x1b4f, "SparkFun"),
    board(0x1d50, 0x6018, "Black Magic Probe"),
    reset(0x2341, 0x0001, "Arduino Uno"),
    reset(0x2341, 0x0010, "Arduino Mega 2560"),
    reset(0x2341, 0x0042, "Arduino Mega 2560 R3"),
    reset(0x2341, 0x0043, "Arduino Uno R3"),
    reset(0x2341, 0x0243, "Arduino Uno R3"),
    vendor(0x2341, "Arduino"),
    vendor(0x239a, "Adafruit"),
    vendor(0x2886, "Seeed Studio"),
    reset(0x2a03, 0x0010, "Arduino Mega 2560"),
    reset(0x2a03, 0x0042, "Arduino Mega 2560 R3"),
    reset(0x2a03, 0x0043, "Arduino Uno R3"),
    vendor(0x2a03, "Arduino"),
    board(0x2e8a, 0x0004, "Raspberry Pi Picoprobe"),
    board(0x2e8a, 0x0005, "Raspberry Pi Pico, MicroPython"),
    board(0x2e8a, 0x0009, "Raspberry Pi Pico 2"),
    board(0x2e8a, 0x000a, "Raspberry Pi Pico"),
    board(0x2e8a, 0x000c, "Raspberry Pi Debug Probe"),
    vendor(0x2e8a, "Raspberry Pi Pico or another RP2 board"),
    board(0x303a, 0x1001, "Espressif USB JTAG/serial"),
    vendor(0x303a, "Espressif"),
    board(0xf055, 0x9800, "MicroPython pyboard"),
];

/// The board with these IDs.
pub(super) fn find(vendor: u16, product: u16) -> Option<&'static Board> {
    let is_it = |board: &&Board| {
        board.vendor == vendor && board.product.is_none_or(|number| number == product)
    };
    BOARDS.iter().find(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boards_are_found_by_product_before_vendor() {
        let name = |vendor, product| find(vendor, product).map(|board| board.name);
        assert_eq!(name(0x303a, 0x1001), Some("Espressif USB JTAG/serial"));
        assert_eq!(name(0x303a, 0x4001), Some("Espressif"));
        assert_eq!(name(0x2e8a, 0xffff), Some("Raspberry Pi Pico or another RP2 board"));
        assert_eq!(name(0x10c4, 0xea60), Some("Silicon Labs CP210x"));
        assert_eq!(name(0x10c4, 0x0001), None);
        for board in BOARDS {
            let found = find(board.vendor, board.product.unwrap_or(0xfffe));
            assert!(found.is_some_and(|found| found.name == board.name), "{}", board.name);
        }
    }
}
