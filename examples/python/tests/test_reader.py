"""The frame reader: every split of reads, damage and noise (sections 2 to 6.5)."""
import random
import unittest
from pathlib import Path

import vectors
from tinyferry.checks import crc64, crc64_zeros
from tinyferry.errors import ProtocolError
from tinyferry.reader import Reader
from tinyferry.wire import (Chunk, Hole, Signal, ack, chunk, is_after, is_sound, metadata_of, offer, read_metadata,
                            signal)

SEED = 0x12345678
LINES = (Path(__file__).parents[3] / "core/vectors.txt").read_text().splitlines()
VECTORS = {name: bytes.fromhex(value) for name, value in (line.split() for line in LINES if line and line[0] != "#")}


def reader(is_lossy: bool) -> Reader:
    made = Reader(is_lossy)
    made.seed = SEED
    made.has_holes = True
    made.expects = lambda low, position, length: low == 1
    return made


def read_all(made: Reader, data: bytes, cuts: list) -> list:
    """The frames of the data, which arrives in pieces."""
    found = []
    for start, end in zip([0, *cuts], [*cuts, len(data)]):
        made.feed(data[start:end])
        while (frame := made.next()) is not None:
            found.append(frame)
    return found


class ReaderTest(unittest.TestCase):
    def setUp(self) -> None:
        path = metadata_of("a.txt", 0o644)
        self.frames = [
            signal(SEED, b"SAF", 1, 0, offer(5, 7), len(path)) + chunk(SEED, 1, 0, path, True),
            chunk(SEED, 1, 0, b"SAF\xfa\x01" * 60),
            VECTORS["client.hole"],
            signal(SEED, b"PON", 1, 256, ack(128, 9, 5)),
        ]
        self.data = b"".join(self.frames)

    def check(self, found: list) -> None:
        self.assertEqual([type(frame) for frame in found], [Signal, Chunk, Hole, Signal])
        self.assertEqual(read_metadata(found[0].metadata).text, "a.txt")
        self.assertEqual(found[1].payload, b"SAF\xfa\x01" * 60)
        self.assertEqual((found[2].position, found[2].length), (0x1234567800, 0x10000))

    def test_frames_are_found_at_every_split_of_the_reads(self) -> None:
        for is_lossy in (False, True):
            for first in range(len(self.data) + 1):
                self.check(read_all(reader(is_lossy), self.data, [first]))
            for second in range(0, len(self.data), 7):
                self.check(read_all(reader(is_lossy), self.data, [second // 2, second]))
            self.check(read_all(reader(is_lossy), self.data, list(range(len(self.data)))))

    def test_a_damaged_byte_costs_one_frame_of_a_lossy_link_and_ends_a_reliable_one(self) -> None:
        for at in range(len(self.frames[0]), len(self.data) - len(self.frames[3])):
            damaged = bytearray(self.data)
            damaged[at] ^= 0x10
            made = reader(True)
            found = read_all(made, bytes(damaged), [])
            while (frame := made.next(is_silent=True)) is not None:
                found.append(frame)
            self.assertEqual(len(found), 3, at)
            self.assertEqual(found[-1].code, b"PON")
            with self.assertRaises(ProtocolError):
                made = reader(False)
                read_all(made, bytes(damaged), [])
                # The length became a larger one: the stream goes on with other bytes.
                made.feed(bytes(2048))
                while made.next():
                    pass

    def test_frames_are_found_between_any_bytes_of_a_lossy_link(self) -> None:
        for seed in range(40):
            chance = random.Random(seed)
            data = b""
            for frame in self.frames:
                noise = bytes(chance.choice(b"\xfaCSRDEPSAF\x01") for _ in range(chance.randrange(80)))
                data += noise + frame
            made = reader(True)
            found = read_all(made, data, sorted(chance.randrange(len(data)) for _ in range(5)))
            found += list(iter(lambda: made.next(is_silent=True), None))
            self.check(found)

    def test_a_signal_without_its_metadata_is_dropped_but_for_an_error(self) -> None:
        for code, count in ((b"SAF", 1), (b"ERR", 2)):
            made = reader(True)
            made.feed(signal(SEED, code, 1, 0, b"", 9) + signal(SEED, b"PIN", 1))
            self.assertEqual(len(list(iter(lambda: made.next(is_silent=True), None))), count)

    def test_a_hello_behind_dropped_bytes_is_content_of_a_file(self) -> None:
        hello = VECTORS["client.hello"]
        for front, count in ((b"", 1), (b"x", 0), (b"x" + signal(SEED, b"PIN", 1), 2)):
            made = reader(True)
            made.feed(front + hello)
            self.assertEqual(len(list(iter(made.next, None))), count, front)


class ChecksTest(unittest.TestCase):
    def test_the_vectors_are_made_from_this_implementation(self) -> None:
        self.assertEqual(vectors.made(), (Path(__file__).parents[3] / "core/vectors.txt").read_text())

    def test_digests_are_the_same_at_every_split(self) -> None:
        data = bytes(range(256)) * 2
        for at in range(0, len(data), 3):
            self.assertEqual(crc64(data[at:], crc64(data[:at])), crc64(data))
        self.assertEqual(crc64(b"123456789"), 0xAE8B14860A799888)
        self.assertEqual(crc64_zeros(70_000, 5), crc64(bytes(70_000), 5))

    def test_hostile_paths_are_not_allowed(self) -> None:
        for path in ("/a", "a//b", "..", "a/../b", "./a", "a\n", "a\x7fb", "\x85", "x" * 256, "a/" * 480 + "b", "a//",
                     "\ud800"):
            self.assertFalse(is_sound(path), path)
        for path in ("", "a", "a/b/", "é" * 127, "...", "a b", ".git"):
            self.assertTrue(is_sound(path), path)

    def test_numbers_are_compared_serially(self) -> None:
        self.assertTrue(is_after(1, 65535) and is_after(0x7FFF, 0) and not is_after(0x8000, 0) and not is_after(5, 5))

    def test_unknown_tags_are_ignored_below_128_and_refused_from_there_on(self) -> None:
        reasons = {name: read_metadata(value).reason for name, value in VECTORS.items() if name.startswith("metadata.")}
        refused = {name: reason for name, reason in reasons.items() if reason}
        self.assertEqual(refused, {"metadata.required": 20, "metadata.cut": 8})
