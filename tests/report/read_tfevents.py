#!/usr/bin/python3
"""Reads a TensorBoard event file with nothing but struct: read_tfevents.py FILE -> one JSON line per event.

Every checksum is computed anew, bit by bit; a wrong one, a cut record or an unknown field ends it with an error.
"""
import json
import struct
import sys


def masked_crc(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def records(data):
    at = 0
    while at < len(data):
        length, crc = struct.unpack_from("<QI", data, at)
        assert crc == masked_crc(data[at:at + 8]), f"checksum of the length at byte {at}"
        body = data[at + 12:at + 12 + length]
        assert struct.unpack_from("<I", data, at + 12 + length)[0] == masked_crc(body), f"checksum of the record at byte {at}"
        yield body
        at += 16 + length


def fields(data):
    def varint(at):
        value = shift = 0
        while True:
            value |= (data[at] & 0x7F) << shift
            shift += 7
            at += 1
            if data[at - 1] < 0x80:
                return value, at

    at = 0
    while at < len(data):
        key, at = varint(at)
        if key & 7 == 0:
            value, at = varint(at)
        elif key & 7 == 1:
            value, at = struct.unpack_from("<d", data, at)[0], at + 8
        elif key & 7 == 2:
            size, at = varint(at)
            assert at + size <= len(data), "a field beyond its message"
            value, at = data[at:at + size], at + size
        elif key & 7 == 5:
            value, at = struct.unpack_from("<f", data, at)[0], at + 4
        else:
            raise AssertionError(f"kind {key & 7} of field {key >> 3}")
        yield key >> 3, value


def event(record):
    out = {"scalars": {}}
    for number, value in fields(record):
        if number == 5:
            for _, one in fields(value):
                scalar = dict(fields(one))
                out["scalars"][scalar[1].decode()] = scalar[2]
        else:
            name = {1: "time", 2: "step", 3: "version"}[number]
            out[name] = value.decode() if number == 3 else value
    return out


for one in records(open(sys.argv[1], "rb").read()):
    print(json.dumps(event(one)))
