"""A second Tinyferry peer, written from core/PROTOCOL.md alone, for reliable links over TCP."""
import argparse
import os
import secrets
import socket
import struct
import sys

from .halves import Receiver, Sender
from .operations import (CONTENT, INDEX_MAX, LINKS, MODE, NOT_DIRECTORY, REMOVE, RENAME, SIZE, TIME, Refused, digest_of,
                        hashes, query)
from .wire import (BAD_PATH, HOLES, PAYLOAD, UNKNOWN, UNSUPPORTED, VERSION, Chunk, Failed, Hole, Wire, metadata_of,
                  metadata_with, done, hello,
                  is_sound, refusal)

VERSION_DIFFERS, NOT_FOUND, IS_DIRECTORY, NOT_REGULAR, NOT_ALLOWED = 2, 3, 5, 7, 19


def under(root):
    """Places below `root`, through no symbolic link."""
    def place(*names):
        path = root
        for name in "/".join(names).split("/"):
            path = os.path.join(path, name)
            if os.path.islink(path):
                raise Refused(NOT_REGULAR)
        return path
    return place


def serve(wire, root, may_close, may_remove, makes_links, features):
    """One client, until it leaves. Whether it closed the server."""
    place = under(root)
    has_session = False
    while True:
        frame = wire.receive()
        is_hello = not isinstance(frame, (Chunk, Hole)) and (frame.code, frame.transfer) == (b"PIN", 0)
        if not has_session and not is_hello:
            raise Failed("the other end does not speak Tinyferry")
        has_session = True
        if isinstance(frame, (Chunk, Hole)):
            continue
        code, number = frame.code, frame.transfer
        try:
            if code == b"PIN" and number == 0:
                session, version, _, wanted, size, _, credit = struct.unpack("<IBBHHBxH2x", frame.detail)
                if version == 0:
                    wire.send(b"ERR", 0, 0, refusal(VERSION_DIFFERS, session))
                    return False
                wire.agree(session, False, size, credit, wanted & features)
                wire.send(b"PON", 0, 0, hello(session, wire.chunk, features=wanted & features))
            elif code in (b"SAF", b"SAR"):
                Receiver(wire, place, may_remove, makes_links).run(frame)
            elif code in (b"RAF", b"RAR"):
                path = place(frame.text) if is_sound(frame.text) else None
                if path is None or frame.detail[0] & 1:
                    raise Refused(UNSUPPORTED if path else frame.reason or BAD_PATH)
                if not os.path.exists(path):
                    raise Refused(NOT_FOUND)
                if os.path.isdir(path) != (code == b"RAR"):
                    raise Refused(IS_DIRECTORY if code == b"RAF" else NOT_DIRECTORY)
                sender = Sender(wire, number)
                (sender.all if code == b"RAR" else sender.one)(path, frame.text)
            elif code == b"CLS":
                if not may_close:
                    raise Refused(NOT_ALLOWED)
                wire.send(b"DON", number, 0, done(0))
                return True
        except Refused as error:
            wire.send(b"ERR", number, 0, refusal(error.args[0]))


def connect(port, own):
    wire = Wire(socket.create_connection(("127.0.0.1", port)))
    session = secrets.randbelow(2**32 - 1) + 1
    wire.send(b"PIN", 0, 0, hello(session, features=own))
    frame = wire.receive()
    if isinstance(frame, Chunk) or frame.transfer != 0 or frame.code not in (b"PON", b"ERR"):
        raise Failed("the other end does not speak Tinyferry")
    if frame.code == b"ERR":
        raise Refused(*struct.unpack_from("<H", frame.detail))
    answered, version, _, features, size, k, credit = struct.unpack("<IBBHHBxH2x", frame.detail)
    fits = features & ~own == 0 and k <= 2 and 256 << k <= size <= PAYLOAD and credit > 0
    if (answered, version) != (session, VERSION) or not fits:
        raise Failed("the other end chose terms that are not known here")
    wire.agree(session, True, min(size, PAYLOAD), credit, features)
    return wire


def ask(wire, code, remote, place, links=False):
    """Asks for a file or a tree, and receives it. The client numbers its requests from 1."""
    wire.send(code, 1, 0, b"", metadata_with(0x81, b"\0\0\3", remote) if links else metadata_of(remote))
    frame = wire.receive()
    if frame.code == b"ERR":
        raise Refused(*struct.unpack_from("<H", frame.detail))
    return Receiver(wire, place, makes_links=links).run(frame)


def compare(wire, root, name, links):
    """Whether a directory is the same here and there, by two digests of all facts. The index is checked too."""
    facts, granularity, salt = SIZE | TIME | MODE | CONTENT | LINKS * links, 0, secrets.randbits(32)
    own = digest_of(root, facts, granularity, salt)
    sender = Sender(wire, 1)
    answer = sender.look(name, query(facts, granularity, salt))
    same = (answer.position, *struct.unpack("<2xBB4xQ", answer.detail)) == (own[0], facts, granularity, own[1])
    # With another digest the index comes.
    answer = sender.look(name, query(facts, granularity, salt, own[1] + 1 & UNKNOWN))
    index = [value >> 32 for value in sorted(hashes(root, facts, granularity, salt))]
    fits = len(index) <= INDEX_MAX
    if same and fits and answer.index != b"".join(struct.pack("<I", value) for value in index):
        raise Failed("the index is another one")
    print("the same" if same else "different")
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=["put", "get", "put-tree", "get-tree", "compare", "rm", "mv", "ping", "close",
                                         "serve"])
    parser.add_argument("paths", nargs="*", help="source and target; for serve, the directory")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--allow-close", action="store_true")
    parser.add_argument("--allow-remove", action="store_true")
    parser.add_argument("--links", action="store_true", help="symbolic and hard links, of trees")
    parser.add_argument("--no-holes", action="store_true")
    given = parser.parse_args()
    features = 0 if given.no_holes else HOLES
    if given.task == "serve":
        listener = socket.create_server(("127.0.0.1", given.port))
        print(listener.getsockname()[1], flush=True)
        is_closed = False
        while not is_closed:
            connection, _ = listener.accept()
            try:
                is_closed = serve(Wire(connection), given.paths[0], given.allow_close, given.allow_remove,
                                  given.links, features)
            except EOFError:
                pass
            except (Failed, OSError) as error:
                print(error, file=sys.stderr)
            connection.close()
        return True
    wire = connect(given.port, features)
    source, target = (given.paths + ["", ""])[:2]
    if given.task == "put":
        return Sender(wire, 1).one(source, target)
    if given.task == "put-tree":
        return Sender(wire, 1, given.links).all(source, target)
    if given.task == "get":
        return ask(wire, b"RAF", source, lambda *_: target)
    if given.task == "get-tree":
        return ask(wire, b"RAR", source, lambda _, *entry: under(target)(*entry) if entry else target,
                   given.links)
    if given.task == "rm":
        return Sender(wire, 1).operate(source, bytes([REMOVE])).code == b"DON"
    if given.task == "mv":
        return Sender(wire, 1).operate(target, bytes([RENAME]) + source.encode()).code == b"DON"
    if given.task == "compare":
        return compare(wire, source, target, given.links)
    if given.task == "close":
        wire.send(b"CLS", 1)
        return wire.receive().code == b"DON"
    return True


if __name__ == "__main__":
    try:
        sys.exit(0 if main() else 1)
    except (Failed, EOFError) as error:
        sys.exit(str(error) or "the other end left")
    except Refused as error:
        sys.exit(f"refused with reason {error.args[0]}")
