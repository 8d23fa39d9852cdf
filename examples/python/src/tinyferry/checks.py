"""Digests: CRC-64 of files (R4), of zeros (section 13) and of directories (R86)."""
from __future__ import annotations

import sys
from functools import lru_cache
from typing import Tuple, Union

ALL_ONES = 2**64 - 1
POLYNOMIAL = 0x9A6C9329AC4BC9B5
Data = Union[bytes, bytearray, memoryview]


def _table() -> Tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return tuple(table)


TABLE = _table()


@lru_cache(maxsize=None)
def _table_of_pairs() -> Tuple[int, ...]:
    return tuple(TABLE[TABLE[low] & 0xFF ^ high] ^ TABLE[low] >> 8 for high in range(256) for low in range(256))


def crc64(data: Data, start: int = 0) -> int:
    """CRC-64/NVME of `data`, continued from the digest `start`."""
    crc = ~start & ALL_ONES
    view, even = memoryview(data), 0
    if len(view) >= 64 and sys.byteorder == "little":
        # Two bytes at a time take half the time.
        pairs, even = _table_of_pairs(), len(view) & ~1
        for pair in view[:even].cast("B").cast("H"):
            crc = crc >> 16 ^ pairs[(crc ^ pair) & 0xFFFF]
    for byte in view[even:]:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return ~crc & ALL_ONES


def _times(a: int, b: int) -> int:
    """The product of two reflected polynomials, modulo that of the CRC-64."""
    product = 0
    for bit in range(63, -1, -1):
        product ^= b if a >> bit & 1 else 0
        b = b >> 1 ^ (POLYNOMIAL if b & 1 else 0)
    return product


def crc64_zeros(count: int, start: int = 0) -> int:
    """CRC-64/NVME of `count` zeros, continued from the digest `start`: each multiplies the state by x^8."""
    crc, factor = ~start & ALL_ONES, 1 << 55
    while count:
        crc = _times(crc, factor) if count & 1 else crc
        factor, count = _times(factor, factor), count >> 1
    return ~crc & ALL_ONES


def mix(z: int) -> int:
    """The function of the same name of R86."""
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & ALL_ONES
    z = (z ^ z >> 27) * 0x94D049BB133111EB & ALL_ONES
    return z ^ z >> 31


def hash_of(record: bytes, salt: int) -> int:
    """The hash of an entry of a directory (R86)."""
    return mix(crc64(record) ^ salt * 0x9E3779B97F4A7C15 & ALL_ONES)
