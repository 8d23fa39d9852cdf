"""Streams, serial ports and listeners of the system: time limits, settings, addresses."""
import errno
import os
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import time
import tty
import unittest
from pathlib import Path
from unittest import mock

import tinyferry
from tinyferry.endpoint import open_link
from tinyferry.serial_port import drain

try:
    import fcntl
    import resource
except ImportError:
    resource = None  # type: ignore


class StreamTest(unittest.TestCase):
    def pair(self) -> "tuple[tinyferry.Stream, socket.socket]":
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.addCleanup(theirs.close)
        stream = tinyferry.Stream.of_socket(ours)
        self.addCleanup(stream.close)
        return stream, theirs

    def test_a_write_to_an_end_that_takes_nothing_has_a_limit(self) -> None:
        stream, _ = self.pair()
        with mock.patch("tinyferry.link.WRITE_TIMEOUT", 0.3), self.assertRaises(tinyferry.Timeout) as caught:
            stream.write(bytes(1 << 20))
        self.assertIn("took no bytes and sent none", str(caught.exception))

    def test_a_write_waits_for_an_end_that_sends(self) -> None:
        stream, theirs = self.pair()
        data, found = os.urandom(1 << 20), bytearray()

        def answer() -> None:
            for _ in range(8):
                theirs.sendall(b"x")
                time.sleep(0.1)
            while len(found) < len(data):
                found.extend(theirs.recv(1 << 16))
        thread = threading.Thread(target=answer)
        thread.start()
        with mock.patch("tinyferry.link.WRITE_TIMEOUT", 0.4):
            stream.write(data)
        thread.join()
        self.assertEqual(found, data)
        self.assertEqual(stream.read(1), b"x" * 8)

    @unittest.skipIf(sys.platform == "win32", "exec: is not supported there")
    def test_a_command_that_ends_is_named_by_the_error(self) -> None:
        for command in ("false", "exec sleep 0.2"):
            with self.assertRaises(tinyferry.LinkError) as caught:
                tinyferry.connect(f"exec:{command}", timeout=5)
            self.assertIn(f"the command {command!r} has closed its output", str(caught.exception))

    @unittest.skipUnless(resource, "the system has no such descriptors")
    def test_descriptors_of_any_number_are_waited_for(self) -> None:
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], 2048), before[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, before)
        near, theirs = socket.socketpair()
        far = fcntl.fcntl(near, fcntl.F_DUPFD, 1500)
        near.close()
        stream = tinyferry.Stream.of_files(far, far, at_close=[lambda: os.close(far)])
        self.assertIsNone(stream.read(0.05))
        threading.Timer(0.1, theirs.sendall, [b"late"]).start()
        self.assertEqual(stream.read(10), b"late")
        reader = threading.Timer(0.1, lambda: [theirs.recv(1 << 16) for _ in range(1000)])
        reader.daemon = True
        reader.start()
        stream.write(bytes(1 << 20))
        stream.close()
        reader.join()
        theirs.close()

    def test_a_stream_leaves_its_files_as_they_were(self) -> None:
        source, target = os.pipe()
        stream = tinyferry.Stream.of_files(source, target)
        self.assertFalse(os.get_blocking(source) or os.get_blocking(target))
        stream.close()
        self.assertTrue(os.get_blocking(source) and os.get_blocking(target))
        os.close(source)
        os.close(target)


class SettingsTest(unittest.TestCase):
    def setUp(self) -> None:
        self.board, self.terminal = os.openpty()
        self.addCleanup(os.close, self.board)
        self.addCleanup(os.close, self.terminal)
        self.url = f"serial://{os.ttyname(self.terminal)}?baud=57600"
        self.before = self.settings()

    def settings(self) -> list:
        found = termios.tcgetattr(self.terminal)
        found[2] &= ~termios.HUPCL
        return found

    def test_a_port_has_its_settings_again_after_its_close(self) -> None:
        link = open_link(self.url, 1)
        raw = self.settings()
        self.assertEqual((raw[3] & (termios.ECHO | termios.ICANON), raw[4]), (0, termios.B57600))
        link.close()
        self.assertEqual(self.settings(), self.before)

    def test_a_port_has_its_settings_again_if_no_server_answers(self) -> None:
        with self.assertRaises(tinyferry.Timeout):
            tinyferry.connect(self.url, timeout=0.1)
        self.assertEqual(self.settings(), self.before)

    def test_a_port_has_its_settings_again_after_a_program_that_does_not_close_it(self) -> None:
        script = f"from tinyferry.endpoint import open_link; import os\nlink = open_link({self.url!r}, 1)"
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        subprocess.run([sys.executable, "-c", script], env=environment, check=True, timeout=60)
        self.assertEqual(self.settings(), self.before)

    def test_a_port_that_does_not_take_its_settings_is_closed(self) -> None:
        opened = len(os.listdir("/dev/fd"))
        with mock.patch("termios.tcsetattr", side_effect=termios.error(errno.EIO, "Input/output error")):
            with self.assertRaises(tinyferry.LinkError) as caught:
                tinyferry.connect(self.url)
        self.assertIn("does not take its settings: Input/output error", str(caught.exception))
        self.assertEqual(len(os.listdir("/dev/fd")), opened)

    def test_a_port_is_drained_as_long_as_it_sends(self) -> None:
        with mock.patch("tinyferry.serial_port.DRAIN_TIMEOUT", 0.05):
            self.assertTrue(drain(iter(range(30, -1, -1)).__next__))
            self.assertFalse(drain(lambda: 12))

    def test_a_write_to_a_stopped_port_has_a_limit(self) -> None:
        link = open_link(self.url, 1)
        with mock.patch("tinyferry.link.WRITE_TIMEOUT", 0.2), self.assertRaises(tinyferry.Timeout):
            for _ in range(100):
                link.write(bytes(100_000))
        link.close()
        self.assertEqual(self.settings(), self.before)


class AddressTest(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = Path(directory.name)

    def test_an_address_that_others_reach_must_be_allowed(self) -> None:
        addresses = ["0.0.0.0"] + ["[::]"] * self.has_ipv6()
        for address in addresses:
            with self.assertRaises(ValueError) as caught:
                tinyferry.serve(f"tcp://{address}:0", self.root)
            self.assertIn("insecure=True", str(caught.exception))
            with tinyferry.serve(f"tcp://{address}:0", self.root, insecure=True) as server:
                with tinyferry.connect(server.url) as client:
                    self.assertEqual(client.ls(), [])

    def has_ipv6(self) -> bool:
        try:
            with socket.create_server(("::1", 0), family=socket.AF_INET6):
                return True
        except OSError:
            return False

    def test_hosts_of_both_kinds_are_served(self) -> None:
        hosts = ["127.0.0.1", "localhost"] + ["[::1]"] * self.has_ipv6()
        for host in hosts:
            with tinyferry.serve(f"tcp://{host}:0", self.root) as server:
                self.assertTrue(server.url.startswith(f"tcp://{host}:"), server.url)
                with tinyferry.connect(server.url) as client:
                    client.mkdir(host)
        self.assertEqual(sorted(os.listdir(self.root)), sorted(hosts))

    def test_a_server_needs_a_directory(self) -> None:
        (self.root / "file").touch()
        for name, kind in (("missing", FileNotFoundError), ("file", NotADirectoryError)):
            with self.assertRaises(kind) as caught:
                tinyferry.serve("tcp://127.0.0.1:0", self.root / name)
            self.assertIn("a server serves a directory", str(caught.exception))

    def test_a_socket_that_a_server_left_is_replaced_and_one_in_use_is_not(self) -> None:
        path = self.root / "socket"
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(path))
        with tinyferry.serve(f"unix://{path}", self.root):
            with self.assertRaises(tinyferry.LinkError):
                tinyferry.serve(f"unix://{path}", self.root)
            tinyferry.connect(f"unix://{path}").close()
        self.assertFalse(path.exists())
        path.write_text("content")
        with self.assertRaises(tinyferry.LinkError):
            tinyferry.serve(f"unix://{path}", self.root)
        self.assertEqual(path.read_text(), "content")


if __name__ == "__main__":
    unittest.main()
