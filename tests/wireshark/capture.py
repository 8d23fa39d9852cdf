"""Captures for the tests of the dissector: files of packets, and what tshark shows of them."""
import pathlib
import struct
import subprocess
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
DISSECTOR = ROOT / "core/wireshark/tinyferry.lua"
SIGNALS = (b"SAF", b"SAR", b"RAF", b"RAR", b"CLS", b"DON", b"ERR", b"PIN", b"PON")


def vectors():
    """The vectors of the protocol's page, by name."""
    lines = (ROOT / "core/vectors.txt").read_text().splitlines()
    pairs = (line.split() for line in lines if line[:1] not in ("", "#"))
    return {name: bytes.fromhex(digits) for name, digits in pairs}


def frames(stream):
    """The frames of an undamaged stream, each signal with its metadata."""
    while stream:
        if stream[0] == 0xFA:
            length = 12 + (stream[2] | stream[3] << 8 & 0x700)
        else:
            assert stream[:3] in SIGNALS, stream[:40]
            metadata = stream[6] | stream[7] << 8
            length = 36 + (12 + metadata if metadata else 0)
        yield stream[:length]
        stream = stream[length:]


def signal(seed, code, transfer, position=0, detail=b"", metadata=b""):
    """A signal and its metadata."""
    covered = struct.pack("<3sBHHQ16s", code, 1, transfer, len(metadata), position, detail)
    frame = covered + struct.pack("<I", zlib.crc32(covered, seed))
    return frame + (chunk(seed, transfer, 0, metadata, 0x8000) if metadata else b"")


def chunk(seed, transfer, position, payload, bits=0):
    covered = struct.pack("<BBHI", 0xFA, transfer & 0xFF, len(payload) | bits, position)
    return covered + struct.pack("<I", zlib.crc32(payload, zlib.crc32(covered, seed))) + payload


class Capture:
    """Packets of TCP connections between a client and a server at port 8080, in a file of pcap."""

    def __init__(self, path):
        self.path, self.time, self.connections = path, 0, 0
        self.out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)]

    def connection(self, segments, port=8080):
        """A connection; each segment is the sender (0: the client) and its bytes."""
        self.connections += 1
        ports, sequence = (20_000 + self.connections, port), [1000, 5000]
        for sender, flags, data in [(0, 2, b""), (1, 18, b""), (0, 16, b"")] + [(s, 24, d) for s, d in segments]:
            tcp = struct.pack(">HHIIBBHHH", ports[sender], ports[1 - sender], sequence[sender], sequence[1 - sender],
                              0x50, flags, 65535, 0, 0) + data
            addresses = [b"\x7f\0\0\1", b"\x7f\0\0\2"]
            ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0)
            packet = ip + addresses[sender] + addresses[1 - sender] + tcp
            self.time += 1
            self.out.append(struct.pack("<IIII", self.time, 0, len(packet), len(packet)) + packet)
            sequence[sender] += len(data) + (1 if flags & 2 else 0)

    def write(self):
        self.path.write_bytes(b"".join(self.out))
        return self.path


def tshark(path, *arguments):
    """The output of tshark. A fault of the dissector fails."""
    # The kernel may deliver the packets of one connection to the capture in another order.
    command = ["tshark", "-n", "-r", str(path), "-X", f"lua_script:{DISSECTOR}", "-o",
               "tcp.reassemble_out_of_order:TRUE", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=120)
    assert run.returncode == 0, f"{command}: {run.stderr}"
    for text in (run.stdout, run.stderr):
        at = text.find("Lua")
        assert at < 0, f"{command}: {text[max(at - 200, 0):at + 400]}"
    return run.stdout


def shown(path, names, *arguments):
    """The values of fields, of all frames of all packets, in order."""
    fields = [argument for name in names for argument in ("-e", name)]
    options = ["-E", "occurrence=a", "-E", "aggregator=\x1f", "-E", "separator=\x1e"]
    output = tshark(path, "-T", "fields", *options, *fields, *arguments)
    rows = [line.split("\x1e") for line in output.rstrip("\n").split("\n")]
    return {name: [value for row in rows for value in row[index].split("\x1f") if value]
            for index, name in enumerate(names)}
