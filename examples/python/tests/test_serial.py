"""Serial ports: pseudo-terminals with the server of this package at the other end."""
import os
import tempfile
import threading
import tty
import unittest
from pathlib import Path

import tinyferry
from tinyferry.server import Connection, Options

try:
    import serial
except ImportError:
    serial = None


class SerialTest(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = Path(directory.name)
        (self.root / "served").mkdir()
        self.content = os.urandom(20_000)
        (self.root / "file").write_bytes(self.content)
        board, terminal = os.openpty()
        tty.setraw(terminal)
        self.port = os.ttyname(terminal)
        self.addCleanup(os.close, terminal)
        self.addCleanup(os.close, board)
        self.is_over = threading.Event()
        link = tinyferry.Stream.of_files(board, board, is_lossy=True)
        connection = Connection(link, Options(str(self.root / "served"), allow_remove=True), self.is_over.is_set)
        self.thread = threading.Thread(target=connection.run)
        self.thread.start()

    def tearDown(self) -> None:
        self.is_over.set()
        self.thread.join()

    def exchange(self, client: tinyferry.Client) -> None:
        with client:
            client.put(self.root / "file", "f")
            client.get("f", self.root / "back")
            self.assertEqual((self.root / "back").read_bytes(), self.content)
            self.assertEqual([entry.size for entry in client.ls()], [20_000])
            client.rm("f")

    def test_a_port_is_opened_by_its_url_again_and_again(self) -> None:
        for _ in range(2):
            self.exchange(tinyferry.connect(f"serial://{self.port}?baud=921600"))

    def test_a_port_in_use_is_named(self) -> None:
        with tinyferry.connect(f"serial://{self.port}"), self.assertRaises(tinyferry.LinkError) as caught:
            tinyferry.connect(f"serial://{self.port}")
        self.assertIn("another program uses the serial port", str(caught.exception))
        with self.assertRaises(tinyferry.LinkError) as caught:
            tinyferry.connect(f"serial://{self.root}/file")
        self.assertIn("is not a serial port", str(caught.exception))

    @unittest.skipUnless(serial, "pySerial is missing")
    def test_a_port_of_pyserial_is_a_link(self) -> None:
        self.exchange(tinyferry.Client(tinyferry.Port(serial.Serial(self.port, 921_600))))
