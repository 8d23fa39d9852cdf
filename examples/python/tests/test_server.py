"""The threads of a server, its listener, and the options that it refuses."""
import os
import socket
import tempfile
import time
import unittest
from pathlib import Path

import tinyferry

try:
    import resource
except ImportError:
    resource = None  # type: ignore


class ServerTest(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = Path(directory.name)

    @unittest.skipUnless(resource, "the system has no limits")
    def test_a_listener_without_free_descriptors_waits_for_them(self) -> None:
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        connections = [socket.socket() for _ in range(3)]
        with tinyferry.serve("tcp://127.0.0.1:0", str(self.root)) as server:
            free = os.dup(0)
            os.close(free)
            resource.setrlimit(resource.RLIMIT_NOFILE, (free, before[1]))
            try:
                for connection in connections:
                    connection.connect(("127.0.0.1", int(server.url.rpartition(":")[2])))
                time.sleep(0.3)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, before)
            for connection in connections:
                with tinyferry.Client(tinyferry.Stream.of_socket(connection), timeout=10) as client:
                    self.assertEqual(client.ls(), [])
