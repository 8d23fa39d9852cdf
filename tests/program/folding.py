#!/usr/bin/env python3
"""A file system in memory that takes names for one that differ in case or in how an accent is written.

`folding.py DIRECTORY` mounts it there, says `ready` and serves it until it is unmounted. It speaks
to the kernel through /dev/fuse itself and needs no library. More arguments: `permissions` lets the
kernel check permission bits, `fsync=NUMBER` refuses to synchronise a file or a directory by this error,
`fsyncdir=NUMBER` a directory only, `keep=NAME` lets nothing else be removed or renamed while a file of
this name is at the top, `unit=NANOSECONDS` rounds times down, `mode=OCTAL` gives all files these bits,
`free=BLOCKS` says how many blocks of 4 KiB are free.
"""
import ctypes
import errno
import os
import stat
import struct
import sys
import time
import unicodedata

MAX_WRITE = 128 * 1024
ATTRIBUTES = struct.Struct("<QQQQQQIIIIIIIIII")


class Refused(Exception):
    pass


class Node:
    unit, fixed_mode = 1, None

    def __init__(self, number, mode, owner=(0, 0)):
        self.number, self.mode, self.owner = number, mode, owner
        self.data, self.names, self.modified = bytearray(), {}, time.time_ns()

    def attributes(self):
        modified = self.modified - self.modified % self.unit
        size, seconds, rest = len(self.data), modified // 10**9 % 2**64, modified % 10**9
        mode = self.mode
        if self.fixed_mode is not None and stat.S_ISREG(mode):
            mode = stat.S_IFREG | self.fixed_mode
        links = 2 if stat.S_ISDIR(self.mode) else 1
        return ATTRIBUTES.pack(self.number, size, size // 512, seconds, seconds, seconds, rest, rest, rest,
                               mode, links, *self.owner, 0, 4096, 0)

    def entry(self):
        return struct.pack("<QQQQII", self.number, 0, 0, 0, 0, 0) + self.attributes()


def folded(name):
    return unicodedata.normalize("NFC", name.decode()).casefold()


def text(data):
    return data.split(b"\0", 1)[0]


class Folding:
    def __init__(self, syncs, keep, free):
        self.nodes = {1: Node(1, stat.S_IFDIR | 0o755)}
        self.last, self.syncs, self.keep, self.free, self.caller = 1, syncs, keep, free, (0, 0)

    def make(self, above, name, mode):
        if folded(name) in above.names:
            raise Refused(errno.EEXIST)
        self.last += 1
        node = self.nodes[self.last] = Node(self.last, mode, self.caller)
        above.names[folded(name)] = name, node
        above.modified = time.time_ns()
        return node

    def find(self, above, name):
        if folded(name) not in above.names:
            raise Refused(errno.ENOENT)
        return above.names[folded(name)][1]

    def remove(self, above, name):
        node = self.find(above, name)
        if node.names:
            raise Refused(errno.ENOTEMPTY)
        del above.names[folded(name)]
        above.modified = time.time_ns()

    def rename(self, above, data, fixed):
        below = self.nodes[struct.unpack_from("<Q", data)[0]]
        old, new = data[fixed:].split(b"\0")[:2]
        node = self.find(above, old)
        there = below.names.get(folded(new))
        if there and stat.S_ISDIR(there[1].mode) != stat.S_ISDIR(node.mode):
            raise Refused(errno.EISDIR if stat.S_ISDIR(there[1].mode) else errno.ENOTDIR)
        del above.names[folded(old)]
        below.names[folded(new)] = new, node
        above.modified = below.modified = time.time_ns()

    def set(self, node, data):
        valid, _, size, _, _, mtime, _, _, mtimensec, _, mode = struct.unpack_from("<I4xQQQQQQIIII", data)
        owner = struct.unpack_from("<II", data, 76)
        node.owner = tuple(new if valid & bit else old for new, old, bit in zip(owner, node.owner, (2, 4)))
        if valid & 1:
            node.mode = stat.S_IFMT(node.mode) | mode & 0o7777
        if valid & 8:
            del node.data[size:]
            node.data.extend(bytes(size - len(node.data)))
        if valid & 32:
            seconds = mtime - (mtime >> 63 << 64)
            node.modified = time.time_ns() if valid & 256 else seconds * 10**9 + mtimensec

    def list(self, node, offset, size):
        entries = b""
        for index, (name, below) in enumerate(list(node.names.values())[offset:], offset + 1):
            kind = stat.S_IFMT(below.mode) >> 12
            entry = struct.pack("<QQII", below.number, index, len(name), kind) + name
            entry += bytes(-len(entry) % 8)
            if len(entries) + len(entry) > size:
                break
            entries += entry
        return entries

    def answer(self, code, node, data):
        if code == 26:
            return struct.pack("<IIIIHHIIHHI28x", 7, 31, MAX_WRITE, 0, 12, 9, MAX_WRITE, 1, 0, 0, 0)
        if code == 1:
            return self.find(node, text(data)).entry()
        if code in (3, 4):
            if code == 4:
                self.set(node, data)
            return struct.pack("<QII", 0, 0, 0) + node.attributes()
        if code == 9:
            return self.make(node, text(data[8:]), stat.S_IFDIR | struct.unpack_from("<I", data)[0] & 0o7777).entry()
        if code in (10, 11, 12, 45) and folded(self.keep) in self.nodes[1].names:
            if self.keep not in data:
                raise Refused(errno.EPERM)
        if code in (10, 11):
            return self.remove(node, text(data)) or b""
        if code in (12, 45):
            return self.rename(node, data, 8 if code == 12 else 16) or b""
        if code in (14, 27):
            return struct.pack("<QII", 0, 0, 0)
        if code in (15, 28):
            offset, size = struct.unpack_from("<8xQI", data)
            return bytes(node.data[offset:offset + size]) if code == 15 else self.list(node, offset, size)
        if code == 16:
            offset, size = struct.unpack_from("<8xQI", data)
            node.data.extend(bytes(max(0, offset - len(node.data))))
            node.data[offset:offset + size] = data[40:40 + size]
            node.modified = time.time_ns()
            return struct.pack("<II", size, 0)
        if code == 17:
            return struct.pack("<QQQQQIIII24x", 1 << 20, self.free, self.free, 1 << 20, 1 << 20, 4096, 255, 4096, 0)
        if code == 35:
            made = self.make(node, text(data[16:]), stat.S_IFREG | struct.unpack_from("<4xI", data)[0] & 0o7777)
            return made.entry() + struct.pack("<QII", 0, 0, 0)
        if self.syncs.get(code):
            raise Refused(self.syncs[code])
        if code in (18, 20, 25, 29, 30, 34, 50):
            return b""
        raise Refused(errno.ENOSYS)

    def serve(self, device):
        while True:
            try:
                request = os.read(device, MAX_WRITE + 4096)
            except OSError as error:
                if error.errno in (errno.EINTR, errno.ENOENT, errno.EAGAIN):
                    continue
                return
            _, code, unique, number, *self.caller = struct.unpack_from("<IIQQII", request)
            if code in (2, 36, 42):
                continue
            try:
                answer, status = self.answer(code, self.nodes[number or 1], request[40:]), 0
            except Refused as refused:
                answer, status = b"", -refused.args[0]
            os.write(device, struct.pack("<IiQ", 16 + len(answer), status, unique) + answer)


def main():
    device = os.open("/dev/fuse", os.O_RDWR)
    more = dict(argument.partition("=")[::2] for argument in sys.argv[2:])
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other"
    options = (options + ",default_permissions" * ("permissions" in more)).encode()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"folding", sys.argv[1].encode(), b"fuse", 6, options):
        sys.exit(os.strerror(ctypes.get_errno()))
    Node.unit = int(more.get("unit", 1))
    Node.fixed_mode = int(more["mode"], 8) if "mode" in more else None
    print("ready", flush=True)
    fsync = int(more.get("fsync", 0))
    syncs = {20: fsync, 30: int(more.get("fsyncdir", fsync))}
    Folding(syncs, more.get("keep", "").encode(), int(more.get("free", 1 << 20))).serve(device)


main()
