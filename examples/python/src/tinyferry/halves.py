"""The two halves of an exchange, written from core/PROTOCOL.md alone, sections 6.2 to 6.4.

The receiver keeps no partials, so only the sender resumes.
"""
import os
import stat
import struct
import sys
from collections import deque

from .operations import (HARD_LINK, IS_DIRECTORY, LINK, NOT_DIRECTORY, NOT_REGULAR, Refused, is_target, perform)
from .wire import (BAD_PATH, CREDIT, NO_TIME, UNKNOWN, Chunk, Hole, chunk, crc64, crc64_zeros, metadata_of, metadata_with,
                  done, ack, is_sound, refusal)

STORAGE = 12
HOLE_MAX = 1 << 24
CHANGED, PREFIX_DIFFERS, DIGEST_DIFFERS, INCOMPLETE = 13, 14, 15, 16
WANTS_FRESH_OFFER = PREFIX_DIFFERS, DIGEST_DIFFERS


class Sender:
    """The sending half of one request (6.2 to 6.4)."""

    def __init__(self, wire, number, sends_links=False):
        self.sends_links, self.first, self.further = sends_links, {}, []
        self.hard, self.as_content, self.is_unsettled = set(), set(), False
        self.wire, self.next, self.number, self.tree = wire, number, number, 0
        self.count = self.acked_count = self.asked = self.entries = self.omitted = 0
        self.credit = wire.credit
        self.todo, self.offers, self.refused, self.done = deque(), {}, {}, set()
        self.acked, self.prefix, self.failures = set(), None, 0

    def take_number(self):
        self.number = self.next
        self.next = self.next % 0xFFFF + 1
        self.next += self.next == self.tree
        return self.number

    def read_reply(self):
        frame = self.wire.receive()
        number = frame.transfer
        if frame.code == b"DON":
            self.done.add(number)
        elif frame.code == b"ERR":
            self.refuse(number, struct.unpack_from("<H", frame.detail)[0])
        elif frame.code == b"PON":
            credit, self.acked_count, digest = struct.unpack_from("<HHQ", frame.detail)
            self.credit = credit & 0x7FFF
            if not self.credit:
                # Alive and busy: the position is ignored (R49).
                return
            self.acked.add((number, self.acked_count))
            if credit & 0x8000 and number == self.number:
                self.prefix = frame.position, digest
        if frame.code in (b"DON", b"ERR") and not self.credit:
            # The receiver is no longer busy: the credit is queried again.
            self.asked = self.count - 1 & 0xFFFF

    def refuse(self, number, reason):
        path, name, resume = self.offers.get(number, ("", "all", 0))
        self.refused[number] = reason
        if number in self.hard:
            # The content is sent (R91).
            del self.refused[number]
            self.done.add(number)
            self.as_content.add(name)
            self.todo.append((path, name, True))
        elif reason in WANTS_FRESH_OFFER and resume:
            del self.refused[number]
            self.done.add(number)
            self.todo.append((path, name, False))
        else:
            print(f"{name} is refused with reason {reason}", file=sys.stderr)

    def frame(self, make, content_of=None):
        """Sends one frame that counts, once there is credit for it. `make` is called then. Content of a file that was
        refused meanwhile is not sent: its refusal gives no credit."""
        while self.wire.is_waiting():
            self.read_reply()
        while self.count - self.acked_count & 0xFFFF >= self.credit:
            if content_of is not None and not self.is_wanted(content_of):
                return
            self.ask()
            self.read_reply()
        self.count = self.count + 1 & 0xFFFF
        make()
        if self.count - self.asked & 0xFFFF >= max(self.credit // 4, 1):
            self.ask()

    def ask(self):
        if self.asked != self.count:
            self.asked = self.count
            self.wire.send(b"PIN", self.number, 0, struct.pack("<H", self.count))

    def is_wanted(self, number):
        return not {number, self.tree} & (self.done | self.refused.keys())

    def give_up(self, number, position, reason):
        self.frame(lambda: self.wire.send(b"ERR", number, position, refusal(reason)))
        self.refuse(number, reason)

    def link(self, path, name, operation):
        """Sends an operation of the tree; its answer comes later (R81)."""
        number = self.take_number()
        self.offers[number] = path, name, 0
        self.done.discard(number)
        self.failures += self.refused.pop(number, None) is not None
        self.entries += 1
        self.is_unsettled = True
        self.hard.discard(number)
        if operation[0] == HARD_LINK:
            self.hard.add(number)
        self.frame(lambda: self.wire.send(b"SAF", number, 0, struct.pack("<Qq", 0, NO_TIME),
                                          metadata_with(0x80, operation, name)))

    def settle(self):
        """Waits for the answers to all operations and offers (R81)."""
        self.acked, self.asked, self.is_unsettled = set(), None, False
        self.ask()
        while not any(count == self.count for _, count in self.acked):
            self.read_reply()

    def hard_links(self):
        """Sends the further names of files whose first names are in place (R91)."""
        lost = {self.offers[number][1] for number in self.refused if number in self.offers}
        for path, name, first in self.further:
            if first in lost or len(first.encode()) > 254:
                self.as_content.add(name)
                self.todo.append((path, name, True))
            else:
                self.link(path, name, bytes([HARD_LINK]) + first.encode())
        self.further = []

    def file(self, path, name, may_resume):
        """Offers a file or an empty directory, and sends its content."""
        status, is_directory = os.stat(path, follow_symlinks=False), False
        if self.sends_links and stat.S_ISLNK(status.st_mode) and is_target(os.readlink(path)):
            return self.link(path, name, bytes([LINK]) + os.readlink(path).encode())
        if self.sends_links and status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode) and name not in self.as_content:
            first = self.first.setdefault((status.st_dev, status.st_ino), name)
            if first != name:
                return self.further.append((path, name, first))
        number = self.take_number()
        self.hard.discard(number)
        if stat.S_ISDIR(status.st_mode):
            is_directory = True
        elif not stat.S_ISREG(status.st_mode):
            # It has a name, but nothing that could be sent (6.2).
            self.entries += 1
            offer = struct.pack("<Qq", UNKNOWN, NO_TIME)
            self.offers[number], self.prefix = (path, name, 0), None
            self.frame(lambda: self.wire.send(b"SAF", number, 0, offer, metadata_of(name)))
            return self.give_up(number, 0, NOT_REGULAR)
        size = 0 if is_directory else status.st_size
        # Past 2 GiB it would have to wait for the answer (6.4).
        resume = size if may_resume and size < 2**31 else 0
        self.offers[number], self.prefix = (path, name, resume), None
        # Another entry had this number before, in a long tree.
        self.done.discard(number)
        self.failures += self.refused.pop(number, None) is not None
        self.entries += 1
        offer = struct.pack("<Qq", size, status.st_mtime_ns)
        text = metadata_of(name + "/" * is_directory, status.st_mode & 0o7777)
        self.frame(lambda: self.wire.send(b"SAF", number, resume, offer, text))
        position, digest = 0, 0
        with open(os.devnull if is_directory else path, "rb") as source:
            while position < size and self.is_wanted(number):
                jumps = self.prefix is not None and self.prefix[0] > position
                end = self.prefix[0] if jumps else size
                payload = source.read(min(self.wire.chunk, end - position))
                if not payload:
                    return self.give_up(number, position, CHANGED)
                if not jumps:
                    frame = chunk(self.wire.out, number, position, payload)
                    self.frame(lambda: self.wire.connection.sendall(frame), number)
                elif self.wire.is_waiting():
                    self.read_reply()
                position, digest = position + len(payload), crc64(payload, digest)
                if jumps and position == end and digest != self.prefix[1]:
                    return self.give_up(number, position, PREFIX_DIFFERS)
        if self.is_wanted(number):
            self.frame(lambda: self.wire.send(b"DON", number, size, done(self.count, digest)))

    def operate(self, name, operation):
        """Sends an operation as a request by itself; returns the answer (R81)."""
        number = self.take_number()
        self.frame(lambda: self.wire.send(b"SAF", number, 0, struct.pack("<Qq", 0, NO_TIME),
                                          metadata_with(0x80, operation, name)))
        while True:
            frame = self.wire.receive()
            if frame.code == b"ERR":
                raise Refused(*struct.unpack_from("<H", frame.detail))
            if frame.code == b"DON" and frame.transfer == number:
                return frame

    def look(self, name, arguments):
        """Asks about the root of the tree `name`; returns the answer."""
        tree, answer = self.take_number(), None
        self.frame(lambda: self.wire.send(b"SAR", tree, 0, struct.pack("<QQ", UNKNOWN, UNKNOWN),
                                          metadata_of(name)))
        number = self.take_number()
        self.frame(lambda: self.wire.send(b"SAF", number, 0, struct.pack("<Qq", 0, NO_TIME),
                                          metadata_with(0x80, arguments)))
        self.ask()
        while not answer:
            frame = self.wire.receive()
            if frame.code == b"ERR":
                raise Refused(*struct.unpack_from("<H", frame.detail))
            answer = frame if (frame.code, frame.transfer) == (b"DON", number) else answer
        self.frame(lambda: self.wire.send(b"DON", tree, 1, done(self.count, 0)))
        while (frame := self.wire.receive()).code != b"DON" or frame.transfer != tree:
            pass
        return answer

    def one(self, path, name):
        self.todo.append((path, name, True))
        while self.todo:
            self.file(*self.todo.popleft())
            while self.is_wanted(self.number):
                self.read_reply()
        return not self.refused and not self.failures

    def all(self, root, name):
        tree = self.tree = self.take_number()
        sizes = struct.pack("<QQ", UNKNOWN, UNKNOWN)
        status = os.stat(root)
        text = metadata_of(name, status.st_mode & 0o7777, status.st_mtime_ns)
        self.frame(lambda: self.wire.send(b"SAR", tree, 0, sizes, text))
        for folder, folders, files in os.walk(root):
            inside = "" if folder == root else os.path.relpath(folder, root).replace(os.sep, "/") + "/"
            links = [entry for entry in folders if os.path.islink(os.path.join(folder, entry))]
            bad = [entry for entry in folders if not is_sound(inside + entry)]
            folders[:] = [entry for entry in folders if entry not in links + bad]
            names = [inside + entry for entry in files + links] or ([] if folders else [inside[:-1]])
            self.omitted += len(bad) + sum(not is_sound(entry) for entry in names)
            self.todo += [(os.path.join(root, entry), entry, True)
                          for entry in names if entry and is_sound(entry)]
        while tree not in self.done:
            while self.todo and self.is_wanted(tree):
                self.file(*self.todo.popleft())
            if self.is_wanted(tree) and (self.further or self.is_unsettled):
                # After the answers, the refused files and those to send again are known.
                self.settle()
                if not self.todo:
                    self.hard_links()
                continue
            if tree in self.refused:
                # The other end drops all frames up to this one.
                self.frame(lambda: self.wire.send(b"ERR", tree, 0, refusal(self.refused[tree])))
                return False
            self.frame(lambda: self.wire.send(b"DON", tree, self.entries, done(self.count, self.omitted)))
            # A position in answer to it: something is to be offered once more.
            while self.is_wanted(tree) and (tree, self.count) not in self.acked:
                self.read_reply()
            if tree in self.refused:
                return False
        return not self.refused and not self.failures and not self.omitted


class Receiver:
    """The receiving half of one request (6.2). `place` turns the path of a tree, and of an entry in
    it, into a path here."""

    def __init__(self, wire, place, may_remove=False, makes_links=False):
        self.makes_links = makes_links
        self.wire, self.place, self.part, self.base = wire, place, None, ()
        self.may_remove = may_remove
        self.tree = self.number = self.entries = self.refused = self.omitted = self.resume = 0
        # A refused tree: all is dropped up to its end.
        self.dropped = 0

    def run(self, frame):
        """Receives a request from its offer to its end. Returns whether all of it came."""
        over = False
        while not over:
            try:
                over = self.take(frame)
            except (Refused, OSError) as error:
                reason = error.args[0] if isinstance(error, Refused) else STORAGE
                over = self.refuse(getattr(frame, "transfer", self.number), reason)
            frame = None if over else self.wire.receive()
        return not self.refused and not self.omitted

    def refuse(self, number, reason):
        """Whether the request is over by that, or a fresh offer follows (6.4)."""
        self.wire.send(b"ERR", number, 0, refusal(reason))
        return self.lose(reason)

    def lose(self, reason):
        if self.part:
            self.part.close()
            os.unlink(self.part.name)
        self.part = None
        is_again = reason in WANTS_FRESH_OFFER and self.resume > 0
        self.refused += not is_again
        return not self.tree and not self.dropped and not is_again

    def operate(self, offer):
        """Performs an operation and answers it. Whether the request is over by that (R81)."""
        if self.part:
            self.refuse(self.number, INCOMPLETE)
        self.entries += 1
        try:
            if not is_sound(offer.text):
                raise Refused(BAD_PATH)
            answer = perform(offer, self.place, self.base, self.may_remove, bool(self.tree), self.makes_links)
            self.wire.send(b"DON", offer.transfer, *answer)
        except (Refused, OSError) as error:
            # None is counted as refused.
            reason = error.args[0] if isinstance(error, Refused) else STORAGE
            self.wire.send(b"ERR", offer.transfer, 0, refusal(reason))
        return not self.tree

    def offer(self, offer):
        if self.part:
            self.refuse(self.number, INCOMPLETE)
        self.number, self.resume, self.mode = offer.transfer, offer.position, offer.mode
        self.position, self.digest, self.modified = 0, 0, struct.unpack("<8xq", offer.detail)[0]
        self.size = struct.unpack("<Q8x", offer.detail)[0]
        self.entries += 1
        if not offer.text or not is_sound(offer.text):
            raise Refused(BAD_PATH)
        self.is_directory = offer.text.endswith("/")
        self.target = self.place(*self.base, offer.text.removesuffix("/"))
        if os.path.isdir(self.target) and not self.is_directory:
            raise Refused(IS_DIRECTORY)
        os.makedirs(os.path.dirname(self.target) or ".", exist_ok=True)
        self.part = open(self.target + ".part", "wb")

    def finish(self, size, digest):
        """All was sent: whether all came, and then to its place."""
        if (self.position, self.digest) != (size, digest):
            raise Refused(INCOMPLETE if self.position != size else DIGEST_DIFFERS)
        self.part.close()
        if self.is_directory:
            os.unlink(self.part.name)
            os.makedirs(self.target, exist_ok=True)
        else:
            os.chmod(self.part.name, 0o644 if self.mode is None else self.mode & 0o777)
            if self.modified != NO_TIME:
                os.utime(self.part.name, ns=(self.modified, self.modified))
            os.replace(self.part.name, self.target)
        self.part = None

    def settle(self, root):
        """All of a tree is in place: its root gets its time and its bits."""
        mode, modified = self.root
        os.makedirs(root, exist_ok=True)
        if self.base[0] and modified is not None:
            os.utime(root, ns=(modified, modified))
        if self.base[0] and mode is not None:
            os.chmod(root, mode & 0o777)

    def skip(self, hole):
        """Takes a hole; zeros before the position were taken already (R94)."""
        end = hole.position + hole.length
        is_placed = hole.position <= self.position < end <= self.size
        is_whole = hole.position % 256 == 0 and (end % 256 == 0 or end == self.size)
        if self.part and hole.low == self.number & 0xFF and is_placed and is_whole and hole.length <= HOLE_MAX:
            self.digest = crc64_zeros(end - self.position, self.digest)
            self.position = end
            self.part.truncate(end)
            self.part.seek(end)

    def take(self, frame):
        """Whether the request is over after this."""
        if isinstance(frame, Hole):
            self.skip(frame)
            return False
        if isinstance(frame, Chunk):
            if self.part and (frame.low, frame.position) == (self.number & 0xFF, self.position & 0xFFFFFFFF):
                self.part.write(frame.payload)
                self.position += len(frame.payload)
                self.digest = crc64(frame.payload, self.digest)
            return False
        code, number = frame.code, frame.transfer
        if self.dropped and code != b"PIN":
            return number == self.dropped and code in (b"ERR", b"DON")
        if self.part and not self.tree and code != b"PIN" and number != self.number:
            return False  # R35: beside a lone file it is ignored.
        if code == b"SAR":
            self.dropped = number
            if self.tree or not is_sound(frame.text):
                raise Refused(BAD_PATH)
            base = self.place(frame.text)
            if os.path.exists(base) and not os.path.isdir(base):
                raise Refused(NOT_DIRECTORY)
            self.tree, self.base, self.dropped = number, (frame.text,), 0
            self.root = frame.mode, frame.modified
        elif code == b"SAF" and frame.operation:
            return self.operate(frame)
        elif code == b"SAF":
            self.offer(frame)
        elif code == b"PIN":
            position = self.position if self.part and number == self.number else 0
            self.wire.send(b"PON", number, position, ack(CREDIT, struct.unpack_from("<H", frame.detail)[0]))
        elif code == b"ERR":
            self.tree = 0 if number == self.tree else self.tree
            return self.lose(struct.unpack_from("<H", frame.detail)[0])
        elif code == b"DON":
            if number == self.tree:
                if frame.position != self.entries:
                    self.tree = 0
                    raise Refused(INCOMPLETE)
                self.settle(self.place(*self.base))
                self.omitted = struct.unpack("<8xQ", frame.detail)[0]
                if self.omitted:
                    print(f"{self.omitted} more that cannot be named", file=sys.stderr)
            elif self.part and number == self.number:
                self.finish(frame.position, struct.unpack("<8xQ", frame.detail)[0])
            if number == self.tree or not self.tree:
                # Its count comes back, and of a file its digest.
                back = frame.detail[:2] if number == self.tree else frame.detail
                self.wire.send(b"DON", number, frame.position, back)
                return True
        return False
