"""The errors of a transfer, each with a sentence for a person, and the reasons of section 7."""
from __future__ import annotations

import errno
from typing import Dict, Optional, Sequence

VERSION_DIFFERS, NOT_FOUND, NO_PERMISSION, IS_DIRECTORY, NOT_DIRECTORY, NOT_REGULAR, BAD_PATH = 2, 3, 4, 5, 6, 7, 8
NAME_TOO_LONG, NO_SPACE, TOO_LARGE, STORAGE, CHANGED = 9, 10, 11, 12, 13
PREFIX_DIFFERS, DIGEST_DIFFERS, INCOMPLETE = 14, 15, 16
NO_FILES_RECEIVED, NO_FILES_SENT, NOT_ALLOWED, UNSUPPORTED = 17, 18, 19, 20
IN_USE, SYMBOLIC_LINK, NOT_EMPTY, EXCLUDED = 24, 27, 28, 30
# The sender offers the file again, from its beginning (R65).
WANTS_FRESH_OFFER = (PREFIX_DIFFERS, DIGEST_DIFFERS)

REASONS = {
    1: "the server serves its maximum number of clients",
    2: "the two ends speak no common version of the protocol",
    3: "no file or directory has that name",
    4: "permission is denied",
    5: "it is a directory",
    6: "it, or a part of its path, is not a directory",
    7: "it is neither a file nor a directory",
    8: "the path is not allowed, or the metadata cannot be read",
    9: "the name is too long",
    10: "no space is left",
    11: "it is larger than is allowed, or its tree has too many entries",
    12: "the storage failed",
    13: "the file changed while it was read",
    14: "the partial file has other content",
    15: "the digest differs",
    16: "it ended before it was complete",
    17: "the server receives no files",
    18: "the server sends no files",
    19: "the server does not allow that",
    20: "it requires a feature that the other end does not have",
    21: "the server is shutting down",
    22: "the other end gave up",
    23: "the server serves only clients with a key, which this package does not support: use the program",
    24: "another transfer writes the same file",
    25: "the path has more names than the receiver stores",
    26: "the server cannot reach the directory that it serves",
    27: "it, or a part of its path, is a symbolic link",
    28: "the directory is not empty",
    29: "a file of that name exists, and the receiver does not replace it",
    30: "the receiver excludes it",
}


def sentence(reason: int, message: str = "") -> str:
    """What a reason means, with the message of the other end."""
    text = REASONS.get(reason, "the other end gave a reason that is not known here")
    return f"{text} (reason {reason})" + (f": {message!r}" if message else "")


class Error(Exception):
    """The base of all errors of this package."""


class LinkError(Error):
    """The link could not be opened, or was closed in the middle."""


class ProtocolError(Error):
    """The other end does not speak Tinyferry, or does not follow the protocol."""


class Timeout(Error):
    """The other end did not answer in time."""


class Refused(Error):
    """One end did not accept a request, a file or a session. `reason` is a number of section 7."""

    def __init__(self, reason: int, path: str = "", message: str = "") -> None:
        self.reason = reason or 0xFFFF
        self.path = path
        self.message = message
        subject = f"{path!r} was refused" if path else "the request was refused"
        super().__init__(f"{subject}: {sentence(self.reason, message)}")


class Incomplete(Error):
    """A tree was transferred, but not all of its entries. `refused` has an error for each of the others, `omitted` is
    the number of entries whose names cannot be sent."""

    def __init__(self, refused: Sequence[Refused], omitted: int) -> None:
        self.refused = tuple(refused)
        self.omitted = omitted
        parts = [str(error) for error in self.refused[:3]]
        if len(self.refused) > 3:
            parts.append(f"{len(self.refused) - 3} more were refused")
        if omitted:
            parts.append(f"{omitted} more that cannot be named")
        super().__init__("not all entries were transferred: " + "; ".join(parts))


def reason_of(error: Exception) -> int:
    """The reason for an error of the file system."""
    if isinstance(error, Refused):
        return error.reason
    if not isinstance(error, OSError):
        return STORAGE
    if isinstance(error, FileNotFoundError):
        return NOT_FOUND
    if isinstance(error, PermissionError):
        return NO_PERMISSION
    if isinstance(error, IsADirectoryError):
        return IS_DIRECTORY
    if isinstance(error, NotADirectoryError):
        return NOT_DIRECTORY
    known: Dict[Optional[int], int] = {
        errno.ENOSPC: NO_SPACE, errno.EDQUOT: NO_SPACE, errno.ENAMETOOLONG: NAME_TOO_LONG, errno.ELOOP: SYMBOLIC_LINK,
        errno.ENOTEMPTY: NOT_EMPTY, errno.EFBIG: TOO_LARGE, errno.EROFS: NO_PERMISSION,
    }
    return known.get(error.errno, STORAGE)
