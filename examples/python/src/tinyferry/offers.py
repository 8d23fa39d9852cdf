"""Offers of the sending half: lone files, trees, names only, re-offers and links (6.2, 6.4, section 12)."""
from __future__ import annotations

from collections import deque
from typing import Callable, Deque, Dict, List, NamedTuple, Optional, Set, Tuple

from .content import Content, GivenUp
from .errors import IS_DIRECTORY, NOT_REGULAR, WANTS_FRESH_OFFER, Incomplete, Refused, reason_of
from .sender import Sender
from .session import Session
from .tree import Entry, Tree, is_target
from .update import Comparison
from .upload import Progress, Report, Upload
from .wire import NO_TIME, UNKNOWN, Signal, done, metadata_of, metadata_with, offer, refusal

LINK, HARD_LINK = 4, 5

class _Item(NamedTuple):
    """An entry to offer."""

    entry: Entry
    may_resume: bool = True
    as_content: bool = False


class Offers:
    """One request of the sending half. `names_only`: without content (R46)."""

    def __init__(self, session: Session, progress: Optional[Progress] = None, names_only: bool = False,
                 sends_links: Tuple[bool, bool] = (False, False)) -> None:
        self.session, self.sender = session, Sender(session)
        self.report = Report()
        self._progress, self._names_only, self._sends_links = progress, names_only, sends_links
        self._items: Dict[int, Tuple[_Item, int]] = {}
        self._todo: Deque[_Item] = deque()
        self._lost: List[Refused] = []
        self._entries = self._omitted = 0
        # Files with several names: the first name of each, the names to send later, the transfers of hard links.
        self._first: Dict[Tuple[int, int], str] = {}
        self._further: List[Tuple[Entry, str]] = []
        self._hard: Set[int] = set()
        self._is_unsettled, self._learns = False, True

    # Requests.

    def lone(self, entry: Entry) -> None:
        """Offers a file or a directory, and once more if that is needed."""
        self._todo.append(_Item(entry))
        while self._todo:
            self._offer(self._todo.popleft())
            self._collect()
        if self._lost:
            raise self._lost[0]

    def operation(self, name: str, value: bytes) -> Signal:
        """Performs an operation that is a request by itself; its answer (R81)."""
        number = self._take_number(name)
        question = self._send(number, name, 0, offer(0, NO_TIME), metadata_with(0x80, value, name))
        self.sender.wait(lambda: not self.sender.is_open(number), question)
        if number in self.sender.refused:
            raise self.sender.refused[number]
        return self.sender.done[number]

    def whole_tree(self, tree: Tree, name: str, update: bool = False) -> None:
        """Offers a tree with its entries; for an update only those that the receiver does not have."""
        self.open_tree(name, tree.mode, tree.modified)
        sender = self.sender
        is_wanted: Callable[[Entry], bool] = lambda entry: True
        if update and sender.is_open(sender.tree):
            is_wanted = Comparison(tree.root, self.stat, self._sends_links[0]).is_wanted
        for entry in tree.entries():
            if not sender.is_open(sender.tree):
                break
            has_no_list = entry.reason == NOT_REGULAR or entry.is_directory and entry.reason
            if entry.is_omitted or self._names_only and has_no_list and entry.target is None:
                self._omitted += 1
            elif is_wanted(entry):
                self._offer(_Item(entry))
        self.close_tree()

    def open_tree(self, name: str, mode: Optional[int], modified: Optional[int]) -> None:
        sender = self.sender
        sender.tree = sender.number = self._take_number(name)
        detail, text = offer(UNKNOWN, -1), metadata_of(name, mode, modified)
        question = sender.send(lambda: self.session.frame(b"SAR", sender.tree, 0, detail, text), needs_credit=False)
        if self.session.is_lossy:
            tree = sender.tree
            sender.wait(lambda: tree in sender.answered or not sender.is_open(tree), question)

    def stat(self, name: str, value: bytes) -> Optional[Signal]:
        """Queries an entry of the open tree; `None`: refused (R83)."""
        number = self._operate(Entry.named(name), value)
        if not self.session.is_lossy:
            self._settle()
        self.sender.refused.pop(number, None)
        return self.sender.done.get(number)

    def close_tree(self) -> None:
        """Sends the offers that are due, and the end of the tree."""
        sender, tree = self.sender, self.sender.tree
        while tree not in sender.done:
            while self._todo and sender.is_open(tree):
                self._offer(self._todo.popleft())
                self._collect()
            if sender.is_open(tree) and (self._further or self._is_unsettled):
                self._settle()
                self._collect()
                if not self._todo:
                    self._send_hard_links()
                continue
            if tree in sender.refused:
                # The receiver drops all frames up to this one (R44).
                if not self.session.is_lossy:
                    frame = refusal(sender.refused[tree].reason)
                    sender.send(lambda: self.session.frame(b"ERR", tree, 0, frame), needs_credit=False)
                raise sender.refused[tree]
            sender.number, sender.content = 0, None
            question = sender.send_done(self._tree_done, True)
            asked = sender.count
            sender.wait(lambda: not sender.is_open(tree) or sender.answered.get(tree) == asked, question)
            if tree in sender.refused:
                raise sender.refused[tree]
            self._collect()
        self._collect()
        if self._lost or self._omitted:
            raise Incomplete(self._lost, self._omitted)

    def _tree_done(self) -> bytes:
        return self.session.frame(b"DON", self.sender.tree, self._entries, done(self.sender.count, self._omitted))

    # Entries.

    def _take_number(self, name: str) -> int:
        """The number of the next offer. In a long tree another entry may have had it before."""
        number, sender = self.session.take_number(self.sender.tree), self.sender
        self._collect()
        sender.done.pop(number, None)
        sender.answered.pop(number, None)
        self._hard.discard(number)
        sender.names[number] = name
        sender.number, sender.content = number, None
        return number

    def _collect(self) -> None:
        """Looks at refused offers: some are offered again, the others are lost."""
        sender = self.sender
        for number in [number for number in sender.refused if number != sender.tree]:
            item, resume = self._items.get(number, (None, 0))
            error = sender.refused[number]
            if item is None:
                continue
            del sender.refused[number]
            sender.done.setdefault(number, Signal(b"ERR", number, 0, refusal(error.reason)))
            if number in self._hard:
                self._todo.append(item._replace(as_content=True))
            elif error.reason in WANTS_FRESH_OFFER and resume:
                self._todo.append(item._replace(may_resume=False))
            else:
                self._lost.append(error)

    def _send(self, number: int, name: str, resume: int, detail: bytes, text: bytes) -> bytes:
        self._entries += 1
        is_lone = not self.sender.tree
        return self.sender.send(lambda: self.session.frame(b"SAF", number, resume, detail, text), not is_lone)

    def _operate(self, entry: Entry, value: bytes) -> int:
        """Sends an operation of the tree. On a reliable link its answer comes later (R81)."""
        number = self._take_number(entry.name)
        question = self._send(number, entry.name, 0, offer(0, NO_TIME), metadata_with(0x80, value, entry.name))
        if self.session.is_lossy:
            self.sender.wait(lambda: not self.sender.is_open(number), question)
        else:
            self._is_unsettled = not self._names_only
            self.sender.ask_in_time()
        return number

    def _settle(self) -> None:
        """Waits for the answers to all operations and offers (R81)."""
        sender, self._is_unsettled = self.sender, False
        sender.answered.clear()
        sender.ask_again()
        asked, tree = sender.count, sender.tree
        sender.wait(lambda: asked in sender.answered.values() or not sender.is_open(tree))

    def _link(self, entry: Entry, as_content: bool) -> bool:
        """Sends a link as an operation, if the request has links. Whether it did."""
        symbolic, hard = self._sends_links
        if symbolic and entry.target is not None and is_target(entry.target):
            number = self._operate(entry, bytes([LINK]) + entry.target.encode())
            self._items[number] = _Item(entry), 0
            return True
        if hard and entry.file and not as_content and not self._names_only:
            first = self._first.setdefault(entry.file, entry.name)
            if first != entry.name:
                self._further.append((entry, first))
                return True
        return False

    def _send_hard_links(self) -> None:
        """Sends the further names of files whose first names are in place (R91)."""
        lost = {error.path for error in self._lost}
        for entry, first in self._further:
            if first in lost or len(first.encode()) > 254:
                self._todo.append(_Item(entry, as_content=True))
                continue
            number = self._operate(entry, bytes([HARD_LINK]) + first.encode())
            self._items[number] = _Item(entry), 0
            self._hard.add(number)
        self._further = []

    def _offer(self, item: _Item) -> None:
        entry = item.entry
        if self.sender.tree and self._link(entry, item.as_content):
            return
        number = self._take_number(entry.name)
        resume = entry.size if item.may_resume and not entry.is_directory and not entry.reason else 0
        self._items[number] = item, resume
        size = UNKNOWN if entry.reason else entry.size
        name = entry.name + "/" * entry.is_directory
        question = self._send(number, name, resume, offer(size, entry.modified), metadata_of(name, entry.mode))
        if self._names_only:
            if self.session.is_lossy:
                self.sender.wait(lambda: not self.sender.is_open(number), question)
            self.sender.ask_in_time()
            return
        source = None
        try:
            reason = entry.reason
            if not reason and not entry.is_directory:
                try:
                    source = open(entry.path, "rb")
                except OSError as error:
                    reason = reason_of(error)
            content = self.sender.content = Content(self.session, source, entry.size if source else 0)
            if self.session.is_lossy:
                self.sender.wait(lambda: number in self.sender.answered or not self.sender.is_open(number), question)
            if reason:
                raise GivenUp(reason)
            upload = Upload(self.sender, number, content, self._progress)
            upload.run(entry, resume, self._learns)
            self._learns = upload.learns
            self.report = upload.added_to(self.report)
        except GivenUp as error:
            self._give_up(number, error.reason)
        finally:
            if source:
                source.close()

    def _give_up(self, number: int, reason: int) -> None:
        sender = self.sender
        if not sender.is_open(number):
            return
        position = sender.content.sent if sender.content else 0
        question = sender.send(lambda: self.session.frame(b"ERR", number, position, refusal(reason)))
        if self.session.is_lossy:
            sender.wait(lambda: not sender.is_open(number), question)
        sender.done.pop(number, None)
        sender.refused[number] = Refused(reason, sender.names[number])


def offered(path: str, name: str) -> Entry:
    """The entry of a lone file. Raises `Refused` if it is no file that can be read."""
    entry = Entry.at(path, name, is_link_followed=True)
    if entry.is_directory:
        raise Refused(IS_DIRECTORY, path)
    if entry.reason:
        raise Refused(entry.reason, path)
    return entry

