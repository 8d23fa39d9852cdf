"""`python3 -m tinyferry`: the client and the server for a terminal and for tests."""
from __future__ import annotations

import argparse
import logging
import sys

from .client import Client
from .endpoint import open_link
from .errors import Error
from .link import Stream
from .server import Connection, Options, Server
from .wire import HOLES

COMMANDS = "put, get, ls, rm, mv, mkdir, df, stat, ping, compare, close, serve"


def show(line: str) -> None:
    print(line, file=sys.stderr)


def features_of(given: argparse.Namespace) -> int:
    return 0 if given.no_holes else HOLES


def run(client: Client, given: argparse.Namespace) -> None:
    """Runs the command of a client."""
    source, target = (given.paths + ["", ""])[:2]
    command = given.command
    if command == "put":
        client.put(source, target, links=given.links)
    elif command == "get":
        client.get(source, target, links=given.links)
    elif command == "ls":
        for entry in client.ls(source, recursive=given.recursive):
            print(entry.name + "/" * entry.is_directory, "" if entry.is_directory else entry.size)
    elif command == "rm":
        client.rm(source, recursive=given.recursive)
    elif command == "mv":
        client.mv(source, target)
    elif command == "mkdir":
        client.mkdir(source)
    elif command == "df":
        space = client.df(source)
        print(space.free, space.total)
    elif command == "stat":
        found = client.stat(source)
        print("directory" if found.is_directory else found.size)
    elif command == "compare":
        print("the same" if client.is_same(source, target, links=given.links) else "different")
    elif command == "close":
        client.close_server()
    else:
        print(f"{client.ping() * 1000:.1f} ms")


def serve(given: argparse.Namespace) -> None:
    """Serves a directory until a client closes the server."""
    root, features = given.paths[0] if given.paths else ".", features_of(given)
    options = Options(root, allow_remove=given.allow_remove, allow_close=given.allow_close, links=given.links,
                      read_only=given.read_only, write_only=given.write_only, names=not given.no_names,
                      features=features, log=show)
    if given.stdio:
        link = Stream.of_files(0, 1, given.lossy)
        try:
            Connection(link, options).run()
        finally:
            link.close()
        return
    with Server(given.endpoint, options, given.insecure) as server:
        print(server.url, flush=True)
        server.wait()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m tinyferry", description="Moves files over any byte stream.")
    parser.add_argument("command", choices=COMMANDS.split(", "))
    parser.add_argument("paths", nargs="*", help="source and target; for serve, the directory")
    parser.add_argument("-e", "--endpoint", default="tcp://127.0.0.1:8080", help="URL of the server")
    parser.add_argument("--timeout", type=float, default=30, help="seconds that the server may take to answer")
    parser.add_argument("--recursive", action="store_true", help="all levels of directories")
    parser.add_argument("--links", action="store_true", help="symbolic and hard links, of trees")
    parser.add_argument("--stdio", action="store_true", help="serve on the standard streams")
    parser.add_argument("--lossy", action="store_true", help="the standard streams may lose bytes")
    parser.add_argument("--insecure", action="store_true", help="serve at an address that other machines can reach")
    parser.add_argument("-v", "--verbose", action="store_true", help="the signals of both ends on standard error")
    parser.add_argument("--read-only", action="store_true", help="serve, and take no files")
    parser.add_argument("--write-only", action="store_true", help="serve, and give no files")
    parser.add_argument("--allow-close", action="store_true", help="serve, and let clients end the server")
    parser.add_argument("--allow-remove", action="store_true", help="serve, and let clients remove and rename")
    # Older ends have no holes and no listings.
    parser.add_argument("--no-holes", action="store_true", help="without holes of sparse files")
    parser.add_argument("--no-names", action="store_true", help="serve without listings")
    given = parser.parse_intermixed_args()
    if given.verbose:
        logging.basicConfig(level=logging.DEBUG, format="%(asctime)s.%(msecs)03d %(message)s", datefmt="%H:%M:%S")
    try:
        if given.command == "serve":
            serve(given)
        else:
            link = open_link(given.endpoint, given.timeout)
            with Client(link, given.timeout, features_of(given)) as client:
                run(client, given)
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        show(f"error: {error.filename!r}: {error.strerror}" if error.filename else f"error: {error}")
        return 1
    except (Error, ValueError) as error:
        show(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
