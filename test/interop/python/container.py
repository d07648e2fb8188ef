"""The files of a bundle: a folder, or one deterministic ustar archive (spec/bundle.md)."""

import os
import re
import stat

from dsse import Malformed

MAX_FILES = 200_000
SEGMENT = re.compile(r"[A-Za-z0-9@+=,_-][A-Za-z0-9@+=,._-]*")
BLOCK = 512


def check_path(path):
    if len(path) > 256 or not all(SEGMENT.fullmatch(part) for part in path.split("/")):
        raise Malformed(f"the path `{path[:80]}` is not allowed")


def check_paths(paths):
    seen = set()
    for path in paths:
        check_path(path)
        if path.lower() in seen:
            raise Malformed(f"the path `{path}` stands twice, or differs from another in case alone")
        seen.add(path.lower())
    if len(paths) > MAX_FILES:
        raise Malformed("more than 200,000 files")


def read_bundle(path):
    """All files by path."""
    if os.path.isdir(path):
        return read_folder(path)
    with open(path, "rb") as file:
        return read_tar(file.read())


def read_folder(root):
    files, pending = {}, [""]
    while pending:
        folder = pending.pop()
        for entry in os.scandir(os.path.join(root, folder)):
            path = f"{folder}/{entry.name}" if folder else entry.name
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                check_path(path)
                pending.append(path)
            elif stat.S_ISREG(mode):
                check_path(path)
                with open(os.path.join(root, path), "rb") as file:
                    files[path] = file.read()
            else:
                raise Malformed(f"`{path}` is neither a file nor a folder")
    check_paths(list(files))
    return files


def read_tar(data):
    """The files of an archive that is exactly what a writer makes of them."""
    files, at = {}, 0
    while True:
        header = data[at : at + BLOCK]
        if len(header) < BLOCK:
            raise Malformed("the archive is cut")
        if header == bytes(BLOCK):
            break
        name = header[:100].rstrip(b"\0")
        prefix = header[345:500].rstrip(b"\0")
        size_text = header[124:135]
        if not re.fullmatch(rb"[0-7]{11}", size_text):
            raise Malformed("no size")
        size = int(size_text, 8)
        try:
            path = ((prefix + b"/" if prefix else b"") + name).decode("ascii")
        except UnicodeDecodeError as error:
            raise Malformed("a path that is not ASCII") from error
        if path in files:
            raise Malformed(f"`{path}` stands twice")
        start = at + BLOCK
        if start + size > len(data):
            raise Malformed("the archive is cut")
        files[path] = data[start : start + size]
        at = start + -(-size // BLOCK) * BLOCK
        if len(files) > MAX_FILES:
            raise Malformed("more than 200,000 files")
    check_paths(list(files))
    if write_tar(files) != data:
        raise Malformed("the archive is not the one that a writer makes of its files")
    return files


def write_tar(files):
    out = []
    for path in sorted(files):
        data = files[path]
        out += [header_of(path, len(data)), data, bytes(-len(data) % BLOCK)]
    return b"".join(out) + bytes(2 * BLOCK)


def header_of(path, size):
    prefix, name = "", path
    if len(path) > 100:
        cut = path.find("/", len(path) - 101)
        if cut < 0:
            raise Malformed(f"`{path[:80]}` has no place to be split")
        prefix, name = path[:cut], path[cut + 1 :]
    fields = [
        (name, 100), ("0000644", 8), ("0000000", 8), ("0000000", 8), (f"{size:011o}", 12), ("0" * 11, 12),
        (" " * 8, 8), ("0", 1), ("", 100), ("ustar", 6), ("00", 2), ("", 32), ("", 32), ("0000000", 8), ("0000000", 8),
        (prefix, 155), ("", 12),
    ]  # fmt: skip
    header = b"".join(text.encode("ascii").ljust(width, b"\0") for text, width in fields)
    return header[:148] + b"%06o\0 " % sum(header) + header[156:]
