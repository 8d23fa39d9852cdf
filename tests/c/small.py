"""The small receiver and the small sender of the library: on a serial line with noise by seed, and on a board."""
import random
import subprocess

from board import Board, build_image, size_of
from ends import Process, content, run, wait_until
from line import Line


def start(tiny, line, seed, *words, cwd):
    """With an even seed in a loop of its own, step by step."""
    steps = [] if seed % 2 else ["-s"]
    return Process(tiny, *steps, line.port(0), *words, cwd=cwd, stdout=subprocess.DEVNULL)


def its_receiver_works_with(peer, place, tiny, noise, seed):
    served, here = place / "served", place / "here"
    served.mkdir(parents=True), here.mkdir()
    with Line(noise, seed) as line, start(tiny, line, seed, "receive", "image", cwd=served):
        port = line.port(1)
        (here / "other").write_bytes(b"other")
        for size in (60_000, 0, 1, 1025, 256):
            (here / "image").write_bytes(content(size, seed))
            peer.put(port, "image", here)
            assert (served / "image").read_bytes() == content(size, seed)
            peer.is_refused(port, "other", here, 3, "put")
        peer.is_refused(port, "image", here, 18)
        assert [path.name for path in served.iterdir()] == ["image"]


def its_sender_works_with(peer, place, tiny, noise, seed):
    served, here = place / "served", place / "here"
    served.mkdir(parents=True), here.mkdir()
    with Line(noise, seed) as line, start(tiny, line, seed, "send", "log", cwd=served):
        port = line.port(1)
        peer.is_refused(port, "log", here, 3)
        (here / "file").write_bytes(b"content")
        for size in (60_000, 0, 1, 1025, 256):
            (served / "log").write_bytes(content(size, seed))
            peer.get(port, "log", f"back {size}", here)
            assert (here / f"back {size}" / "log").read_bytes() == content(size, seed)
            peer.is_refused(port, "absent", here, 3)
        peer.is_refused(port, "file", here, 17, "put")


def its_receiver_continues(peer, place, tiny, seed):
    """A put that was cut, at both ends; and the prefix of another image."""
    served, here, size = place / f"served small {peer.name} {seed}", place / f"here small {peer.name} {seed}", 200_000
    served.mkdir(), here.mkdir()
    (here / "image").write_bytes(content(size, seed))
    cut = random.Random(seed).randrange(100_000, 150_000)
    with Line(rate=1_000_000) as line:
        port = line.port(1)
        with start(tiny, line, seed, "receive", "image", cwd=served), peer.start_put(port, "image", here) as client:
            wait_until(lambda: line.passed[1] >= cut or client.poll() is not None, "the bytes before the cut")
            assert client.poll() is None and not (served / "image").exists()
        kept, begin = (served / "image.part").stat().st_size, line.passed[1]
        assert kept > cut / 2
        with start(tiny, line, seed, "receive", "image", cwd=served):
            peer.put(port, "image", here)
            assert (served / "image").read_bytes() == content(size, seed)
            # Each chunk of 256 bytes has a header of 12; the other signals and repeated chunks are few.
            sent = line.passed[1] - begin
            assert sent < (size - kept + 1024) * 1.1 + 20_000, f"{kept} bytes were there, and {sent} were sent"
            # The size, and so the prefix that is offered, is the same.
            (served / "image.part").write_bytes(content(150 * 1024, seed + 1))
            (here / "image").write_bytes(content(size, seed + 2))
            peer.put(port, "image", here)
            assert (served / "image").read_bytes() == content(size, seed + 2)


def its_receiver_runs_on_a_board(place, program):
    """A boot loader. The image in its memory is proven when it comes again: then its digest crosses, and no content."""
    image, here = build_image(place, "boot_loader.c", "tinyferry_receiver_serve"), place / "loader"
    here.mkdir()
    with Board(image) as url:
        for size in (30_000, 0, 65_536):
            (here / "image.bin").write_bytes(content(size, size))
            run(program, "put", "image.bin", "-e", url, cwd=here)
            again = run(program, "put", "image.bin", "-e", url, cwd=here)
            assert not size or "1 was the same" in again or "unchanged" in again, again
        for name, size in (("image.bin", 65_537), ("other", 10)):
            (here / name).write_bytes(bytes(size))
            run(program, "put", name, "-e", url, cwd=here, code=6)
    return size_of(image)


def its_sender_runs_on_a_board(place, program):
    image, here = build_image(place, "boot_loader.c", "tinyferry_sender_serve", "-DSENDER"), place / "logger"
    here.mkdir()
    with Board(image) as url:
        for into in ("a", "b"):
            run(program, "get", "image.bin", "--into", into, "-e", url, cwd=here)
            expected = bytes((at ^ at >> 8) & 0xFF for at in range(65_535))
            assert (here / into / "image.bin").read_bytes() == expected
        run(program, "get", "absent", "-e", url, cwd=here, code=6)
    return size_of(image)
