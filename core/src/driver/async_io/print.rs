//! The text of a console between the frames of an async stream.

use embedded_io_async::Write;

use crate::driver::Text;
use crate::driver::console::{LONGEST, PART};

/// Writes text that waits to go out. Bytes that were written before this is dropped were sent.
pub(super) async fn print<W: Write>(writer: &mut W, console: &impl Text) -> Result<(), W::Error> {
    let mut printed = 0;
    let mut part = [0; PART];
    while printed < LONGEST {
        let count = console.peek(&mut part);
        let bytes = part.get(..count).unwrap_or_default();
        if bytes.is_empty() {
            break;
        }
        let count = writer.write(bytes).await?;
        console.sent(count);
        printed = printed.saturating_add(count);
    }
    Ok(())
}
