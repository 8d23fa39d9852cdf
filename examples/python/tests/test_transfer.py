"""The client and the server of this package at the two ends of a line in memory, with faults by seed."""
import logging
import os
import random
import tempfile
import threading
import unittest
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Iterator
from unittest import mock

import tinyferry
from line import Faults, lay
from tinyferry.checks import crc64
from tinyferry.operations import query
from tinyferry.reader import expects_everything
from tinyferry.server import Connection, Options
from tinyferry.session import Session
from tinyferry.wire import NO_TIME, Signal, metadata_with, offer, refusal

SIZES = (0, 1, 255, 256, 257, 1023, 1024, 1025, 30_000)


class Place(unittest.TestCase):
    """A directory for the client and one for the server."""

    def setUp(self) -> None:
        # In memory, where the system has a file system there.
        directory = tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        self.addCleanup(directory.cleanup)
        self.here, self.served = Path(directory.name, "here"), Path(directory.name, "served")
        self.here.mkdir()
        self.served.mkdir()

    def make_tree(self) -> None:
        (self.here / "tree/sub/empty").mkdir(parents=True)
        for size in SIZES:
            self.make_file(f"tree/sub/{size} é", size)

    def make_file(self, name: str, size: int, seed: int = 1) -> bytes:
        content = random.Random(seed + size).randbytes(size)
        (self.here / name).write_bytes(content)
        return content

    @contextmanager
    def client(self, is_lossy: bool, seed: int = 1, piece: int = 4096, there: Faults = Faults(),
               back: Faults = Faults(), **options: object) -> Iterator[tinyferry.Client]:
        ours, theirs = lay(is_lossy, seed, piece, there, back)
        connection = Connection(theirs, Options(str(self.served), **{"allow_remove": True, **options}))  # type: ignore
        ended: list = []

        def serve() -> None:
            try:
                connection.run()
            except tinyferry.LinkError:
                pass
            except tinyferry.Error as error:
                ended.append(error)
        thread = threading.Thread(target=serve)
        thread.start()
        self.line = ours
        try:
            with tinyferry.Client(ours) as client:
                yield client
        finally:
            ours.close()
            thread.join()

    def assert_same(self, a: Path, b: Path) -> None:
        # Digests: the difference of long contents would take minutes.
        found = [{str(path.relative_to(root)): crc64(path.read_bytes()) if path.is_file() else None
                  for path in root.rglob("*")} for root in (a, b)]
        self.assertEqual(found[0], found[1])

    def exchange(self, client: tinyferry.Client) -> None:
        """Files and a tree in both directions, and every operation."""
        client.put(self.here / "tree", "t")
        client.get("t", self.here / "back")
        self.assert_same(self.here / "tree", self.served / "t")
        self.assert_same(self.here / "tree", self.here / "back")
        self.assertEqual(sorted(entry.size for entry in client.ls("t/sub")), sorted([0, *SIZES]))
        self.assertTrue(client.is_same(self.here / "tree", "t"))
        client.mv("t/sub/1 é", "t/one")
        client.mkdir("t/new/deep")
        self.assertEqual(client.stat("t/one").size, 1)
        self.assertFalse(client.is_same(self.here / "tree", "t"))
        client.rm("t", recursive=True)
        self.assertEqual(client.ls(), [])
        with self.assertRaises(tinyferry.Refused) as caught:
            client.get("t", self.here / "no")
        self.assertEqual(caught.exception.reason, 3)


class TransferTest(Place):
    def test_everything_works_with_reads_of_each_length(self) -> None:
        self.make_tree()
        for is_lossy in (False, True):
            for piece in (3, 13, 36, 1000):
                with self.subTest(is_lossy=is_lossy, piece=piece), self.client(is_lossy, 1, piece) as client:
                    self.exchange(client)
                    for path in (self.here / "back").rglob("*"):
                        path.unlink() if path.is_file() else None

    def test_everything_works_over_lines_with_noise(self) -> None:
        self.make_tree()
        for seed in range(4):
            faults = Faults(*random.Random(seed).choice([(2e-5, 0, 0), (0, 1e-4, 0), (0, 0, 1e-4), (1e-4, 1e-5, 1e-5)]))
            with self.subTest(seed=seed), self.client(True, seed, 512, faults, faults) as client:
                self.exchange(client)

    def test_a_transfer_that_was_cut_goes_on_where_it_stopped(self) -> None:
        content = self.make_file("file", 80_000)
        for seed in range(12):
            is_lossy, is_put = bool(seed & 1), bool(seed & 2)
            source, target = (self.here, self.served) if is_put else (self.served, self.here)
            (source / "file").write_bytes(content)
            cut = random.Random(seed).randrange(5_000, 78_000)
            there, back = (Faults(cut_after=cut), Faults()) if is_put else (Faults(), Faults(cut_after=cut))

            def transfer(client: tinyferry.Client) -> tinyferry.Report:
                return client.put(source / "file", "new") if is_put else client.get("file", self.here / "new")
            with self.subTest(seed=seed, cut=cut):
                with self.assertRaises(tinyferry.LinkError), self.client(is_lossy, seed, 4096, there, back) as client:
                    transfer(client)
                self.assertFalse((target / "new").exists())
                with self.client(is_lossy, seed) as client:
                    report = transfer(client)
                self.assertEqual((target / "new").read_bytes(), content)
                self.assertGreater(report.resumed, cut * 0.9 - 26_000)
                self.assertLessEqual(report.resumed, cut)
                (target / "new").unlink()

    def test_a_partial_with_other_content_is_offered_again(self) -> None:
        content = self.make_file("file", 50_000)
        for is_lossy in (False, True):
            (self.served / ".file.tinyferry-part").write_bytes(bytes(20_000))
            with self.client(is_lossy) as client:
                client.put(self.here / "file")
            self.assertEqual((self.served / "file").read_bytes(), content)
            (self.here / ".back.tinyferry-part").write_bytes(bytes(20_000))
            with self.client(is_lossy) as client:
                client.get("file", self.here / "back")
            self.assertEqual((self.here / "back").read_bytes(), content)
            self.assertEqual(list(self.served.glob(".*")) + list(self.here.glob(".*")), [])
            (self.served / "file").unlink()

    def test_a_partial_that_is_shorter_than_a_prefix_is_written_over(self) -> None:
        content = self.make_file("file", 50_000)
        for is_lossy in (False, True):
            for source, target in ((self.here, self.served), (self.served, self.here)):
                (source / "file").write_bytes(content)
                (target / ".new.tinyferry-part").write_bytes(b"x" * 500)
                with self.subTest(is_lossy=is_lossy, target=target.name), self.client(is_lossy) as client:
                    client.put(source / "file", "new") if source is self.here else client.get("file", target / "new")
                    self.assertEqual((target / "new").read_bytes(), content)
                (target / "new").unlink()

    def test_every_re_offer_of_a_tree_comes_before_its_end(self) -> None:
        self.make_tree()
        for is_lossy in (False, True):
            partials = self.served / "t/sub"
            partials.mkdir(parents=True)
            for size in SIZES[-3:]:
                (partials / f".{size} é.tinyferry-part").write_bytes(b"x" * size)
            with self.client(is_lossy) as client:
                client.put(self.here / "tree", "t")
                self.assert_same(self.here / "tree", self.served / "t")
                client.rm("t", recursive=True)

    def test_a_file_that_is_in_place_is_not_sent_again(self) -> None:
        self.make_file("file", 100_000)
        with self.client(True) as client:
            self.assertEqual(client.put(self.here / "file").sent, 100_000)
            self.assertEqual(client.put(self.here / "file").sent, 0)
            before = os.stat(self.served / "file").st_ino
            self.assertEqual(client.put(self.here / "file").sent, 0)
            self.assertEqual(os.stat(self.served / "file").st_ino, before)

    def test_an_update_offers_what_differs(self) -> None:
        self.make_tree()
        (self.here / "tree/other").mkdir()
        (self.here / "tree/other/file").write_text("content")
        for is_lossy in (False, True):
            with self.client(is_lossy) as client:
                client.put(self.here / "tree", "t", update=True)
                self.assert_same(self.here / "tree", self.served / "t")
                sent = self.line.sent
                self.assertEqual(client.put(self.here / "tree", "t", update=True), (0, 0, 0))
                self.assertLess(self.line.sent - sent, 400)
                (self.here / "tree/sub/1 é").write_text(f"new {is_lossy}")
                os.unlink(self.served / "t/sub/256 é")
                self.assertLessEqual(client.put(self.here / "tree", "t", update=True).files, 9 if is_lossy else 2)
                self.assert_same(self.here / "tree", self.served / "t")
                back = self.here / f"back {is_lossy}"
                self.assertEqual(client.get("t", back, update=True).files, 10)
                self.assertEqual(client.get("t", back, update=True), (0, 0, 0))
                (back / "other/file").unlink()
                self.assertLessEqual(client.get("t", back, update=True).files, 2)
                self.assert_same(self.here / "tree", back)
                client.rm("t", recursive=True)

    def test_a_mirror_sends_what_differs_and_removes_what_is_not_here(self) -> None:
        self.make_tree()
        (self.here / "tree/turned").write_text("a file")
        for is_lossy in (False, True):
            with self.client(is_lossy) as client:
                self.assertEqual(client.mirror(self.here / "tree", "t").files, len(SIZES) + 1)
                self.assert_same(self.here / "tree", self.served / "t")
                (self.served / "t/extra/deep").mkdir(parents=True)
                (self.served / "t/extra/deep/file").touch()
                (self.served / "t/sub/old").touch()
                (self.served / "t/sub/1 é").unlink()
                (self.served / "t/turned").unlink()
                (self.served / "t/turned/sub").mkdir(parents=True)
                self.assertLessEqual(client.mirror(self.here / "tree", "t").files, len(SIZES) + 1 if is_lossy else 2)
                self.assert_same(self.here / "tree", self.served / "t")
                self.assertEqual(client.mirror(self.here / "tree", "t"), (0, 0, 0))
                # What cannot be sent keeps the rest at the server.
                (self.here / "tree/link").symlink_to("sub")
                (self.served / "t/old").touch()
                with self.assertRaises(tinyferry.Incomplete):
                    client.mirror(self.here / "tree", "t")
                self.assertTrue((self.served / "t/old").exists())
                (self.here / "tree/link").unlink()
                client.mirror(self.here / "tree", "t")
                client.mirror(self.here / "tree", ".")
                self.assert_same(self.here / "tree", self.served)
                client.rm("sub", recursive=True)
                client.rm("turned")
        with self.client(False, allow_remove=False) as client:
            (self.served / "t").mkdir()
            (self.served / "t/old").touch()
            with self.assertRaises(tinyferry.Refused) as caught:
                client.mirror(self.here / "tree", "t")
            self.assertEqual(caught.exception.reason, 19)

    def test_paths_of_pathlib_are_taken_at_both_ends(self) -> None:
        content = self.make_file("file", 10)
        with self.client(False) as client:
            client.put(self.here / "file", PurePosixPath("sub/file"))
            client.get(PureWindowsPath("sub\\file"), self.here / "back")
            self.assertEqual((self.here / "back").read_bytes(), content)
            with self.assertRaises(IsADirectoryError) as caught:
                client.get("sub/file", self.here)
            self.assertIn("name the new file in it", str(caught.exception))
            self.assertTrue(client.stat(PurePosixPath("sub")).is_directory)

    def test_a_comparison_makes_nothing_at_the_server(self) -> None:
        self.make_tree()
        (self.served / "file").touch()
        for is_lossy in (False, True):
            with self.client(is_lossy) as client:
                self.assertFalse(client.is_same(self.here / "tree", "t"))
                self.assertFalse(client.is_same(self.here / "tree", "file"))
                self.assertEqual(os.listdir(self.served), ["file"])
                client.put(self.here / "tree", ".")
                (self.served / "file").unlink()
                self.assertTrue(client.is_same(self.here / "tree", "."))
                client.rm("sub", recursive=True)
                (self.served / "file").touch()

    def test_the_root_of_the_server_is_a_directory_that_stays(self) -> None:
        self.make_file("file", 10)
        with self.client(False) as client:
            self.assertEqual(client.stat("."), tinyferry.Entry("", is_directory=True))
            client.put(self.here / "file")
            sent = self.line.sent
            for change in (lambda: client.rm(".", recursive=True), lambda: client.mv(".", "x"), lambda: client.mkdir(""),
                           lambda: client.mv("file", "."), lambda: client.put(self.here / "file", ".")):
                with self.assertRaises(ValueError) as caught:
                    change()
                self.assertIn("the directory of the server itself", str(caught.exception))
            self.assertEqual(self.line.sent, sent)
        self.assertEqual(os.listdir(self.served), ["file"])

    def test_a_directory_that_cannot_be_read_is_never_the_same(self) -> None:
        self.make_tree()
        scan = os.scandir

        def denied(path: str) -> object:
            if str(path).endswith("sub"):
                raise PermissionError(13, "Permission denied", path)
            return scan(path)
        with self.client(False) as client:
            client.put(self.here / "tree", "t")
            with mock.patch("os.scandir", side_effect=denied):
                self.assertFalse(client.is_same(self.here / "tree", "t"))
                with self.assertRaises(tinyferry.Incomplete) as caught:
                    client.put(self.here / "tree", "t", update=True)
            self.assertEqual([(error.path, error.reason) for error in caught.exception.refused], [("sub", 4)])

    def test_the_log_has_the_frames_of_both_ends(self) -> None:
        self.make_file("file", 3000)
        with self.assertLogs("tinyferry", logging.DEBUG) as logged, self.client(False) as client:
            client.put(self.here / "file", "name")
        text = "\n".join(record.getMessage() for record in logged.records)
        for part in ("> PIN 0", "reliable, chunks of 1024 bytes", "> SAF 1 at 3000 'name'", "< SAF 1",
                     "> chunk of transfer 1 at 1024, 1024 bytes", "< chunk of transfer 1 at 2048, 952 bytes", "< DON 1"):
            self.assertIn(part, text)

    def test_a_tree_of_more_entries_than_numbers_of_a_byte_crosses(self) -> None:
        (self.here / "tree").mkdir()
        for number in range(300):
            (self.here / f"tree/{number}").write_text(str(number))
        for is_lossy in (False, True):
            with self.client(is_lossy) as client:
                self.assertEqual(client.put(self.here / "tree", f"t{is_lossy}").files, 300)
            self.assert_same(self.here / "tree", self.served / f"t{is_lossy}")


class NextRequestTest(Place):
    def test_a_request_right_behind_a_refusal_is_answered(self) -> None:
        self.make_file("file", 1_000_000)
        (self.here / "file").rename(self.served / "file")
        for is_lossy in (False, True):
            ours, theirs = lay(is_lossy)
            connection = Connection(theirs, Options(str(self.served)))

            def serve() -> None:
                with suppress(tinyferry.LinkError):
                    connection.run()
            thread = threading.Thread(target=serve)
            thread.start()
            session = Session(ours, True)
            session.connect(5)
            session.reader.expects = expects_everything
            number = session.take_number()
            session.request(b"RAF", number, (b"SAF",), 5, bytes(16), b"file")
            following = session.take_number()
            question = session.frame(b"SAF", following, 0, offer(0, NO_TIME),
                                     metadata_with(0x80, query(0, 0, 0), "file"))
            both = session.frame(b"ERR", number, 0, refusal(5)) + question

            def answer(frame: object) -> object:
                return frame if isinstance(frame, Signal) and frame.transfer == following else None
            try:
                with self.subTest(is_lossy=is_lossy):
                    found, _ = session.ask(both, answer, 5)
                    self.assertEqual((found.code, found.position), (b"DON", 1_000_000))
            finally:
                ours.close()
                thread.join()


class RefusalTest(Place):
    def refused(self, action: object) -> tinyferry.Refused:
        with self.assertRaises(tinyferry.Refused) as caught:
            action()  # type: ignore
        return caught.exception

    def test_a_refusal_names_the_path_and_the_reason(self) -> None:
        self.make_file("file", 3000)
        (self.served / "directory").mkdir()
        for is_lossy in (False, True):
            with self.client(is_lossy) as client:
                error = self.refused(lambda: client.put(self.here / "file", "directory"))
                self.assertEqual((error.reason, error.path), (5, "directory"))
                self.assertIn("'directory' was refused: it is a directory (reason 5)", str(error))
                self.assertEqual(self.refused(lambda: client.mv("no", "yes")).reason, 3)
                self.assertEqual(self.refused(client.close_server).reason, 19)
                client.put(self.here / "file", "file")

    def test_servers_for_one_direction_refuse_the_other(self) -> None:
        self.make_file("file", 10)
        with self.client(False, read_only=True) as client:
            self.assertEqual(self.refused(lambda: client.put(self.here / "file")).reason, 17)
        with self.client(True, write_only=True) as client:
            self.assertEqual(self.refused(lambda: client.ls()).reason, 18)

    def test_refused_entries_do_not_stop_a_tree(self) -> None:
        self.make_tree()
        os.symlink("sub", self.here / "tree/link")
        (self.served / "t/sub/1 é").mkdir(parents=True)
        for is_lossy in (False, True):
            with self.client(is_lossy) as client, self.assertRaises(tinyferry.Incomplete) as caught:
                client.put(self.here / "tree", "t")
            self.assertEqual(sorted((error.path, error.reason) for error in caught.exception.refused),
                             [("link", 7), ("sub/1 é", 5)])
            self.assertTrue((self.served / "t/sub/30000 é").exists())

    def test_nothing_is_stored_or_read_through_a_symbolic_link(self) -> None:
        self.make_file("file", 10)
        os.symlink(self.here, self.served / "out")
        with self.client(False) as client:
            self.assertEqual(self.refused(lambda: client.put(self.here / "file", "out/new")).reason, 27)
            self.assertEqual(self.refused(lambda: client.get("out/file", self.here / "back")).reason, 27)
            self.assertEqual(self.refused(lambda: client.rm("out/file")).reason, 27)
            self.assertEqual(self.refused(lambda: client.put(self.here / "file", ".x.tinyferry-part")).reason, 8)
        self.assertEqual(os.listdir(self.here), ["file"])

    def test_paths_that_no_server_can_have_are_errors_before_anything_is_sent(self) -> None:
        with self.client(False) as client:
            sent = self.line.sent
            for path in ("/etc", "../x", "a//b", "a\nb"):
                with self.assertRaises(ValueError):
                    client.get(path)
            self.assertEqual(self.line.sent, sent)

    def test_a_server_that_does_not_speak_tinyferry_is_named_so(self) -> None:
        ours, theirs = lay(False)
        theirs.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        with self.assertRaises(tinyferry.ProtocolError):
            tinyferry.Client(ours)
        with self.assertRaises(tinyferry.Timeout):
            tinyferry.Client(lay(False)[0], timeout=0.2)
