#!/usr/bin/env python3
"""Prints core/vectors.txt: `vectors.py > core/vectors.txt`, from the root of the repository."""
import importlib.util
import struct
import sys
import zlib
from pathlib import Path

if importlib.util.find_spec("tinyferry") is None:
    sys.path.insert(0, str(Path(__file__).parents[1] / "src"))
from tinyferry.checks import crc64, crc64_zeros
from tinyferry.wire import (HOLES, NO_TIME, UNKNOWN, ack, chunk, done, hello, hole, metadata_of, metadata_with, offer,
                            prefix, refusal, signal)

SESSION = 0x12345678
CLIENT, SERVER = SESSION, ~SESSION & 0xFFFFFFFF
TIME = 1_700_000_000_123_456_789
HELLO = crc64(b"hello")
LINES = []


def rule(length):
    return bytes(i * 7 % 256 for i in range(length))


def note(text=""):
    LINES.append(f"# {text}".rstrip())


def vector(name, frame):
    LINES.append(f"{name} {frame.hex()}")


def made():
    """The content of the file."""
    return "\n".join(LINES) + "\n"


def ask(count):
    return struct.pack("<H", count)


note("Test vectors of the Tinyferry protocol, version 1 (PROTOCOL.md, section 8).")
note("One a line: a name, one space, bytes in hexadecimal. `#` begins a comment line.")
note("The session number is 0x12345678. Names tell who sends: the client's frames on a transfer")
note("continue CRC-32 from 0x12345678, the server's from 0xedcba987, those on transfer 0 from 0.")
note()
note("The checks of the nine ASCII digits 123456789: CRC-32 from 0 and from 0x12345678, CRC-64")
note("from 0; then CRC-64 of hello, and of hello and 2^24 zeros. Here alone the most significant byte stands first.")

vector("crc32.digits", zlib.crc32(b"123456789").to_bytes(4, "big"))
vector("crc32.digits-from-session", zlib.crc32(b"123456789", SESSION).to_bytes(4, "big"))
vector("crc64.digits", crc64(b"123456789").to_bytes(8, "big"))
vector("crc64.hello", HELLO.to_bytes(8, "big"))
vector("crc64.hello-zeros", crc64_zeros(1 << 24, HELLO).to_bytes(8, "big"))

note()
note("PIN on transfer 0: version 1, reliable, no features, chunks of 1024, k = 0, credit 8192.")
vector("client.hello", signal(CLIENT, b"PIN", 0, 0, hello(SESSION)))
note("The same, lossy and half-duplex: version 2, features 0x0001, chunks of 512, k = 1, credit 8.")
vector("client.hello-lossy", signal(CLIENT, b"PIN", 0, 0, hello(SESSION, 512, 8, 2, 3, 1, 1)))
note("PON on transfer 0, to the first of them: credit 128 here.")
vector("server.hello", signal(SERVER, b"PON", 0, 0, hello(SESSION, 1024, 128)))
note("PON on transfer 0, to the second: version 1, features 0.")
vector("server.hello-lossy", signal(SERVER, b"PON", 0, 0, hello(SESSION, 512, 8, 1, 3, 0, 1)))
note("ERR on transfer 0, reason 1 (busy), in answer to the session's hello.")
vector("server.err-session", signal(SERVER, b"ERR", 0, 0, refusal(1, SESSION)))

note()
note("SAF 1: resume 5, size 5, modified 1700000000.123456789, metadata of 13 bytes follows.")
vector("client.saf", signal(CLIENT, b"SAF", 1, 5, offer(5, TIME), 13))
note("SAF 65535: resume 0, size and time unknown, no metadata.")
vector("server.saf-unknown", signal(SERVER, b"SAF", 65535, 0, offer(UNKNOWN, NO_TIME)))
note("SAF 258: resume 0, size 0, modified 1 ns before 1970, metadata of 1024 bytes follows.")
vector("server.saf-early", signal(SERVER, b"SAF", 258, 0, offer(0, -1), 1024))
note("SAR 2: 3 entries of 4096 bytes in all, metadata of 4 bytes follows.")
vector("client.sar", signal(CLIENT, b"SAR", 2, 0, struct.pack("<QQ", 3, 4096), 4))
note("SAR 2: entries and bytes unknown, no metadata (the root itself).")
vector("server.sar-unknown", signal(SERVER, b"SAR", 2, 0, offer(UNKNOWN, -1)))
note("RAF 3 and RAR 4: metadata of 6 bytes follows; RAR asks for names only.")
vector("client.raf", signal(CLIENT, b"RAF", 3, 0, b"", 6))
vector("client.rar-names", signal(CLIENT, b"RAR", 4, 0, b"\1", 6))
note("CLS 5.")
vector("client.cls", signal(CLIENT, b"CLS", 5))
note("DON 1 of the sender and back: size 5, count 3, the digest of hello. Seeds of both directions.")
vector("client.don", signal(CLIENT, b"DON", 1, 5, done(3, HELLO)))
vector("server.don", signal(SERVER, b"DON", 1, 5, done(3, HELLO)))
note("DON 2 of a tree of 3 entries: count 65535, digest 0.")
vector("client.don-tree", signal(CLIENT, b"DON", 2, 3, done(65535)))
note("DON 2 of a tree of 3 entries, from its sender, which left out 7 others: count 6.")
vector("server.don-tree-omitted", signal(SERVER, b"DON", 2, 3, done(6, 7)))
note("ERR 1: reason 11 (too large); and at position 0x100000000 reason 13 (source changed).")
vector("server.err", signal(SERVER, b"ERR", 1, 0, refusal(11)))
vector("client.err-at", signal(CLIENT, b"ERR", 1, 1 << 32, refusal(13)))
note("PIN 1: sent 0x123456789a, count 0x0102.")
vector("client.pin", signal(CLIENT, b"PIN", 1, 0x123456789A, ask(0x0102)))
note("The same from a sender that waits for content.")
vector("client.pin-waiting", signal(CLIENT, b"PIN", 1, 0x123456789A, ask(0x0102) + b"\1"))
note("PON 1: position 1024, credit 128, count 9, no block received past the position.")
vector("server.pon", signal(SERVER, b"PON", 1, 1024, ack(128, 9)))
note("The same with bits 0, 8 and 95: blocks 1, 9 and 96 past the position are received.")
vector("server.pon-map", signal(SERVER, b"PON", 1, 1024, ack(128, 9, 1 | 1 << 8 | 1 << 95)))
note("PON 1: resumes at 5, credit 32767, count 0, the prefix is hello.")
vector("server.pon-prefix", signal(SERVER, b"PON", 1, 5, prefix(32767, 0, HELLO)))

note("The first hello, with holes (features 0x0002).")
vector("client.hello-holes", signal(CLIENT, b"PIN", 0, 0, hello(SESSION, features=HOLES)))

note()
note("Chunk of transfer 1 at position 0, one byte: A.")
vector("client.chunk-1", chunk(CLIENT, 1, 0, b"A"))
note("The header of a chunk of transfer 0x0201 at position 0x123456789a, 1024 bytes: byte i is")
note("i * 7 mod 256. Then the same from the server.")
vector("client.chunk-1024-header", chunk(CLIENT, 0x0201, 0x123456789A, rule(1024))[:12])
vector("server.chunk-1024-header", chunk(SERVER, 0x0201, 0x123456789A, rule(1024))[:12])

note("A hole of transfer 0x0201 at position 0x1234567800: 0x10000 zeros.")
vector("client.hole", hole(CLIENT, 0x0201, 0x1234567800, 0x10000))

note()
note("Metadata, with no chunk around them. A file `hi.txt`, mode 0644:")
HI = metadata_of("hi.txt", 0o644)
vector("metadata.mode", HI)
note("A tree `t`, mode 0700, its root modified 1700000000.123456789:")
vector("metadata.tree", metadata_of("t", 0o700, TIME))
note("The directory `e/` with no tags:")
vector("metadata.directory", metadata_of("e/"))
note("`a` with an unknown tag that may be ignored (0x7f), then the SHA-256 00 01 .. 1f:")
vector("metadata.sha256", b"a\0\x7f\x01!" + b"\2\x20" + bytes(range(32)))
note("`a` with an unknown tag that must not be ignored (0x80): refused, reason 20.")
vector("metadata.required", b"a\0\x80\0")
note("`a` with a tag that is cut short: refused, reason 8.")
vector("metadata.cut", b"a\0\1\4\0")
note("Operations. A stat of the root: facts 3, 1 s, 4 bits, prefix 11, salt 0x01020304, no digest:")
STAT = struct.pack("<BBBBII", 1, 3, 9, 4, 11, 0x01020304)
vector("metadata.stat", metadata_with(0x80, STAT))
note("A stat of `d/`, all facts, 2 s, all hashes, salt 0, the digest of hello:")
vector("metadata.stat-digest",
       metadata_with(0x80, struct.pack("<BBBBIIQ", 1, 15, 10, 0, 0, 0, HELLO), "d/"))
note("A file `a` of which 5000 bytes are in no hole.")
vector("metadata.content", metadata_with(6, struct.pack("<Q", 5000), "a"))
note("Remove `a`; rename `b` to `a`; an unknown operation: refused, reason 20.")
vector("metadata.remove", metadata_with(0x80, b"\2", "a"))
vector("metadata.rename", metadata_with(0x80, b"\3b", "a"))
vector("metadata.operation-unknown", metadata_with(0x80, b"\xff", "a"))
note("`a`, a link to `../b`, and a hard link of `b`:")
vector("metadata.link", metadata_with(0x80, b"\4../b", "a"))
vector("metadata.hard-link", metadata_with(0x80, b"\5b", "a"))
note("An index of two entries, in the metadata of a DON:")
vector("metadata.index", metadata_with(5, struct.pack("<II", 7, 0xFFFFFFFE)))
note("DON 3 that answers a stat: 2 entries, count 0, facts 3, 1 s, the digest of hello.")
vector("server.don-stat", signal(SERVER, b"DON", 3, 2, struct.pack("<HBB4xQ", 0, 3, 9, HELLO)))
note("The options of a request for `t`: leave out files with the same time, one level.")
vector("metadata.options", metadata_with(0x81, b"\1\1", "t"))
note("The options of a request for `t` with symbolic links and hard links.")
vector("metadata.options-links", metadata_with(0x81, b"\0\0\3", "t"))
note("As the first, with the entries left out that `.gitignore` files or the pattern `*.o` exclude.")
vector("metadata.pattern", metadata_with(0x81, b"\1\1\4", "t") + b"\x82\3*.o")

note()
note("As chunks: the first one on transfer 1; the message `full` of an ERR on transfer 0.")
vector("client.metadata", chunk(CLIENT, 1, 0, HI, True))
vector("server.metadata-session", chunk(0, 0, 0, b"full", True))

note()
note("A whole session, reliable: a hello (credit 8192 both ways), and a put of the file")
note("`hi.txt`, 5 bytes, hello, mode 0644, time unknown, resumable. All bytes of each side.")
CONTENT = chunk(CLIENT, 1, 0, b"hello")
vector("put.client", signal(CLIENT, b"PIN", 0, 0, hello(SESSION))
       + signal(CLIENT, b"SAF", 1, 5, offer(5, NO_TIME), len(HI)) + chunk(CLIENT, 1, 0, HI, True)
       + CONTENT + signal(CLIENT, b"DON", 1, 5, done(3, HELLO)))
vector("put.server", signal(SERVER, b"PON", 0, 0, hello(SESSION))
       + signal(SERVER, b"DON", 1, 5, done(3, HELLO)))
note("A session of the same number, in which the client gets that file.")
vector("get.client", signal(CLIENT, b"PIN", 0, 0, hello(SESSION))
       + signal(CLIENT, b"RAF", 1, 0, b"", 6) + chunk(CLIENT, 1, 0, b"hi.txt", True)
       + signal(CLIENT, b"DON", 1, 5, done(3, HELLO)))
vector("get.server", signal(SERVER, b"PON", 0, 0, hello(SESSION))
       + signal(SERVER, b"SAF", 1, 5, offer(5, NO_TIME), len(HI)) + chunk(SERVER, 1, 0, HI, True)
       + chunk(SERVER, 1, 0, b"hello") + signal(SERVER, b"DON", 1, 5, done(3, HELLO)))

if __name__ == "__main__":
    print(made(), end="")
