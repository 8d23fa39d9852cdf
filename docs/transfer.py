#!/usr/bin/env python3
"""Draws docs/transfer.svg: a terminal with the commands of a real transfer and all that they print.

docs/transfer.py PROGRAM, with nothing else at port 8080. Unix only.
"""
import os
import pathlib
import pty
import re
import subprocess
import sys
import tempfile
import time
from xml.sax.saxutils import escape

HERE = pathlib.Path(__file__).resolve().parent
# Each command, and whether it is interrupted in the middle.
COMMANDS = [("put src photo.jpg --to backup", False), ("put disk.img", True), ("put disk.img", False),
            ("ls", False), ("get backup/src --into /tmp", False)]
CELL, LINE, TOP, LEFT = 8.0, 20, 52, 18


def shown(output):
    """The lines that a terminal shows after this output."""
    lines = []
    for line in output.replace("\r\n", "\n").split("\n"):
        # The state of a transfer erases its line, and is replaced.
        line = re.split(r"\r\x1b\[J|\r", line)[-1]
        lines.append(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line).rstrip())
    return [line for line in lines if line]


def run(program, command, is_interrupted, directory):
    arguments = command.replace("/tmp", directory + "/tmp").split()
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(directory)
        os.execv(program, ["tinyferry", *arguments])
    output = b""
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:
            break
        if not part:
            break
        output += part
        if is_interrupted and re.search(rb"[1-9]\d\d\.\d+ MiB/\d", output):
            os.write(terminal, b"\x03")
            is_interrupted = False
    os.waitpid(child, 0)
    return shown(output.decode())


def record(program):
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        for name in ("incoming", "tmp", "src"):
            (root / name).mkdir()
        (root / "photo.jpg").write_bytes(os.urandom(4_200_000))
        (root / "disk.img").write_bytes(os.urandom(250_000_000))
        for name, size in (("main.rs", 9_120), ("lib.rs", 31_400), ("args.rs", 12_077)):
            (root / "src" / name).write_bytes(os.urandom(size))
        server = subprocess.Popen([program, "serve", root / "incoming"], stderr=subprocess.DEVNULL)
        try:
            time.sleep(1)
            yield "serve ~/incoming &", []
            for command, is_interrupted in COMMANDS:
                yield command, run(program, command, is_interrupted, directory)
        finally:
            server.terminate()
            server.wait()


def main():
    rows = []
    for command, output in record(str(pathlib.Path(sys.argv[1]).resolve())):
        rows.append(("#7ee787", "$ ", "tinyferry " + command))
        rows += [("", "", line) for line in output]
    width = max(max(len(a + b) for _, a, b in rows) * CELL + 2 * LEFT, 640)
    height = TOP + LINE * len(rows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" viewBox="0 0 {width:.0f} {height}">',
        '<rect width="100%" height="100%" rx="8" fill="#22272e"/>',
        *(f'<circle cx="{20 + 18 * n}" cy="18" r="6" fill="{c}"/>' for n, c in enumerate(("#f47067", "#daaa3f", "#57ab5a"))),
        '<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="13" xml:space="preserve" fill="#adbac7">',
    ]
    for number, (colour, prompt, line) in enumerate(rows):
        start = f'<tspan fill="{colour}">{prompt}</tspan><tspan fill="#ffffff">' if prompt else "<tspan>"
        parts.append(f'<text x="{LEFT}" y="{TOP + LINE * number}">{start}{escape(line)}</tspan></text>')
    (HERE / "transfer.svg").write_text("\n".join([*parts, "</g>", "</svg>", ""]))


if __name__ == "__main__":
    main()
