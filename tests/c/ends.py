"""The ends of the tests of the C library: processes with a deadline, the program, and the Python peer."""
import os
import pathlib
import random
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
C = ROOT / "core/c"
# Seconds after which a wait fails.
DEADLINE = 30
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", C / "include"]


def run(*command, code=0, says="", **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120, **options)
    told = f"{command}: {done.returncode} {done.stdout} {done.stderr}"
    assert done.returncode == code and says in done.stderr, told
    return done.stdout.strip()


def content(size, seed):
    return random.Random(seed).randbytes(size)


class Process:
    """A program that ends with its test. With `waits_for` it has begun when its errors have these words."""

    def __init__(self, *command, waits_for=None, **options):
        self.child = subprocess.Popen([str(word) for word in command], stderr=subprocess.PIPE, text=True, **options)
        self.told, self.has_begun = [], threading.Event()
        self.thread = threading.Thread(target=self._read, args=[waits_for])
        self.thread.start()
        if waits_for and not self.has_begun.wait(DEADLINE):
            self.__exit__()
            raise AssertionError(f"{command} does not begin: {self.told}")

    def _read(self, waits_for):
        for line in self.child.stderr:
            self.told.append(line)
            if waits_for and waits_for in line:
                self.has_begun.set()

    def __enter__(self):
        return self.child

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()
        self.thread.join()
        self.child.stderr.close()


def wait_until(is_done, what):
    """Waits for a condition that no event tells of."""
    limit = time.monotonic() + DEADLINE
    while not is_done():
        assert time.monotonic() < limit, f"not in {DEADLINE} s: {what}"
        time.sleep(0.002)


class Program:
    """The program as the other end."""

    name = "the program"
    reasons = {3: "there is no file of that name", 7: "it is neither a file nor a directory",
               17: "takes no files", 18: "gives no files", 27: "symbolic links are not followed"}

    def __init__(self, program):
        self.program = program

    def serve(self, directory, port):
        url = f"serial://{port}"
        return Process(self.program, "serve", directory, "--listen", url, waits_for="serving")

    def put(self, port, name, here, **options):
        return run(self.program, "put", name, "-e", f"serial://{port}", cwd=here, **options)

    def start_put(self, port, name, here):
        return Process(self.program, "put", name, "-e", f"serial://{port}", cwd=here)

    def get(self, port, name, into, here):
        run(self.program, "get", name, "--into", into, "-e", f"serial://{port}", cwd=here)

    def is_refused(self, port, name, here, reason, command="get"):
        run(self.program, command, name, "-e", f"serial://{port}", cwd=here, code=6, says=self.reasons[reason])


class Python:
    """The second implementation as the other end."""

    name = "the Python peer"
    command = [sys.executable, "-m", "tinyferry"]
    source = ROOT / "examples/python/src"
    environment = {**os.environ, "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}

    def serve(self, directory, port):
        return Process(*self.command, "serve", directory, "-e", f"serial://{port}", env=self.environment,
                       stdout=subprocess.DEVNULL)

    def put(self, port, name, here, **options):
        run(*self.command, "put", name, name, "-e", f"serial://{port}", cwd=here, env=self.environment, **options)

    def start_put(self, port, name, here):
        return Process(*self.command, "put", name, name, "-e", f"serial://{port}", cwd=here, env=self.environment)

    def get(self, port, name, into, here):
        (here / into).mkdir(exist_ok=True)
        run(*self.command, "get", name, f"{into}/{name}", "-e", f"serial://{port}", cwd=here, env=self.environment)

    def is_refused(self, port, name, here, reason, command="get"):
        target = name if command == "put" else "none"
        run(*self.command, command, name, target, "-e", f"serial://{port}", cwd=here, env=self.environment, code=1,
            says=f"(reason {reason})")
