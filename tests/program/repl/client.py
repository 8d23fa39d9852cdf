"""The client in Python with a board that runs MicroPython: `client.py PORT reliable|lossy TASK [SEED SERVED]`.

It starts the server for boards by the prompt, as the program does, and then runs a task: `everything`, `refusals`, or
`cuts`, a put and a get that are cut at a byte that follows from the seed, and continue; the board serves SERVED.
"""
import contextlib
import pathlib
import random
import sys
import time

import tinyferry
from tinyferry.endpoint import open_link

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from everything import exchange  # noqa: E402

SERVER = HERE.parents[2] / "std-adapter/src/transport/repl/peer.min.py"
# More bytes of Ctrl-C than a frame has end the server, and a program.
INTERRUPT = b"\3" * 1100
DEADLINE = 30
port, is_lossy, task = sys.argv[1], sys.argv[2] == "lossy", sys.argv[3]


class Cut:
    """A link that is cut after a number of bytes in one direction."""

    def __init__(self, link, sent=None, received=None):
        self.link, self.sent, self.received = link, sent, received
        self.is_lossy, self.gap = link.is_lossy, link.gap

    def read(self, timeout):
        data = self.link.read(timeout)
        if self.received is not None and data:
            self.received -= len(data)
            if self.received < 0:
                raise tinyferry.LinkError("cut")
        return data

    def write(self, data):
        if self.sent is not None:
            self.sent -= len(data)
            if self.sent < 0:
                self.link.write(data[:self.sent])
                raise tinyferry.LinkError("cut")
        self.link.write(data)

    def close(self):
        pass


def wait_for(link, text):
    found, end = b"", time.monotonic() + DEADLINE
    while text not in found:
        assert time.monotonic() < end, f"the board does not say {text}: {found[-300:]}"
        found += link.read(0.1) or b""
    return found


def start_server(link):
    """Sends the server by the raw REPL, one piece after another."""
    link.write(b"\r" + INTERRUPT + b"\r\1")
    wait_for(link, b"raw REPL; CTRL-B to exit\r\n>")
    settings = f"BEFORE=dir();ROOT='';LOSSY={int(is_lossy)}\n"
    *pieces, last = SERVER.read_text().split("\n#\n")
    for piece in [settings, *pieces]:
        link.write(piece.encode() + b"\4")
        answer = wait_for(link, b"\4>")
        assert answer.startswith(b"OK\4\4"), answer
    link.write(last.encode() + b"\4")
    wait_for(link, b"tinyferry ready\n")


@contextlib.contextmanager
def connected(sent=None, received=None):
    link = open_link(f"serial://{port}?lossy={str(is_lossy).lower()}", 10)
    try:
        start_server(link)
        yield tinyferry.Client(Cut(link, sent, received))
    finally:
        # Also after a cut, in the middle of a frame.
        link.write(INTERRUPT)
        link.close()


def refusals():
    with connected() as client:
        client.mkdir("directory")
        for reason, call in ((3, lambda: client.get("missing")), (3, lambda: client.mv("no", "yes")),
                             (5, lambda: client.put("file", "directory")), (6, lambda: client.put("file", "file/x")),
                             (19, client.close_server)):
            client.put("file")
            try:
                call()
            except tinyferry.Refused as error:
                assert error.reason == reason, error
            else:
                raise AssertionError(f"nothing was refused with reason {reason}")


def cuts(seed):
    chance = random.Random(seed)
    content = chance.randbytes(60_000)
    pathlib.Path("cut").write_bytes(content)
    moves = (("sent", lambda client: client.put("cut")), ("received", lambda client: client.get("cut", "back")))
    for direction, move in moves:
        cut = chance.randrange(20_000, 55_000)
        try:
            with connected(**{direction: cut}) as client:
                move(client)
        except tinyferry.LinkError as error:
            assert str(error) == "cut", error
        else:
            raise AssertionError("the link was not cut")
        with connected() as client:
            report = move(client)
        assert cut * 0.8 - 13_000 < report.resumed <= cut, (direction, cut, report)
    assert pathlib.Path("back").read_bytes() == content
    # The board has a partial of another file: it has one name for those of a directory.
    pathlib.Path("other").write_bytes(content)
    pathlib.Path(sys.argv[5], ".tinyferry-part").write_bytes(chance.randbytes(30_000))
    with connected() as client:
        assert client.put("other").resumed == 0
        client.get("other", "other back")
    assert pathlib.Path("other back").read_bytes() == content


if task == "everything":
    with connected() as client:
        exchange(client, is_lossy)
elif task == "refusals":
    refusals()
else:
    cuts(int(sys.argv[4]))
