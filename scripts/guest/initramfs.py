#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Packs an initramfs: initramfs.py MANIFEST OUTPUT. Lines of the manifest: path in the guest, file, mode (octal).

Everything belongs to root in the guest, whoever packs it. Files that end with .xz are unpacked first.
"""
import gzip
import lzma
import pathlib
import stat
import sys


class Archive:
    """cpio, format newc."""

    def __init__(self):
        self.bytes = bytearray()
        self.inode = 1
        self.directories = set()

    def add(self, path, mode, data=b""):
        name = path.lstrip("/").encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
        self.bytes += b"070701" + b"".join(b"%08X" % field for field in fields) + name
        self.pad()
        self.bytes += data
        self.pad()
        self.inode += 1

    def pad(self):
        self.bytes += b"\0" * (-len(self.bytes) % 4)

    def directory(self, path):
        if path in self.directories or path in ("", "/"):
            return
        self.directory(str(pathlib.PurePosixPath(path).parent))
        self.directories.add(path)
        self.add(path, stat.S_IFDIR | 0o755)


def main():
    manifest, output = sys.argv[1:]
    archive = Archive()
    for path in ("/dev", "/proc", "/sys", "/tmp"):
        archive.directory(path)
    for line in pathlib.Path(manifest).read_text().splitlines():
        path, source, mode = line.split()
        data = pathlib.Path(source).read_bytes()
        if source.endswith(".xz"):
            data = lzma.decompress(data)
        archive.directory(str(pathlib.PurePosixPath(path).parent))
        archive.add(path, stat.S_IFREG | int(mode, 8), data)
    archive.inode = 0
    archive.add("TRAILER!!!", 0)
    pathlib.Path(output).write_bytes(gzip.compress(bytes(archive.bytes), 1))


if __name__ == "__main__":
    main()
