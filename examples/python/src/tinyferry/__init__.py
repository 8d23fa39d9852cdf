"""Tinyferry moves files and directory trees over any byte stream. Written from core/PROTOCOL.md alone."""
