"""The threads of a server, its listener, and the options that it refuses."""
import os
import socket
import tempfile
import threading
import time
import tty
import unittest
from pathlib import Path
from typing import List, Optional

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

    def wait(self, server: tinyferry.Server) -> Optional[BaseException]:
        """The error that `wait` raises. It must return within 10 seconds."""
        found: List[Optional[BaseException]] = []

        def wait() -> None:
            try:
                server.wait()
                found.append(None)
            except tinyferry.Error as error:
                found.append(error)
        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        thread.join(10)
        self.assertFalse(thread.is_alive(), "the server is still waited for")
        return found[0]

    def test_the_end_of_a_link_that_is_not_shared_ends_the_wait_with_its_error(self) -> None:
        board, terminal = os.openpty()
        tty.setraw(terminal)
        logged: List[str] = []
        server = tinyferry.serve(f"serial://{os.ttyname(terminal)}", str(self.root), log=logged.append)
        os.close(terminal)
        os.close(board)
        error = self.wait(server)
        self.assertIsInstance(error, tinyferry.LinkError)
        self.assertEqual(logged, [str(error)])
        server.close()

    def test_a_client_and_the_own_program_end_the_wait_without_an_error(self) -> None:
        with tinyferry.serve("tcp://127.0.0.1:0", str(self.root), allow_close=True) as server:
            with tinyferry.connect(server.url) as client:
                client.close_server()
            self.assertIsNone(self.wait(server))
        with tinyferry.serve("tcp://127.0.0.1:0", str(self.root)) as server:
            threading.Timer(0.2, server.close).start()
            self.assertIsNone(self.wait(server))

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

    def test_no_thread_of_a_client_outlives_its_server(self) -> None:
        before = set(threading.enumerate())
        with tinyferry.serve("tcp://127.0.0.1:0", str(self.root)) as server:
            clients = [tinyferry.connect(server.url) for _ in range(3)]
            self.assertEqual(len(set(threading.enumerate()) - before), 4)
        self.assertEqual(set(threading.enumerate()) - before, set())
        for client in clients:
            client.close()
