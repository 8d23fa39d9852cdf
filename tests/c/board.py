"""Images of the examples for Cortex-M0, and the board of QEMU that runs them."""
import socket

from ends import C, WARNINGS, Process, run, wait_until

BARE = ["-mcpu=cortex-m0", "-mthumb", "-ffreestanding", "-Os", "-ffunction-sections", "-fdata-sections"]


def build_image(place, source, symbol, *defines):
    """An image with a symbol of the library, and without a panic, an allocation or a `double`."""
    library, image = run(C / "build", "thumbv6m-none-eabi"), place / f"{symbol}.elf"
    link = ["-nostdlib", "-Wl,--gc-sections,-z,noexecstack", "-T", C / "examples/board.ld"]
    sources = [C / "examples" / source, C / "examples/mps2.c"]
    run("arm-none-eabi-gcc", "-std=c11", *WARNINGS, *BARE, *defines, *link, *sources, library, "-o", image)
    symbols = run("arm-none-eabi-nm", image)
    assert symbol in symbols
    for word in ("panic", "malloc", "__rust_alloc", "__aeabi_dadd", "__aeabi_dmul"):
        assert word not in symbols, f"the image holds {word}"
    return image


def size_of(image):
    return run("arm-none-eabi-size", image).splitlines()[1].split()[:3]


class Board:
    """A board of QEMU whose UART is the URL that the context gives."""

    def __init__(self, image):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        serial = f"tcp:127.0.0.1:{self.port},server=on,wait=off,nodelay=on"
        self.process = Process("qemu-system-arm", "-M", "mps2-an385", "-display", "none", "-monitor", "none", "-serial",
                               serial, "-kernel", image)

    def _answers(self):
        with socket.socket() as trial:
            return trial.connect_ex(("127.0.0.1", self.port)) == 0

    def __enter__(self):
        try:
            wait_until(self._answers, "the UART of the board")
        except BaseException:
            self.process.__exit__()
            raise
        return f"tcp://127.0.0.1:{self.port}?lossy=true"

    def __exit__(self, *_):
        self.process.__exit__()
