#!/usr/bin/env python3
"""A board: MicroPython for Unix behind a pseudo-terminal, with a flash of its own.

    board.py MICROPYTHON DIRECTORY [--heap 48k] [--files lfs|fat] [--main FILE] [--noise SHARE] [--seed N] [--kill BYTES]

Prints the path of the port, and ends with its standard input. With `--files` the board has a file system in the file
`DIRECTORY/flash`, and its current directory is the root of that. `--main` is run first. `--noise` is the share of
damaged bytes once the server runs. `--kill`: the board loses its power after this number of bytes that it received.
"""
import argparse
import os
import pty
import random
import select
import signal
import subprocess
import sys
import tty

BOOT = """
import vfs, os
class Flash:
    def __init__(self):
        self.file = open('flash', 'r+b')
    def readblocks(self, block, data, at=0):
        self.file.seek(BLOCK * block + at)
        self.file.readinto(data)
    def writeblocks(self, block, data, at=0):
        self.file.seek(BLOCK * block + at)
        self.file.write(data)
        self.file.flush()
    def ioctl(self, what, _):
        return {4: BLOCKS, 5: BLOCK}.get(what, 0)
flash = Flash()
if MAKES:
    vfs.VfsKIND.mkfs(flashSIZES)
vfs.mount(vfs.VfsKIND(flashSIZES), '/disk')
os.chdir('/disk')
"""
# Of each file system: its class, the number and the size of its blocks, and its arguments.
KINDS = {"lfs": ("Lfs2", 256, 4096, ", readsize=256, progsize=256"), "fat": ("Fat", 2048, 512, "")}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("micropython")
    options.add_argument("directory")
    options.add_argument("--heap", default="48k")
    options.add_argument("--files", choices=("lfs", "fat"))
    options.add_argument("--main")
    options.add_argument("--noise", type=float, default=0.0)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--kill", type=int)
    options = options.parse_args()
    command = [options.micropython, "-X", f"heapsize={options.heap}"]
    boot = ""
    if options.files:
        flash = os.path.join(options.directory, "flash")
        makes = not os.path.exists(flash)
        kind, blocks, size, arguments = KINDS[options.files]
        if makes:
            with open(flash, "wb") as file:
                file.truncate(blocks * size)
        boot = BOOT.replace("KIND", kind).replace("SIZES", arguments).replace("MAKES", str(makes))
        boot = boot.replace("BLOCKS", str(blocks)).replace("BLOCK", str(size))
    if options.main:
        with open(options.main) as file:
            boot += file.read()
    if boot:
        path = os.path.join(options.directory, "boot.py")
        with open(path, "w") as file:
            file.write(boot)
        command += ["-i", "boot.py"]
    board, its = pty.openpty()
    ours, port = pty.openpty()
    tty.setraw(its)
    tty.setraw(port)
    process = subprocess.Popen(
        command, stdin=its, stdout=its, stderr=its, start_new_session=True, cwd=options.directory
    )
    print(os.ttyname(port), flush=True)
    chance = random.Random(options.seed)
    speaks, received = False, 0
    # The terminal passes Ctrl-C as a byte; a board interrupts its program. Before that prints, the process has not
    # started, and a second signal would end it.
    runs_program, has_printed, is_interrupted = bool(options.main), False, False

    def noisy(data):
        if not speaks or not options.noise:
            return data
        made = bytearray()
        for byte in data:
            what = chance.random() / options.noise
            if what > 1:
                made.append(byte)
            elif what > 0.3:
                made.append(byte ^ 1 << chance.randrange(8))
        return bytes(made)

    while process.poll() is None:
        for end in select.select([board, ours, 0], [], [], 0.5)[0]:
            data = os.read(end, 4096) if end else os.read(0, 1)
            if end == 0:
                if not data:
                    process.kill()
                continue
            if end == board:
                os.write(ours, noisy(data))
                has_printed = True
                runs_program = runs_program and not data.endswith(b">>> ")
                speaks = speaks or b"tinyferry ready" in data
                # A later client pastes again.
                speaks = speaks and not data.endswith(b"CTRL-B to exit\r\n>")
                continue
            if runs_program:
                if 3 in data and has_printed and not is_interrupted:
                    process.send_signal(signal.SIGINT)
                    is_interrupted = True
                continue
            received += len(data)
            if options.kill is not None and received >= options.kill:
                data = data[: len(data) - (received - options.kill)]
                os.write(board, data)
                # The board works on what it has.
                select.select([], [], [], chance.random() / 100)
                process.kill()
                process.wait()
                break
            os.write(board, noisy(data))
    process.wait()


main()
