"""Storage of received files, links that are opened by URL, and the program of the package."""
import errno
import os
import random
import stat
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import tinyferry
from tinyferry.checks import crc64
from tinyferry.endpoint import parse
from tinyferry.errors import Refused
from tinyferry.store import Store, partial_name


class StoreTest(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = Path(directory.name)
        self.store = Store(directory.name)

    def test_the_old_file_stays_until_the_new_one_is_complete(self) -> None:
        (self.root / "file").write_text("old")
        incoming, prefix = self.store.offer("file", 3, 5, 0)
        incoming.write(b"new")
        self.assertEqual((prefix, (self.root / "file").read_text()), (0, "old"))
        incoming.commit(0o640, 10**18)
        status = os.stat(self.root / "file")
        self.assertEqual(((self.root / "file").read_text(), stat.S_IMODE(status.st_mode), status.st_mtime_ns),
                         ("new", 0o640, 10**18))
        self.assertEqual(os.listdir(self.root), ["file"])

    def test_a_prefix_is_a_multiple_of_1024_or_the_whole_file(self) -> None:
        cases = ((3000, 5000, 5000, 2048), (3000, 3000, 3000, 3000), (3000, 5000, 1500, 1024), (500, 5000, 5000, 0),
                 (3000, 5000, 0, 0), (6000, 5000, 5000, 5000))
        for length, size, resume, prefix in cases:
            (self.root / ".f.tinyferry-part").write_bytes(bytes(length))
            incoming, found = self.store.offer("f", size, 0, resume)
            self.assertEqual(found, prefix, (length, size, resume))
            incoming.close(keeps_partial=False)

    def test_the_rest_behind_each_prefix_makes_the_whole_file(self) -> None:
        whole = random.Random(1).randbytes(5000)
        for length in (1, 500, 1023, 1024, 1025, 3000, 5000, 6000):
            for resume in (0, 1, 500, 1500, 5000):
                with self.subTest(length=length, resume=resume):
                    (self.root / ".f.tinyferry-part").write_bytes((whole + bytes(1000))[:length])
                    incoming, prefix = self.store.offer("f", 5000, 0, resume)
                    self.assertTrue(not prefix or incoming.read_prefix(prefix, lambda: True))
                    self.assertEqual((incoming.position, incoming.digest), (prefix, crc64(whole[:prefix])))
                    incoming.write(whole[prefix:])
                    incoming.commit(None, 1)
                    self.assertEqual((self.root / "f").read_bytes(), whole)

    def test_one_transfer_at_a_time_writes_a_file(self) -> None:
        incoming, _ = self.store.offer("file", 3, 5, 0)
        with self.assertRaises(Refused) as caught:
            Store(str(self.root)).offer("file", 3, 5, 0)
        self.assertEqual(caught.exception.reason, 24)
        incoming.close(keeps_partial=False)
        self.store.offer("file", 3, 5, 0)[0].close(keeps_partial=False)

    def test_a_partial_is_released_once(self) -> None:
        incoming, _ = self.store.offer("file", 3, 5, 0)
        incoming.write(b"new")
        (self.root / "file").mkdir()
        with self.assertRaises(OSError):
            incoming.commit(None, 5)
        # It belongs to this transfer until its end, and then to the next one.
        with mock.patch("tinyferry.store.LAST_TRANSFER_ENDS", 0), self.assertRaises(Refused):
            Store(str(self.root)).offer("file", 3, 5, 0)
        (self.root / "file").rmdir()
        with mock.patch("tinyferry.store.LAST_TRANSFER_ENDS", 0), self.assertRaises(Refused):
            self.store.offer("file", 3, 5, 0)
        incoming.close(keeps_partial=False)
        following, _ = self.store.offer("file", 3, 5, 0)
        following.write(b"new")
        following.commit(None, 5)
        self.assertEqual(os.listdir(self.root), ["file"])

    def test_a_rename_that_is_not_durable_is_an_error(self) -> None:
        def failing(number: int) -> object:
            def sync(descriptor: int) -> None:
                if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                    raise OSError(number, os.strerror(number))
            return sync
        for number, is_error in ((errno.EIO, True), (errno.EINVAL, False)):
            incoming, _ = self.store.offer("file", 3, 5, 0)
            incoming.write(b"new")
            with self.subTest(number), mock.patch("os.fsync", side_effect=failing(number)):
                if is_error:
                    self.assertRaises(OSError, incoming.commit, None, 5)
                    incoming.close(keeps_partial=True)
                else:
                    incoming.commit(None, 5)

    def test_a_partial_that_is_a_symbolic_link_is_not_followed(self) -> None:
        (self.root / "outside").write_text("precious")
        os.symlink(self.root / "outside", self.root / ".file.tinyferry-part")
        for resume in (0, 3):
            with self.assertRaises(OSError):
                self.store.offer("file", 3, 5, resume)
        self.assertEqual((self.root / "outside").read_text(), "precious")

    def test_each_name_has_a_partial_of_its_own(self) -> None:
        names = ["a", "é" * 127, "x" * 255, "x" * 254 + "y"]
        partials = {partial_name(name) for name in names}
        self.assertEqual(len(partials), len(names))
        self.assertTrue(all(len(partial.encode()) <= 255 for partial in partials))


class EndpointTest(unittest.TestCase):
    def test_urls_have_the_settings_of_the_program(self) -> None:
        found = parse("serial:///dev/ttyUSB0?baud=921600&flow=hardware&gap=100ms")
        self.assertEqual((found.path, found.baud, found.hardware_flow, found.is_lossy, found.gap),
                         ("/dev/ttyUSB0", 921_600, True, True, 0.1))
        self.assertEqual(parse("tcp://[::1]:99?lossy=true")[1:5], ("::1", 99, "", True))
        self.assertEqual((parse("tcp://board").port, parse("serial://COM3").path), (8080, "COM3"))

    def test_a_url_that_is_not_supported_is_explained(self) -> None:
        cases = (("http://x", "use tcp://"), ("tcp://x?baud=9600", "no setting 'baud'"), ("unix://", "no path"),
                 ("serial:///dev/x?gap=5ms", "20ms to 500ms"), ("exec:", "no command"), ("tcp://x:99999", "port"))
        for url, part in cases:
            for open_it in (tinyferry.connect, lambda url: tinyferry.serve(url, ".")):
                with self.assertRaises(ValueError) as caught:
                    open_it(url)
                self.assertIn(part, str(caught.exception))

    def test_a_server_that_cannot_be_reached_is_named(self) -> None:
        for url in ("tcp://127.0.0.1:1", "unix:///nonexistent/socket", "serial:///nonexistent/port"):
            with self.assertRaises(tinyferry.LinkError) as caught:
                tinyferry.connect(url)
            self.assertIn("nonexistent" if "nonexistent" in url else url, str(caught.exception))

    def test_the_example_of_the_readme_runs(self) -> None:
        text = (Path(__file__).parents[1] / "README.md").read_text()
        example = text.split("```python\n")[1].split("```")[0]
        with tempfile.TemporaryDirectory() as directory:
            for name in ("served", "firmware"):
                Path(directory, name).mkdir()
            Path(directory, "firmware/app.bin").write_bytes(b"\x7f" * 5000)
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
            ended = subprocess.run([sys.executable, "-c", example], cwd=directory, env=environment, capture_output=True,
                                   text=True, timeout=60)
            self.assertEqual((ended.returncode, ended.stderr, ended.stdout), (0, "", "app.bin 5000\n"))
            self.assertEqual(Path(directory, "copy/app.bin").read_bytes(), b"\x7f" * 5000)
            self.assertEqual(os.listdir(Path(directory, "served")), [])

    def test_the_client_of_the_command_line_reaches_a_server_on_its_standard_streams(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            Path(directory, "file").write_text("content")
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
            url = f"exec:{sys.executable} -m tinyferry serve --stdio --allow-remove {directory}"
            for task, output in ((["ls"], "file 7\n"), (["mv", "file", "new"], ""), (["stat", "new"], "7\n")):
                ended = subprocess.run([sys.executable, "-m", "tinyferry", *task, "-e", url], env=environment,
                                       capture_output=True, text=True, timeout=60)
                self.assertEqual((ended.returncode, ended.stdout), (0, output), ended.stderr)
