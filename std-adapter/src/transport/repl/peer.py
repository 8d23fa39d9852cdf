# A Tinyferry server for MicroPython and CircuitPython: a subset of core/PROTOCOL.md (section 11), with trees,
# resumption, operations and digests of directories.
#
# The client sends it over the raw REPL in the pieces between the lines "# ---", so that a board compiles one at a time.
# `peer.min.py` is made of this file by `minify.py`. Before the first piece the client sets `BEFORE`, the names that the board
# has without the server, `LOSSY` (0 or 1) and `ROOT`, the served directory. `BITS` is a number that `minify.py` inserts.
import sys, os, io, struct, time, gc, micropython
from array import array
from binascii import crc32

# CircuitPython interrupts a script at each byte of Ctrl-C, and changes the line ends of both directions. There the bytes of
# Ctrl-C, of line ends and of 0x10 have 0x10 before them, and bit 6 inverted.
ESCAPED = not hasattr(micropython, "kbd_intr")
gc.collect()
# Large memory first. The dictionary of the names grows by copies of itself.
received, sent = bytearray(1040), bytearray(1040)
for number in range(160):
    globals()[number] = 0
for number in range(160):
    del globals()[number]
source, write = sys.stdin, sys.stdout.write
if not ESCAPED:
    source, write = sys.stdin.buffer, sys.stdout.buffer.write
if LOSSY:
    import select

    poll = select.poll()
    poll.register(sys.stdin, 1)
    ready = poll.ipoll
elif ESCAPED:

    def ready(_):
        yield


if ESCAPED:
    put = write

    def write(data):
        data = bytes(data)
        for byte in b"\x10\n\r":
            data = data.replace(bytes((byte,)), bytes((16, byte ^ 64)))
        put(data)


if ROOT:
    os.chdir(ROOT)
pack, unpack = struct.pack, struct.unpack_from
ZEROS = bytes(16)
PARTIAL = ".tinyferry-part"
ALL = (1 << 64) - 1
# Seconds from 1970 to the epoch of the board: some count from 2000. CircuitPython refuses earlier times.
EPOCH = 946684800 if time.localtime(946684800)[0] > 2020 else 0
# The state of CRC-64, and its table for some bits, as lower and upper halves.
digest = array("I", (0, 0))
table = array("I", bytes(8 << BITS))
value, half = 1, 1 << BITS
while half > 1:
    value = value >> 1 ^ (0x9A6C9329AC4BC9B5 if value & 1 else 0)
    # The entry of a sum is the sum of the entries.
    for number in range(0, 2 << BITS, 2 * half):
        table[number + half] = table[number] ^ value & 0xFFFFFFFF
        table[number + half + 1] = table[number + 1] ^ value >> 32
    half >>= 1


FAST = """
@micropython.viper
def add(data: ptr8, count: int, state: ptr32, table: ptr32):
    low: uint = uint(state[0])
    high: uint = uint(state[1])
    at = 0
    while at < count:
        low ^= uint(data[at])
        at += 1
        for _ in range(8 // BITS):
            k: uint = (low & uint((1 << BITS) - 1)) << uint(1)
            low = ((low >> uint(BITS)) & uint((1 << 32 - BITS) - 1)) | ((high & uint((1 << BITS) - 1)) << uint(32 - BITS))
            low ^= uint(table[int(k)])
            high = ((high >> uint(BITS)) & uint((1 << 32 - BITS) - 1)) ^ uint(table[int(k) + 1])
    state[0] = int(low)
    state[1] = int(high)
"""
try:
    exec(FAST)
except SyntaxError:
    # Boards without native code compile the same text as Python.
    uint = int
    exec(FAST[FAST.find("def") :])
# ---
receive_view, send_view = memoryview(received), memoryview(sent)
one = bytearray(1)
filled = threes = session = seed = count = silent = unsure = 0
chunk = 1024


def clear():
    digest[0] = digest[1] = 0xFFFFFFFF


def crc64():
    return (digest[0] | digest[1] << 32) ^ ALL


# Whether this many bytes are in the buffer; on a lossy line not after 20 ms of silence.
def have(length):
    global filled, silent
    while filled < length:
        if not LOSSY and not ESCAPED:
            if source.readinto(receive_view[filled:length]) != length - filled:
                raise SystemExit
            filled = length
        else:
            # Without memory for an answer: a collection of garbage may take as long as some bytes.
            for _ in ready(20):
                source.readinto(one)
                if ESCAPED and one[0] == 16:
                    source.readinto(one)
                    one[0] ^= 64
                received[filled] = one[0]
                filled += 1
                break
            else:
                silent = 1
                return 0
    return 1


def drop(length):
    global filled
    filled -= length
    receive_view[:filled] = receive_view[length : length + filled]


# The length of the valid chunk at the front; with the seed of its signal.
def chunk_at_front(seed):
    if received[0] != 0xFA or not have(12):
        return 0
    bits, _, check = unpack("<HII", received, 2)
    length = 12 + (bits & 2047)
    if bits & 0x7800 or not 12 < length < 1037 or not have(length):
        return 0
    return length if crc32(receive_view[12:length], crc32(receive_view[:8], seed)) == check else 0


# ---
# The next frame: its code, transfer, position, detail and metadata; of a chunk b"", the low byte of the transfer, the
# position and its length. After `wait` seconds without one: None.
def frame(wait=0):
    global threes, silent, unsure
    # Silences of 20 ms.
    wait *= 50
    while 1:
        silent = 0
        is_there = have(1)
        if LOSSY and not is_there:
            unsure = 0
            wait -= 1
            if not wait:
                return None
            continue
        length = chunk_at_front(seed)
        if length:
            if LOSSY:
                unsure = threes = 0
            low, bits, position = unpack("<BHI", received, 1)
            if not bits >> 15:
                return b"", low, position, length
            drop(length)
            continue
        code = bytes(receive_view[:3]) if received[0] in b"CSRDEP" and have(36) else b""
        if code in (b"SAF", b"SAR", b"RAF", b"RAR", b"CLS", b"DON", b"ERR", b"PIN", b"PON"):
            transfer, extra, position = unpack("<HHQ", received, 4)
            own = seed if transfer else 0
            if crc32(receive_view[:32], own) == unpack("<I", received, 32)[0]:
                if LOSSY:
                    was_unsure = unsure
                    if transfer:
                        unsure = threes = 0
                detail = bytes(receive_view[16:32])
                drop(36)
                if extra:
                    length = have(1) and chunk_at_front(own)
                    if not length or length != extra + 12:
                        if LOSSY:
                            continue
                        raise SystemExit
                    extra = bytes(receive_view[12:length])
                    drop(length)
                if not LOSSY or not was_unsure or transfer:
                    return code, transfer, position, detail, extra or b""
                continue
        # No frame. A client that leaves sends 0x03 until it has an answer.
        if not LOSSY:
            raise SystemExit
        threes = threes + 1 if received[0] == 3 else 0
        if threes > 1040:
            raise SystemExit
        drop(1)
        unsure = not (silent and not filled)


# ---
def send(code, transfer, position, detail, extra=b""):
    own = ~session & 0xFFFFFFFF if transfer else 0
    head = pack("<3sBHHQ16s", code, 1, transfer, len(extra), position, detail)
    head += pack("<I", crc32(head, own))
    if extra:
        part = pack("<BBHI", 0xFA, transfer & 255, len(extra) | 0x8000, 0)
        head += part + pack("<I", crc32(extra, crc32(part, own))) + extra
    write(head)
    return head
# ---
# A request or an entry cannot be taken: the reason, and a message.
class Refused(Exception):
    pass


REASONS = {1: 4, 2: 3, 13: 4, 17: 5, 20: 6, 21: 5, 28: 10, 30: 4, 36: 9, 39: 28}
READ_ONLY = "read-only: eject its drive"


# The reason and the message of an error.
def reason_of(error):
    if isinstance(error, Refused):
        return error.args[0], ""
    number = error.args[0] if isinstance(error, OSError) else 0
    text = READ_ONLY if number == 30 else "" if number in REASONS else repr(error)
    return REASONS.get(number, 12), text


# The text and the tags of metadata.
def parse(extra):
    text, _, rest = extra.partition(b"\0")
    tags = {}
    while rest:
        if len(rest) < 2 or len(rest) < 2 + rest[1]:
            raise Refused(8)
        if rest[0] > 127:
            if rest[0] > 129:
                raise Refused(20)
            tags[rest[0]] = rest[2 : 2 + rest[1]]
        rest = rest[2 + rest[1] :]
    try:
        return text.decode(), tags
    except UnicodeError:
        raise Refused(8)


# The path below the root, if it is allowed (R15).
def sound(path):
    for name in path.split("/"):
        if not 0 < len(name.encode()) < 256 or name in (".", ".."):
            raise Refused(8)
    if len(path.encode()) > 960 or name == PARTIAL or any(letter < " " or "\x7e" < letter < "\xa0" for letter in path):
        raise Refused(8)
    return path


# 1: a file, 2: a directory, 0: nothing; and its size and time.
def kind(path):
    try:
        status = os.stat(path or os.getcwd())
    except OSError as error:
        if error.args[0] in (2, 20):
            return 0, 0, 0
        raise
    return 2 if status[0] & 0x4000 else 1, status[6], status[8]


def expect(path, wanted):
    found = kind(path)
    if found[0] != wanted:
        raise Refused((3, 6, 5)[found[0]])
    return found


# The names, kinds and sizes of a directory's entries.
def entries(path):
    # CircuitPython has names only; tuples take less memory than a list. MicroPython for Unix has no sizes.
    for name in os.listdir(path or os.getcwd()) if ESCAPED else os.ilistdir(path or os.getcwd()):
        what = size = 0
        if not ESCAPED:
            what = (0, 2, 1, 0)[name[1] >> 14]
            size = name[3] if len(name) > 3 else -1
            name = name[0]
        if name != PARTIAL:
            if not what or what == 1 and size < 0:
                what, size, _ = kind(path + "/" + name if path else name)
            yield name, what, size


# The space of the file system: the bytes of a block, the same again, the blocks, and the free ones twice.
def space_of(path):
    found = os.statvfs(path or os.getcwd())
    return (found[1] or found[0],) + found[1:5]


def make_directories(path):
    at = 0
    while at >= 0:
        at = path.find("/", at + 1)
        part = path if at < 0 else path[:at]
        found = kind(part)[0]
        if found == 1:
            raise Refused(6)
        if not found:
            os.mkdir(part)


def remove(path):
    try:
        os.remove(path)
    except OSError:
        pass


def rename(old, new):
    try:
        os.rename(old, new)
    except OSError:
        if kind(old)[0] != 1 or kind(new)[0] != 1:
            raise
        os.remove(new)
        os.rename(old, new)


# ---
# Adds the bytes of a file before `end` to the digest.
def add_file(file, end):
    while end:
        got = file.readinto(send_view[12 : 12 + min(1024, end)])
        if not got:
            raise Refused(13)
        add(send_view[12:], got, digest, table)
        end -= got


def crc64_of(data):
    clear()
    add(data, len(data), digest, table)
    return crc64()


def mix(value):
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & ALL
    value = (value ^ value >> 27) * 0x94D049BB133111EB & ALL
    return value ^ value >> 31


def content(path, size):
    clear()
    with open(path, "rb") as file:
        add_file(file, size)
    return crc64()


# ---
# The hashes of the entries of a directory (R86).
def hashes(path, facts, salt):
    for name, what, size in entries(path):
        below = path + "/" + name if path else name
        if what == 2:
            number = total = 0
            for value in hashes(below, facts, salt):
                number += 1
                total += value
            record = pack("<BQQ", 2, total & ALL, number)
        else:
            record = pack("<B", 1 | facts << 4)
            if facts & 1:
                record += pack("<Q", size)
            if facts & 8:
                record += pack("<Q", content(below, size))
        yield mix(crc64_of(record + name.encode()) ^ salt * 0x9E3779B97F4A7C15 & ALL)


# ---
# The index of the hashes (R85), for the metadata of an answer.
def index_of(index):
    index.sort()
    extra = b"\0"
    for at in range(0, len(index), 63):
        part = index[at : at + 63]
        extra += pack("<BB", 5, 4 * len(part))
        for value in part:
            extra += pack("<I", value)
    return extra


# Answers a stat (R83): the position, the detail and the metadata.
def describe(path, wanted, arguments):
    facts, granularity, bits, prefix, salt = unpack("<BBBII", arguments, 1)
    size = expect(path, wanted)[1]
    if facts & 128 and wanted == 2:
        block, _, all_blocks, _, free = space_of(path)
        return block * free, pack("<HBB4xQ", 0, 128, granularity, block * all_blocks), b""
    facts &= 9
    if wanted == 1:
        value = content(path, size) if facts & 8 else 1 << 63
        return size, pack("<HBB4xQ", 0, facts, granularity, value), b""
    number = total = 0
    index = []
    for value in hashes(path, facts, salt):
        if value >> 64 - bits == prefix:
            number += 1
            total += value
            if tree and not LOSSY and len(arguments) == 20 and number < 242:
                index.append((value << bits & ALL) >> 32)
    total &= ALL
    is_known = len(arguments) == 20 and unpack("<Q", arguments, 12)[0] == total
    extra = b"" if is_known or not 0 < len(index) < 241 else index_of(index)
    return number, pack("<HBB4xQ", 0, facts, granularity, total), extra


# ---
# Performs the operation of a `SAF` (section 12): the position, the detail and the metadata of the answer.
def operate(path, wanted, arguments):
    code = arguments[0]
    if code == 1 and len(arguments) in (12, 20):
        return describe(path, wanted, arguments)
    found = kind(path)[0]
    if code == 2 and path:
        if found:
            expect(path, wanted)
            if wanted == 2:
                for _ in entries(path):
                    raise Refused(28)
                remove(path + "/" + PARTIAL)
                os.rmdir(path)
            else:
                os.remove(path)
    elif code == 3 and path:
        old = base + sound(str(arguments[1:], "utf-8"))
        before = kind(old)[0]
        if not before and not found:
            raise Refused(3)
        if before and old != path:
            if found == 2 or found and before == 2:
                raise Refused(5 if found == 2 else 6)
            if path.startswith(old + "/"):
                raise Refused(8)
            rename(old, path)
    else:
        raise Refused(20)
    return 0, ZEROS, b""


# ---
# The open file of this end as the receiver: its transfer, size, position, file, and the offer's resume.
opened = size = position = resume = 0
target = base = ""
file = None
# Whether the file in place is the offered one, as far as its size tells.
is_same = 0
# The PON with the prefix, which is repeated for a repeated offer.
proof = None
# The open tree: its transfer, the number of its entries, the re-offers that are due, the count of the first DON.
tree = offers = due = asked = 0
# A refused tree whose frames are dropped.
drained = 0
# The last ending, for a lossy line.
ended, ending = 0, b""


def close(keep):
    global opened, file
    opened = 0
    if file:
        file.close()
        file = None
        if not is_same and not (keep and position):
            remove(partial_of(target))


def partial_of(path):
    at = path.rfind("/") + 1
    return path[:at] + PARTIAL


def end(code, transfer, place, detail, extra=b""):
    global ended, ending
    ended, ending = transfer, send(code, transfer, place, detail, extra)


def refuse(transfer, error):
    reason, text = reason_of(error)
    end(b"ERR", transfer, 0, pack("<HHI8x", reason, 0, 0), text.encode()[:200])


def answer(transfer, place):
    return send(b"PON", transfer, place, pack("<HH12x", 1 if LOSSY else 8, count))


# ---
# Makes the directories of an entry.
def make_place(path, is_directory):
    if is_directory:
        make_directories(path)
    else:
        if kind(path)[0] == 2:
            raise Refused(5)
        if "/" in path:
            make_directories(path[: path.rfind("/")])


# ---
def begin(transfer, text, offered, may_resume):
    global opened, size, position, resume, target, file, is_same, proof
    is_directory = text[-1:] == "/"
    path = base + sound(text[:-1] if is_directory else text)
    make_place(path, is_directory)
    if offered >> 31:
        raise Refused(11)
    size, resume, target, is_same, proof, position = offered, may_resume, path, 0, None, 0
    clear()
    if not is_directory:
        partial = partial_of(path)
        name, length = partial, kind(partial)[1]
        if not may_resume or length > size:
            length = 0
        elif size and kind(path)[:2] == (1, size):
            name, length, is_same = path, size, 1
        elif length != size:
            length &= ~1023
        space = space_of(path[: max(path.rfind("/"), 0)])
        if not is_same and space[0] * space[4] < size - length:
            raise Refused(10)
        if length:
            file = open(name, "rb" if is_same else "r+b")
            add_file(file, length)
            position = length
        else:
            file = open(partial, "wb")
    opened = transfer
    if position:
        proof = pack("<HHQI", 0x8008 if not LOSSY else 0x8001, count, crc64(), 0)
    again()


# Answers an offer: on a reliable link only with a prefix.
def again():
    if proof:
        send(b"PON", opened, position, proof)
    elif LOSSY:
        answer(opened, position)


def store(at, length):
    global position
    skip = position - at & 0xFFFFFFFF
    length -= 12
    if skip < length and position < size:
        part = receive_view[12 + skip : 12 + length]
        file.write(part)
        add(part, len(part), digest, table)
        position += len(part)
        if not position & 0xFFFF:
            file.flush()


# The `DON` of the open file.
def finish(transfer, place, detail):
    global due, opened, file
    if LOSSY and place == size != position:
        answer(transfer, position)
        return
    if not place == size == position:
        raise Refused(16)
    if crc64() != unpack("<Q", detail, 8)[0]:
        if resume:
            due += 1
        close(0)
        refuse(transfer, Refused(15))
        return
    if file:
        file.close()
        if not is_same:
            rename(partial_of(target), target)
    opened, file = 0, None
    if LOSSY or not tree:
        end(b"DON", transfer, place, detail)


def fail(transfer, error):
    reason = reason_of(error)[0]
    if transfer == opened:
        close(reason not in (10, 11, 13, 14, 15))
    refuse(transfer, error)


# ---
def offer(transfer, resume, detail, extra):
    global count, due, offers
    if not tree:
        if opened:
            return
        if not due:
            count = 0
        due = 0
    elif opened:
        fail(opened, Refused(16))
    if tree:
        offers += 1
    try:
        text, tags = parse(extra)
        if 128 in tags:
            is_directory = text == "" or text[-1] == "/"
            text = text[:-1] if text and is_directory else text
            path = base + sound(text) if text else base[:-1]
            end(b"DON", transfer, *operate(path, 2 if is_directory else 1, tags[128]))
            return
        if tree and due and not resume and unpack("<Q", detail)[0]:
            due -= 1
        begin(transfer, text, unpack("<Q", detail)[0], resume)
    except Exception as error:
        close(1)
        refuse(transfer, error)


# ---
def begin_tree(transfer, extra):
    global tree, base, offers, due, asked, count, drained
    if tree:
        raise SystemExit
    if opened:
        return
    count = offers = due = 0
    asked = -1
    try:
        text = parse(extra)[0]
        if text:
            make_directories(sound(text))
        base = text + "/" if text else ""
        tree = transfer
        if LOSSY:
            answer(transfer, 0)
    except Exception as error:
        refuse(transfer, error)
        drained = 0 if LOSSY else transfer


def end_tree(transfer, place, detail):
    global tree, base, asked
    if opened:
        fail(opened, Refused(16))
    if place == offers and due and asked in (-1, count):
        asked = count
        answer(transfer, offers)
        return
    tree, base = 0, ""
    if place == offers:
        end(b"DON", transfer, place, detail)
    else:
        refuse(transfer, Refused(16))


# `ERR` of a sender.
def given_up(transfer, detail):
    global tree, base, due
    reason = detail[0] | detail[1] << 8
    if transfer == opened:
        if reason in (14, 15) and resume:
            due += 1
        close(reason not in (10, 11, 13, 14, 15))
    elif transfer == tree:
        close(1)
        tree, base = 0, ""
    if LOSSY:
        refuse(transfer, Refused(reason))


def hello(detail):
    global session, seed, count, tree, base, drained, ended, chunk, due, allowed
    number, version, link, _, most, block, _, credit = unpack("<IBBHHBBH", detail)
    if not number:
        return
    if number != session:
        close(1)
        session = seed = number
        count = tree = drained = ended = due = 0
        base = ""
        gc.collect()
    chunk = min(1024, most) & -(256 << block)
    if chunk and block < 3 and version and credit:
        allowed = min(credit, 8)
        own = pack("<IBBHHBBHH", number, 1, link | LOSSY | 2, 0, chunk, block, 0, 1 if LOSSY else 8, 0)
        send(b"PON", 0, 0, own)
    else:
        send(b"ERR", 0, 0, pack("<HHI8x", 20, 0, number))
# ---
# The other end has begun a new session, or given the request up.
class Over(Exception):
    pass


frames = acknowledged = allowed = credit = request = 0
# The number of the last offer, and those of the offers in a tree that have failed.
offered = 0
failed = []


# Waits for an answer to a question on one of these transfers; repeats the question on a lossy line.
def wait(transfers, question):
    global acknowledged, credit
    if LOSSY:
        pause = 1
        repeats = 0
    while 1:
        got = frame(pause if LOSSY else 0)
        if LOSSY and got is None:
            if repeats > 15:
                raise Over
            repeats += 1
            pause = min(4, 2 * pause)
            write(question)
            continue
        code, transfer, place, detail = got[:4]
        if not code:
            drop(detail)
        elif not transfer and code == b"PIN":
            if unpack("<I", detail)[0] != session:
                hello(detail)
                raise Over
            if LOSSY:
                write(question)
            else:
                hello(detail)
        elif code in (b"PON", b"DON"):
            at = unpack("<H", detail, 2 if code == b"PON" else 0)[0]
            if code == b"PON":
                credit = detail[0] | (detail[1] & 127) << 8
            if (frames - at & 0xFFFF) <= (frames - acknowledged & 0xFFFF):
                acknowledged = at
            if transfer in transfers and (code == b"DON" or credit):
                return code, transfer, place, detail
        elif code == b"ERR":
            if transfer == request:
                if tree_given and not LOSSY:
                    send(b"ERR", request, 0, pack("<H14x", detail[0] | detail[1] << 8))
                raise Over
            if transfer in transfers:
                return code, transfer, place, detail
            if detail[0] in (14, 15):
                failed.append(transfer)


def room():
    return (frames - acknowledged & 0xFFFF) < min(8, credit)


# Waits until a frame may be sent: the answer on this transfer, if there was one.
def make_room(transfer):
    got = None
    # Until an error, or a prefix.
    while not room() and not (got and (got[0] == b"ERR" or got[3][1] & 128)):
        question = send(b"PIN", transfer, 0, pack("<H14x", frames))
        got = wait((transfer, request), question)
    return got


def counted(code, transfer, place, detail, extra=b""):
    global frames
    frames = frames + 1 & 0xFFFF
    return send(code, transfer, place, detail, extra)


# Sends a chunk whose content is in its place.
def give_chunk(transfer, place, count):
    global frames
    sent[:8] = pack("<BBHI", 0xFA, transfer & 255, count, place & 0xFFFFFFFF)
    check = crc32(send_view[12 : 12 + count], crc32(send_view[:8], ~session & 0xFFFFFFFF))
    sent[8:12] = pack("<I", check)
    frames = frames + 1 & 0xFFFF
    write(send_view[: 12 + count])


# Ends an offer for this reason.
def give_up(transfer, place, reason):
    question = counted(b"ERR", transfer, place, pack("<H14x", reason))
    if LOSSY:
        wait((transfer,), question)
    return reason


def reason_in(got):
    return got[3][0] | got[3][1] << 8 if got and got[0] == b"ERR" else 0


# ---
# Offers an entry and sends its content: 0, or the reason why the receiver refused it.
def give(path, name, names_only, in_tree, may_resume):
    global offered
    what, length, modified = kind(path)
    if not in_tree or offered:
        offered = offered % 65535 + 1
        if in_tree and offered == request:
            offered = offered % 65535 + 1
    transfer = offered
    if what == 2:
        length = 0
        name += "/"
    modified = (modified + EPOCH) * 1000000000 if modified > 0 else -1 << 63
    if in_tree:
        make_room(request)
    question = counted(b"SAF", transfer, length if may_resume else 0, pack("<Qq", length, modified), name.encode())
    got = wait((transfer,), question) if LOSSY else None
    if names_only or got and got[0] == b"ERR":
        return reason_in(got)
    clear()
    at = done = 0
    with open(path, "rb") if what == 1 else io.BytesIO() as file:
        while 1:
            if got:
                code, _, place, detail = got
                if code == b"ERR":
                    return reason_in(got)
                if code == b"DON":
                    return 0
                if detail[1] & 128:
                    if place > done:
                        file.seek(done)
                        add_file(file, place - done)
                        at = done = place
                        if crc64() != unpack("<Q", detail, 4)[0]:
                            return give_up(transfer, at, 14)
                        file.seek(at)
                elif LOSSY and place < at:
                    at = place
                    file.seek(at)
            got = None
            if at < length:
                got = make_room(transfer)
                if got:
                    continue
                count = file.readinto(send_view[12 : 12 + min(chunk, length - at)])
                if not count:
                    return give_up(transfer, at, 13)
                if at + count > done:
                    add(send_view[12 + done - at :], at + count - done, digest, table)
                    done = at + count
                give_chunk(transfer, at, count)
                at += count
                continue
            got = make_room(transfer)
            if got:
                continue
            question = counted(b"DON", transfer, length, pack("<H6xQ", frames + 1 & 0xFFFF, crc64()))
            if in_tree and not LOSSY:
                return 0
            got = wait((transfer,), question)


# ---
# The paths of a tree, relative to it.
def walk(root, below, depth):
    for name, what, _ in entries(root + below[:-1] if below else root[:-1]):
        yield below + name
        if what == 2 and depth != 1:
            for path in walk(root, below + name + "/", depth - 1):
                yield path


def request_tree(path, names_only, depth):
    global offered, request, tree_given
    root = path + "/" if path else ""
    number = 0
    failed.clear()
    question = counted(b"SAR", request, 0, b"\xff" * 16, path.encode())
    if LOSSY:
        wait((request,), question)
    tree_given = 1
    for name in walk(root, "", depth):
        number += 1
        if give(root + name, name, names_only, 1, 1) in (14, 15):
            failed.append(offered)
    while 1:
        make_room(request)
        question = counted(b"DON", request, number, pack("<H14x", frames + 1 & 0xFFFF))
        got = wait((request,), question)
        if got[0] == b"DON":
            return
        # The re-offers, by the numbers of the first offers.
        first = request
        for name in walk(root, "", depth):
            first = first % 65535 + 1
            if first in failed:
                number += 1
                give(root + name, name, names_only, 1, 0)
        failed.clear()


# ---
def requested(code, transfer, detail, extra):
    global request, offered, frames, acknowledged, credit, tree_given, ended
    request = offered = transfer
    ended = 0
    frames = acknowledged = tree_given = 0
    credit = allowed
    names_only = detail[0] & 1
    try:
        text, tags = parse(extra)
        options = tags.get(129, ZEROS[:3])
        if options[0] or options[2:] > b"\3":
            raise Refused(20)
        if text:
            sound(text)
        if code == b"RAR":
            expect(text, 2)
            request_tree(text, names_only, options[1])
            return
        expect(text, 1)
        request = 0
        offered = transfer - 1
        if give(text, text, names_only, 0, 1) in (14, 15):
            give(text, text, names_only, 0, 0)
    except Over:
        pass
    except Exception as error:
        refuse(transfer, error)
# ---
def act(code, transfer, place, detail, extra=b""):
    global count, drained
    if not code:
        if opened and transfer == opened & 255 and file:
            store(place, detail)
        drop(detail)
    elif not transfer:
        if code == b"PIN":
            hello(detail)
    elif not LOSSY and drained:
        if code == b"PIN":
            count = detail[0] | detail[1] << 8
            answer(transfer, 0)
        elif transfer == drained and code in (b"DON", b"ERR"):
            drained = 0
    elif code == b"PON":
        pass
    elif LOSSY and transfer == ended and transfer not in (opened, tree):
        write(ending)
    elif code == b"SAF":
        if transfer == opened:
            again()
        else:
            offer(transfer, place, detail, extra)
    elif code == b"SAR":
        if transfer == tree:
            answer(transfer, offers)
        else:
            begin_tree(transfer, extra)
    elif code == b"ERR":
        given_up(transfer, detail)
    elif code == b"PIN" or code == b"DON":
        if opened or tree:
            count = detail[0] | detail[1] << 8
        if code == b"PIN":
            if opened or tree:
                answer(transfer, position if transfer == opened else offers)
        elif transfer == opened:
            finish(transfer, place, detail)
        elif transfer == tree:
            end_tree(transfer, place, detail)
    elif not opened and not tree:
        if code == b"CLS":
            refuse(transfer, Refused(19))
        else:
            requested(code, transfer, detail, extra)


# ---
def serve():
    while 1:
        got = frame()
        try:
            act(*got)
        except Exception as error:
            if not got[0]:
                drop(got[3])
            fail(opened or tree, error)


# Closes the file; then the names and the memory of the board are as before.
def run():
    names, before = globals(), BEFORE
    steps = [lambda: close(1), lambda: forget(names, before), gc.collect]
    try:
        serve()
    except (SystemExit, KeyboardInterrupt):
        pass
    finally:
        while steps:
            try:
                steps[0]()
                steps.pop(0)
            except KeyboardInterrupt:
                # A second Ctrl-C, where the server cannot disable it.
                pass


def forget(names, before):
    for name in list(names):
        if name not in before:
            names.pop(name, 0)


# ---
if ESCAPED:
    print("tinyferry ready, escaped")
else:
    # The REPL enables Ctrl-C for each script, and disables it after each.
    micropython.kbd_intr(-1)
    print("tinyferry ready")
run()
