"""Tinyferry moves files and directory trees over any byte stream: a client and a server in pure Python.

    with tinyferry.connect("tcp://board.local:8080") as client:
        client.put("firmware", "firmware")
        client.get("log.txt")
"""
from .client import Client, Space, connect
from .errors import Error, Incomplete, LinkError, ProtocolError, Refused, Timeout
from .link import Link, Stream
from .serial_port import Port
from .server import Server, serve
from .tree import Entry
from .upload import Report

__all__ = ["Client", "Entry", "Error", "Incomplete", "Link", "LinkError", "Port", "ProtocolError", "Refused", "Report",
           "Server", "Space", "Stream", "Timeout", "connect", "serve"]
