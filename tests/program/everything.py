"""A file and a tree in both directions, and each operation, by the client in Python: `everything.py URL`."""
import sys

import tinyferry


def exchange(client, is_lossy):
    assert client.ping() < 10
    assert client.put("file").sent >= 40_000
    # The server has it already. On a reliable link the content may be sent before the answer tells so (R62).
    again = client.put("file")
    assert again.resumed == 40_000 if is_lossy else again.sent + again.resumed >= 40_000
    client.get("file", "back")
    client.put("tree")
    client.get("tree", "tree back")
    assert client.is_same("tree", "tree")
    client.put("file", "tree/extra/file")
    client.mirror("tree")
    assert client.is_same("tree", "tree")
    client.mv("tree/deep", "tree/new")
    client.mkdir("tree/a/b")
    names = {entry.name for entry in client.ls("tree", recursive=True)}
    assert {"new/er/and deeper/leaf", "a/b"} < names, names
    assert not client.is_same("tree", "tree")
    assert 0 < client.df().free < client.df().total
    assert client.df(".").total == client.df().total
    assert client.stat("file").size == 40_000 and client.stat("tree").is_directory
    client.rm("tree", recursive=True)
    assert [entry.name for entry in client.ls()] == ["file"]
    try:
        client.get("missing")
    except tinyferry.Refused as error:
        assert error.reason == 3 and "no file or directory has that name" in str(error)
    else:
        raise AssertionError("a missing file was received")


if __name__ == "__main__":
    with tinyferry.connect(sys.argv[1]) as client:
        exchange(client, sys.argv[1].startswith("serial:") or "lossy=true" in sys.argv[1])
