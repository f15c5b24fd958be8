#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seed inputs of iommu_fuzzer: one small program for each kind of operation.

Usage: make_seeds.py DIRECTORY
"""
import pathlib
import struct
import sys

FLAGS = b"\x00\x00"
GUESTS = range(1, 6)  # PASIDs of the skeleton: first stage, second stage, nested, pass-through


def dma(how, pasid, page, offset=0, value=b""):
    return bytes([6, how, 0, pasid, page, offset]) + value


def host_dma(how, pasid, page):
    return bytes([6, how, 0, pasid, 0x40 | page, 0])


def register(offset, size, value):
    return bytes([2]) + struct.pack("<HB", offset, size == 8) + value.to_bytes(size, "little")


def descriptor(low, high=0):
    return bytes([4]) + struct.pack("<QQ", low, high)


def known(kind, domain=1, pasid=1, page=0):
    return bytes([5, kind, domain, pasid, page])


def page_request(how, pasid, page, group=3):
    return bytes([9, how, 0, pasid, page, 0]) + struct.pack("<H", group)


SEEDS = {
    "reads": b"".join(dma(1, p, 0x15) for p in GUESTS) + host_dma(1, 4, 0x15),
    "writes": b"".join(dma(0x19, p, 0x16, 8, b"\x01" * 8) for p in GUESTS),
    "without-pasid": dma(1, 6, 0x15) + dma(0x19, 6, 0x15, 0, b"\x02" * 8),
    "translated": host_dma(0x81, 6, 0x15) + host_dma(0x91, 6, 0x16),
    "translate": b"".join(bytes([8, nw, 0, p, 0x15, 0]) for p in GUESTS for nw in (0, 1)),
    "interrupt": bytes([6, 0x10, 0, 6, 0x80, 4, 0, 0, 0, 0, 0]) + bytes([6, 0x10, 0, 6, 0x80, 0x0C, 0]),
    "descriptors": b"".join(known(k) for k in range(12)) + bytes([11] * 4),
    "granularities": b"".join(known(k | g << 4) for k in range(12) for g in range(4)),
    "raw-descriptors": descriptor(0x11) + descriptor(0xD2) + descriptor(0x25, 0x24000) + descriptor(0xF),
    "device-tlb": known(2) + known(4) + bytes([12]) + struct.pack("<H", 2000) + bytes([15]),
    "completion": known(10) + bytes([10, 0]) + struct.pack("<I", 1) + b"\x01" + bytes([10, 0]) + b"\xff" * 4 + b"\x02",
    "pages": b"".join(page_request(h, p, 0x1F) for h in (1, 3, 5, 7, 4) for p in (1, 2, 3, 6)),
    "page-overflow": page_request(3, 1, 0x10) * 140 + page_request(7, 1, 0x10),
    "not-present": bytes([1, 7, 0x15, 0x15, 0, 0]) + known(8) + dma(1, 1, 0x15) + page_request(7, 1, 0x15),
    "entries": bytes([0, 3]) + struct.pack("<HQ", 8, 0) + known(9) + dma(1, 1, 0x15),
    "registers": register(0x38, 4, 1 << 31) + register(0xC0, 8, 0x40) + register(0xDC, 4, 3)
    + bytes([3]) + struct.pack("<HB", 0x220, 8),
    "enable-disable": bytes([14, 0x06, 14, 0x00, 14, 0x86]) + dma(1, 1, 0x15),
    "root-table": register(0x20, 8, 0x10000 | 3 << 10) + bytes([14, 0xC6]) + dma(1, 1, 0x15),
    "view": b"".join(bytes([13, p, 0x15, 0, 0]) for p in GUESTS),
    "large-pages": bytes([1, 6, 0, 0x80, 0x87, 0]) + dma(1, 1, 0x15) + bytes([1, 10, 0, 0x80, 0x83, 0]) + dma(1, 2, 0x15),
}


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, program in SEEDS.items():
        (folder / name).write_bytes(FLAGS + program)


if __name__ == "__main__":
    main()
