"""A serial line between two pseudo-terminals, with noise by seed and a rate."""
import os
import pty
import random
import select
import threading
import time
import tty


class Line:
    """A line; `noise` is the probability that a byte is changed, lost or doubled, `rate` the bytes in a second."""

    def __init__(self, noise=0.0, seed=1, rate=4_000_000):
        self.ends = [pty.openpty() for _ in range(2)]
        for _, slave in self.ends:
            # It stays open, so that a program may leave and come back.
            tty.setraw(slave)
        self.noise, self.rate, self.numbers, self.passed, self.is_over = (
            noise, rate, random.Random(seed), [0, 0], False)
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def port(self, end):
        return os.ttyname(self.ends[end][1])

    def _damaged(self, data):
        if not self.noise:
            return data
        out = bytearray()
        for byte in data:
            if self.numbers.random() < self.noise:
                fault = self.numbers.randrange(3)
                out += (bytes([byte ^ 1 << self.numbers.randrange(8)]), b"", bytes([byte, byte]))[fault]
            else:
                out.append(byte)
        return bytes(out)

    def _run(self):
        masters = [master for master, _ in self.ends]
        while not self.is_over:
            for master in select.select(masters, [], [], 0.05)[0]:
                end = masters.index(master)
                data = os.read(master, 4096)
                self.passed[end] += len(data)
                time.sleep(len(data) / self.rate)
                data = self._damaged(data)
                while data and not self.is_over:
                    if select.select([], [masters[1 - end]], [], 0.05)[1]:
                        data = data[os.write(masters[1 - end], data[:512]):]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.is_over = True
        self.thread.join()
        for end in self.ends:
            for descriptor in end:
                os.close(descriptor)
