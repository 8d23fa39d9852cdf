#!/usr/bin/env python3
"""A board: MicroPython for Unix behind a pseudo-terminal, with a flash of its own.

    board.py MICROPYTHON DIRECTORY [--heap 48k] [--files lfs|fat] [--main FILE] [--noise SHARE] [--seed N] [--kill BYTES]
             [--circuit]

Prints the path of the port, and ends with its standard input, and if its parent has ended. With `--files` the board has a
file system in the file `DIRECTORY/flash`, and its current directory is the root of that. `--main` is run first, and again
after a soft reset. `--noise` is the share of damaged bytes once the server runs. `--kill`: the board loses its power after
this number of bytes that it received.

As on a board, Ctrl-C interrupts a script unless that has disabled it: while the process has a handler of SIGINT, the byte
becomes that signal. `--circuit`: the board has only the names that CircuitPython has, whose scripts cannot disable Ctrl-C, and changes
line ends as that does.
"""
import argparse
import os
import pty
import random
import select
import signal
import subprocess
import tempfile
import termios
import time
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
# CircuitPython has no native code, and these names are not there.
CIRCUIT = """
import sys, os, time, builtins
def without(module, *names):
    class Module:
        pass
    for name in dir(module):
        if name not in names and name[:2] != '__':
            setattr(Module, name, getattr(module, name))
    sys.modules[module.__name__] = Module
import micropython, select
without(micropython, 'kbd_intr', 'opt_level', 'mem_info', 'heap_lock')
without(time, 'ticks_ms', 'ticks_us', 'ticks_add', 'ticks_diff', 'sleep_ms')
without(os, 'ilistdir')
sys.modules['deflate'] = None
def run(code, run=exec):
    if 'viper' in code or 'native' in code:
        raise SyntaxError('invalid micropython decorator')
    run(code)
builtins.exec = run
early, localtime = 946684800, sys.modules['time'].localtime
def since(seconds):
    if seconds < early:
        raise OverflowError('timestamp out of range for platform time_t')
    return localtime(seconds)
sys.modules['time'].localtime = since
del sys, os, time, builtins, micropython, select, without
"""
# Of each file system: its class, the number and the size of its blocks, and its arguments.
KINDS = {"lfs": ("Lfs2", 256, 4096, ", readsize=256, progsize=256"), "fat": ("Fat", 2048, 512, "")}


def main(scratch):
    options = argparse.ArgumentParser()
    options.add_argument("micropython")
    options.add_argument("directory")
    options.add_argument("--heap", default="48k")
    options.add_argument("--files", choices=("lfs", "fat"))
    options.add_argument("--main")
    options.add_argument("--noise", type=float, default=0.0)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--kill", type=int)
    options.add_argument("--circuit", action="store_true")
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
    if options.circuit:
        boot += CIRCUIT
    if options.main:
        with open(options.main) as file:
            boot += file.read()
    if boot:
        # Beside the flash, if there is one, and not among the files of the board.
        place = options.directory if options.files else scratch
        with open(os.path.join(place, "boot.py"), "w") as file:
            file.write(boot)
        command += ["-i", os.path.join(place, "boot.py")]
    board, its = pty.openpty()
    ours, port = pty.openpty()
    tty.setraw(its)
    tty.setraw(port)

    def start():
        return subprocess.Popen(
            command, stdin=its, stdout=its, stderr=its, start_new_session=True, cwd=options.directory
        )

    process = start()
    print(os.ttyname(port), flush=True)
    parent, chance = os.getppid(), random.Random(options.seed)
    speaks, received, is_at_prompt, has_printed, interrupted = False, 0, False, False, 0.0
    # Found anew where a script may have begun or ended.
    is_interruptible = None

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

    def take(data):
        """The bytes that come from the line, without those that interrupt a script."""
        nonlocal interrupted
        nonlocal is_interruptible
        if 3 in data and is_interruptible is None and has_printed:
            is_interruptible = interruptible(process.pid)
        # Before the first output the process is not a board yet.
        if 3 not in data or has_printed and not is_interruptible:
            return data.replace(b"\r", b"\n") if options.circuit and not is_at_prompt else data
        # A board takes several bytes of Ctrl-C at once for one; the process would end.
        if has_printed and time.monotonic() - interrupted > 0.05:
            interrupted = time.monotonic()
            process.send_signal(signal.SIGINT)
        # A board drops unread bytes.
        termios.tcflush(its, termios.TCIFLUSH)
        return data[data.rindex(3) + 1 :]

    while os.getppid() == parent:
        if process.poll() is not None:
            # Ctrl-D at the prompt ends the process: a soft reset.
            if process.returncode or not has_printed:
                break
            is_at_prompt = has_printed = speaks = False
            process = start()
        for end in select.select([board, ours, 0], [], [], 0.05)[0]:
            data = os.read(end, 4096) if end else os.read(0, 1)
            if end == 0:
                if not data:
                    process.kill()
                    process.wait()
                    return
                continue
            if end == board:
                has_printed = True
                if data.endswith((b">", b" ", b"\n", b"\x04")):
                    is_interruptible = None
                is_at_prompt = data.endswith((b">>> ", b"\x04>", b"CTRL-B to exit\r\n>"))
                if options.circuit and not is_at_prompt:
                    data = data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
                os.write(ours, noisy(data))
                speaks = speaks or b"tinyferry ready" in data
                # A later client pastes again.
                speaks = speaks and not data.endswith(b"CTRL-B to exit\r\n>")
                continue
            data = take(data)
            received += len(data)
            if options.kill is not None and received >= options.kill:
                data = data[: len(data) - (received - options.kill)]
                os.write(board, data)
                # The board works on what it has.
                select.select([], [], [], chance.random() / 100)
                process.kill()
                process.wait()
                return
            if data:
                os.write(board, noisy(data))


def interruptible(pid):
    """Whether the process has a handler of SIGINT."""
    try:
        with open(f"/proc/{pid}/status") as file:
            caught = next(line for line in file if line.startswith("SigCgt:"))
    except (OSError, StopIteration):
        return False
    return int(caught.split()[1], 16) >> (signal.SIGINT - 1) & 1 == 1


with tempfile.TemporaryDirectory() as scratch:
    main(scratch)
