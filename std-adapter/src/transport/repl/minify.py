#!/usr/bin/env python3
"""Makes the server for boards, `peer.py`, short: no comments, short names.

    python3 minify.py            # writes the files below
    python3 minify.py --check    # fails if one of them is another one

`peer.min.py` has one piece after another, with a line "#" between two. `reliable.deflate` and `lossy.deflate` have the
same for one kind of line each, without the code for the other: a line with the lengths of the pieces, and all pieces as one
stream of raw deflate with a window of 4 KiB.
"""
import ast
import builtins
import io
import itertools
import keyword
import operator
import pathlib
import re
import string
import sys
import tokenize
import zlib

HERE = pathlib.Path(__file__).parent
# Names that the client defines, and types of MicroPython's compiler.
GIVEN = {"BEFORE", "LOSSY", "ROOT", "micropython", "ptr8", "ptr32", "uint"}
# The length of a compressed piece, where several are one.
LONGEST = 1800
PIECES = re.compile(r"^# ---\n", re.M)
FAST = re.compile(r'FAST = """\n(.*?)"""', re.S)


def names_in(node):
    """The names that a node states itself."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.arg):
        return [node.arg]
    if isinstance(node, (ast.Global, ast.Nonlocal)):
        return node.names
    if isinstance(node, ast.alias):
        return [(node.asname or node.name).split(".")[0]]
    return [node.name] if isinstance(node, ast.ExceptHandler) and node.name else []


def is_binding(node):
    return (
        isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.arg, ast.alias))
        or isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        or isinstance(node, ast.ExceptHandler)
    )


def functions(tree):
    """The functions of a module, without those in others."""
    found = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            found.append(node)
        else:
            found += functions(node)
    return found


def local_names(function):
    """The names that a function binds, the most used one first."""
    inside = [node for node in ast.walk(function) if node is not function]
    outside = {name for node in inside if isinstance(node, ast.Global) for name in node.names}
    bound = {name for node in inside if is_binding(node) for name in names_in(node)} - outside
    uses = [name for node in inside for name in names_in(node)]
    return sorted(bound, key=lambda name: (-uses.count(name), name))


def merged(pieces):
    """Fewer pieces, where two are short."""
    out = []
    for piece in pieces:
        # The last piece runs alone, when there is as much memory as possible.
        if out and len(out[-1]) + len(piece) < LONGEST and piece != pieces[-1]:
            out[-1] = re.sub(r"\w+\.collect\(\)\n$", "", out[-1]) + piece
        else:
            out.append(piece)
    return out


class Rename(ast.NodeTransformer):
    def __init__(self, short):
        self.short = short

    def visit(self, node):
        short = self.short
        if isinstance(node, ast.Name):
            node.id = short.get(node.id, node.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            node.name = short.get(node.name, node.name)
        elif isinstance(node, ast.arg):
            node.arg = short.get(node.arg, node.arg)
        elif isinstance(node, ast.Global):
            node.names = [short.get(name, name) for name in node.names]
        elif isinstance(node, ast.ExceptHandler) and node.name:
            node.name = short.get(node.name, node.name)
        elif isinstance(node, ast.alias):
            name = node.asname or node.name
            if short.get(name, name) != node.name:
                node.asname = short.get(name, name)
        return self.generic_visit(node)


def dense(code):
    """The same tokens with as little space as possible."""
    out, depth, last = [], 0, ""
    is_word = lambda text: text and (text[-1].isalnum() or text[-1] in "_")
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        kind, text = token.type, token.string
        if kind == tokenize.INDENT:
            depth += 1
        elif kind == tokenize.DEDENT:
            depth -= 1
        elif kind == tokenize.NEWLINE:
            out.append("\n")
            last = ""
        elif kind not in (tokenize.NL, tokenize.COMMENT, tokenize.ENDMARKER):
            if not last:
                out.append(" " * depth)
            elif is_word(last) and (text[0].isalnum() or text[0] in "_\"'") and not (
                text[0] in "\"'" and keyword.iskeyword(last)
            ):
                out.append(" ")
            out.append(text)
            last = text
    return "".join(out)


def joined(code):
    """Simple statements of one block on one line."""
    lines, out = code.splitlines(), []
    compound = re.compile(r" *(if|elif|else|for|while|def|class|try|except|finally|with|@)\b|^ *@")
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if (
            out
            and not compound.match(line)
            and not compound.match(out[-1])
            and len(out[-1]) - len(out[-1].lstrip()) == indent
        ):
            out[-1] += ";" + line.strip()
        else:
            out.append(line)
    result = []
    for at, line in enumerate(out):
        indent = len(line) - len(line.lstrip())
        before = result[-1] if result else ""
        next_indent = len(out[at + 1]) - len(out[at + 1].lstrip()) if at + 1 < len(out) else 0
        if (
            before.endswith(":")
            and not compound.match(line)
            and next_indent < indent
            and len(before) - len(before.lstrip()) == indent - 1
        ):
            result[-1] += line.strip()
        else:
            result.append(line)
    return "\n".join(result) + "\n"


def rename(tree, short, letters):
    """Gives short names: to locals single letters that are free in their function, to others those of `short`."""
    for function in functions(tree):
        own = local_names(function)
        used = {name for node in ast.walk(function) for name in names_in(node)} - set(own)
        free = (letter for letter in letters if letter not in used and letter not in short.values())
        local = dict(zip(own, free))
        assert len(local) == len(own), f"{function.name} has too many names"
        arguments = {node.arg for node in ast.walk(function) if isinstance(node, ast.keyword)}
        assert not arguments & set(local), f"{function.name} passes an argument by its name"
        for child in ast.iter_child_nodes(function):
            Rename(local).visit(child)
    Rename(short).visit(tree)
    return tree


def small(tree):
    return joined(dense(ast.unparse(ast.fix_missing_locations(tree))))


def minified(source):
    fast = FAST.search(source).group(1)
    whole = ast.parse(source + "\n" + fast)
    inside = {id(node) for function in functions(whole) for node in ast.walk(function) if node is not function}
    names = {name for node in ast.walk(whole) if is_binding(node) and id(node) not in inside for name in names_in(node)}
    names |= {name for node in ast.walk(whole) if isinstance(node, ast.Global) for name in node.names}
    names = {name for name in names - GIVEN if not name.startswith("__")}
    uses = [name for node in ast.walk(whole) for name in names_in(node)]
    letters = string.ascii_letters + "_"
    taken = set(dir(builtins)) | GIVEN | set(keyword.kwlist) | {"const"}
    pairs = ("".join(pair) for pair in itertools.product(string.ascii_uppercase + "_", letters + string.digits))
    fresh = (name for name in itertools.chain(string.ascii_uppercase + "_", pairs) if name not in taken)
    short = dict(zip(sorted(names, key=lambda name: (-uses.count(name), name)), fresh))
    pieces = []
    for piece in PIECES.split(source):
        # Each piece leaves as much memory as possible to the next one.
        tree = ast.parse(piece if "tinyferry ready" in piece else piece + "gc.collect()\n")
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("\n@"):
                node.value = small(rename(ast.parse(fast), short, string.ascii_lowercase))
        pieces.append(small(rename(tree, short, string.ascii_lowercase)))
    return "#\n".join(pieces)


def read(content):
    """The text of a file."""
    lengths, _, stream = content.partition(b"\n")
    is_packed = re.fullmatch(rb"[0-9,]+", lengths)
    return lengths + zlib.decompress(stream, -12) if is_packed else content


class Fold(ast.NodeTransformer):
    """Replaces names by their values, and drops the code that is not reached then."""

    def __init__(self, values):
        self.values = values

    def visit_Name(self, node):
        return ast.Constant(self.values[node.id]) if node.id in self.values else node

    def visit_Assign(self, node):
        if any(isinstance(target, ast.Name) and target.id in self.values for target in node.targets):
            return None
        return self.generic_visit(node)

    def visit_BinOp(self, node):
        self.generic_visit(node)
        operators = {ast.LShift: operator.lshift, ast.Sub: operator.sub, ast.FloorDiv: operator.floordiv}
        operation = operators.get(type(node.op))
        if operation and isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Constant):
            return ast.Constant(operation(node.left.value, node.right.value))
        return node

    def visit_For(self, node):
        self.generic_visit(node)
        return node.body if ast.unparse(node.iter) == "range(1)" else node

    def visit_UnaryOp(self, node):
        self.generic_visit(node)
        return ast.Constant(not node.operand.value) if isinstance(node.op, ast.Not) and is_truth(node.operand) else node

    def visit_BoolOp(self, node):
        self.generic_visit(node)
        neutral = isinstance(node.op, ast.And)
        if any(is_truth(value) and value.value != neutral for value in node.values):
            # Nothing in the peer depends on the evaluation of the other operands.
            return ast.Constant(not neutral)
        rest = [value for value in node.values if not is_truth(value)]
        node.values = rest
        return node if len(rest) > 1 else rest[0] if rest else ast.Constant(neutral)

    def visit_IfExp(self, node):
        self.generic_visit(node)
        return (node.body if node.test.value else node.orelse) if is_truth(node.test) else node

    def generic_visit(self, node):
        super().generic_visit(node)
        for field in ("body", "orelse"):
            block = getattr(node, field, None)
            if isinstance(block, list):
                ends = [at for at, line in enumerate(block) if isinstance(line, (ast.Raise, ast.Return, ast.Continue))]
                del block[ends[0] + 1 if ends else len(block) :]
        return node

    def visit_If(self, node):
        self.generic_visit(node)
        return (node.body if node.test.value else node.orelse) if is_truth(node.test) else node


def is_truth(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, bool)


def folded(source, values):
    """The source with values in place of names."""
    fold = lambda code: ast.unparse(ast.fix_missing_locations(Fold(values).visit(ast.parse(code))))
    fast = 'FAST = """\n' + fold(FAST.search(source).group(1)) + '\n"""'
    pieces = [re.sub("^FAST = .*$", lambda _: fast, fold(piece), flags=re.M) + "\n" for piece in PIECES.split(source)]
    return "# ---\n".join(pieces)


def packed(source, lossy):
    """The file for one kind of line."""
    source = folded(source, {"LOSSY": lossy, "ESCAPED": False, "BITS": 8})
    pieces = merged([piece.strip("\n") + "\n" for piece in minified(source).split("\n#\n")])
    streams = []
    for memory in range(1, 10):
        for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED):
            stream = zlib.compressobj(9, zlib.DEFLATED, -12, memory, strategy)
            streams.append(stream.compress("".join(pieces).encode()) + stream.flush())
    lengths = ",".join(str(len(piece.encode())) for piece in pieces)
    return lengths.encode() + b"\n" + min(streams, key=wire_length)


def wire_length(stream):
    """The length of the statements that add the bytes of a stream."""
    costs = {0: 1, 3: 3, 4: 3, 10: 1, 13: 1, 39: 1, 92: 1}
    return len(stream) + sum(costs.get(byte, 0) for byte in stream)


if __name__ == "__main__":
    source = (HERE / "peer.py").read_text()
    made = {"peer.min.py": minified(folded(source, {"BITS": 4})).encode()}
    made |= {"reliable.deflate": packed(source, False), "lossy.deflate": packed(source, True)}
    for name, content in made.items():
        file = HERE / name
        if sys.argv[1:] == ["--check"]:
            # Another zlib may make another stream of the same text.
            if read(file.read_bytes()) != read(content):
                raise SystemExit(f"{name} is not made of peer.py: run minify.py")
        else:
            file.write_bytes(content)
            print(name, len(content), "bytes")
