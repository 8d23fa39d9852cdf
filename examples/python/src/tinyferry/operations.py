"""Operations of a receiver, and digests of directories, written from core/PROTOCOL.md alone, section 12."""
import os
import shutil
import stat
import struct

from .wire import BAD_PATH, UNKNOWN, UNSUPPORTED, crc64, is_sound

NOT_FOUND, IS_DIRECTORY, NOT_DIRECTORY, NOT_REGULAR, NOT_ALLOWED, SYMBOLIC_LINK, NOT_EMPTY = 3, 5, 6, 7, 19, 27, 28
STAT, REMOVE, RENAME, LINK, HARD_LINK = 1, 2, 3, 4, 5
SIZE, TIME, MODE, CONTENT, LINKS, SPACE = 1, 2, 4, 8, 16, 0x80
INDEX_MAX, FIELD_MAX = 240, 252
# Times that all file systems keep (R86).
USUAL = range(315_583_200 * 10**9, 2_147_483_647 * 10**9)


class Refused(Exception):
    """One transfer or request cannot be taken; the number is the reason (7)."""


def unit(granularity):
    return 2 * 10**9 if granularity == 10 else 10**granularity


def mix(z):
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & UNKNOWN
    z = (z ^ z >> 27) * 0x94D049BB133111EB & UNKNOWN
    return z ^ z >> 31


def hashed(record, salt):
    return mix(crc64(record) ^ salt * 0x9E3779B97F4A7C15 & UNKNOWN)


def content_of(path):
    digest = 0
    with open(path, "rb") as file:
        while data := file.read(1 << 16):
            digest = crc64(data, digest)
    return digest


def is_target(target):
    """Whether a link with this target can be sent, inside the tree or outside (R90)."""
    return is_sound(target.replace("/", "").replace(".", "")) and 1 <= len(target.encode()) <= 254


def stays_inside(path, target):
    """Whether a link at `path` of a tree leads to a place in it (R90)."""
    names = [name for name in target.split("/") if name not in ("", ".")]
    above = next((at for at, name in enumerate(names) if name != ".."), len(names))
    return not target.startswith("/") and ".." not in names[above:] and above <= path.count("/")


def hashes(root, facts, granularity, salt):
    """The hashes of the entries of a directory (R86)."""
    found = []
    for entry in os.scandir(root):
        if not is_sound(entry.name) or entry.name.startswith(".") and entry.name.endswith(".tinyferry-part"):
            continue
        status, name = entry.stat(follow_symlinks=False), entry.name.encode()
        mode = struct.pack("<H", status.st_mode & 0o777)
        if stat.S_ISREG(status.st_mode):
            time = status.st_mtime_ns
            fields = [(SIZE, struct.pack("<Q", status.st_size)),
                      (TIME, struct.pack("<q", time // unit(granularity)) if time in USUAL else None),
                      (MODE, mode),
                      (CONTENT, struct.pack("<Q", content_of(entry.path)) if facts & CONTENT else None)]
            fields = [(bit, value) for bit, value in fields if facts & bit and value is not None]
            first = 1 | sum(bit for bit, _ in fields) << 4
            record = bytes([first]) + b"".join(value for _, value in fields) + name
        elif stat.S_ISDIR(status.st_mode):
            below = hashes(entry.path, facts, granularity, salt)
            record = bytes([2 | (facts & MODE) << 4]) + (mode if facts & MODE else b"")
            record += struct.pack("<QQ", sum(below) & UNKNOWN, len(below)) + name
        elif stat.S_ISLNK(status.st_mode) and facts & LINKS and is_target(os.readlink(entry.path)):
            target = os.readlink(entry.path).encode()
            record = bytes([3, len(target)]) + target + name
        else:
            continue
        found.append(hashed(record, salt))
    return found


def digest_of(root, facts, granularity, salt):
    """The number of the entries of a directory, and their digest."""
    found = hashes(root, facts, granularity, salt)
    return len(found), sum(found) & UNKNOWN


def query(facts, granularity, salt, digest=None):
    """The arguments of a stat for all hashes (R83)."""
    own = b"" if digest is None else struct.pack("<Q", digest)
    return struct.pack("<BBBBII", STAT, facts, granularity, 0, 0, salt) + own


def index_of(values):
    """The metadata of an answer with an index (R85)."""
    data = b"".join(struct.pack("<I", value) for value in values)
    parts = [data[at:at + FIELD_MAX] for at in range(0, len(data), FIELD_MAX)]
    return b"\0" + b"".join(struct.pack("<BB", 5, len(part)) + part for part in parts) if data else b""


def kind(path):
    """The kind of an entry: None, "file" or "directory"."""
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISDIR(mode):
        return "directory"
    if stat.S_ISLNK(mode):
        raise Refused(SYMBOLIC_LINK)
    if not stat.S_ISREG(mode):
        raise Refused(NOT_REGULAR)
    return "file"


def look(path, is_directory, arguments, in_tree, makes_links):
    """The answer to a stat: position, detail, metadata (R84)."""
    if len(arguments) not in (11, 19):
        raise Refused(UNSUPPORTED)
    facts, granularity, bits, prefix, salt = struct.unpack_from("<BBBII", arguments)
    if granularity > 10 or bits > 32:
        raise Refused(UNSUPPORTED)
    is_space, facts = facts & SPACE, facts & (SIZE | TIME | MODE | CONTENT | LINKS * makes_links)
    found = kind(path)
    if found is None:
        raise Refused(NOT_FOUND)
    if (found == "directory") != is_directory:
        raise Refused(IS_DIRECTORY if found == "directory" else NOT_DIRECTORY)
    if is_directory and is_space:  # R89
        usage = shutil.disk_usage(path)
        return usage.free, struct.pack("<HBB4xQ", 0, SPACE, granularity, usage.total), b""
    if not is_directory:
        status = os.stat(path)
        value = content_of(path) if facts & CONTENT else status.st_mtime_ns & UNKNOWN
        return status.st_size, struct.pack("<HBB4xQ", 0, facts, granularity, value), b""
    inside = sorted(value for value in hashes(path, facts, granularity, salt)
                    if value >> 64 - bits == prefix)
    digest = sum(inside) & UNKNOWN
    theirs = struct.unpack_from("<Q", arguments, 11)[0] if len(arguments) == 19 else digest
    has_index = in_tree and theirs != digest and len(inside) <= INDEX_MAX
    values = [(value << bits & UNKNOWN) >> 32 for value in inside] if has_index else []
    return len(inside), struct.pack("<HBB4xQ", 0, facts, granularity, digest), index_of(values)


def remove(path, is_directory):
    found = kind(path)
    if found is None:
        return
    if (found == "directory") != is_directory:
        raise Refused(IS_DIRECTORY if found == "directory" else NOT_DIRECTORY)
    if not is_directory:
        os.unlink(path)
    elif os.listdir(path):
        raise Refused(NOT_EMPTY)
    else:
        os.rmdir(path)


def rename(old, new):
    before, there = kind(old), kind(new)
    if before is None:
        # It was renamed before, and the answer was lost (R87).
        if there is None:
            raise Refused(NOT_FOUND)
        return
    if there == "directory" or there and before == "directory":
        raise Refused(IS_DIRECTORY if there == "directory" else NOT_DIRECTORY)
    os.rename(old, new)


def put_in_place(path, make):
    """Makes a link at once, in place of a file or a link, never of a directory."""
    if os.path.isdir(path) and not os.path.islink(path):
        raise Refused(IS_DIRECTORY)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    make(path + ".part")
    os.replace(path + ".part", path)


def link(path, name, target):
    """R90."""
    if not is_target(target):
        raise Refused(UNSUPPORTED)
    if not stays_inside(name, target):
        raise Refused(BAD_PATH)
    if not os.path.islink(path) or os.readlink(path) != target:
        put_in_place(path, lambda temporary: os.symlink(target, temporary))


def hard_link(path, source):
    """R91."""
    if kind(source) != "file":
        raise Refused(NOT_FOUND)
    if not os.path.lexists(path) or not os.path.samestat(os.lstat(path), os.lstat(source)):
        put_in_place(path, lambda temporary: os.link(source, temporary))


def perform(frame, place, base, may_remove, in_tree, makes_links):
    """Performs the operation of a `SAF` (R81, R82): position, detail and metadata of the answer."""
    code, arguments = frame.operation[0], frame.operation[1:]
    is_directory = frame.text == "" or frame.text.endswith("/")
    if code in (LINK, HARD_LINK) and makes_links and not is_directory:
        # The entry with this name may be a link, which must not be followed.
        above, _, name = frame.text.rpartition("/")
        path = os.path.join(place(*base, above) if above else place(*base) if base else place(""), name)
        if code == LINK:
            link(path, frame.text, arguments.decode())
        else:
            hard_link(path, place(*base, arguments.decode()))
        return 0, struct.pack("<HBB4xQ", 0, 0, 0, 0), b""
    path = place(*base, frame.text.removesuffix("/")) if frame.text else place(*base) if base else place("")
    if code == STAT:
        return look(path, is_directory, arguments, in_tree, makes_links)
    if code not in (REMOVE, RENAME) or not frame.text:
        raise Refused(UNSUPPORTED)
    if not may_remove:
        raise Refused(NOT_ALLOWED)
    if code == REMOVE:
        remove(path, is_directory)
    else:
        old = arguments.decode()
        if not old or not is_sound(old) or old.endswith("/"):
            raise Refused(UNSUPPORTED)
        rename(place(*base, old), path)
    return 0, struct.pack("<HBB4xQ", 0, 0, 0, 0), b""
