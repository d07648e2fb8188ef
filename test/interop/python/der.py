"""DER, read strictly: definite lengths in their shortest form, nothing left over."""

from dsse import Malformed

SEQUENCE, SET, INTEGER, OCTETS, OID, BOOLEAN, NULL, TIME = 0x30, 0x31, 0x02, 0x04, 0x06, 0x01, 0x05, 0x18


class Node:
    """One element: its tag, its content and its whole bytes."""

    def __init__(self, tag, content, whole):
        self.tag, self.content, self.whole = tag, content, whole

    def children(self):
        out, at = [], 0
        while at < len(self.content):
            node, at = read(self.content, at)
            out.append(node)
        return out

    def expect(self, tag):
        if self.tag != tag:
            raise Malformed(f"tag {self.tag:02x} where {tag:02x} belongs")
        return self

    def integer(self):
        data = self.expect(INTEGER).content
        if not data or (len(data) > 1 and (data[0] == 0 and data[1] < 128 or data[0] == 255 and data[1] >= 128)):
            raise Malformed("an INTEGER that is not in its shortest form")
        return int.from_bytes(data, "big", signed=True)

    def boolean(self):
        if self.expect(BOOLEAN).content not in (b"\x00", b"\xff"):
            raise Malformed("a BOOLEAN other than 00 and FF")
        return self.content == b"\xff"

    def oid(self):
        data, parts, value = self.expect(OID).content, [], 0
        if not data or data[-1] & 0x80:
            raise Malformed("no OBJECT IDENTIFIER")
        for index, byte in enumerate(data):
            if byte == 0x80 and (index == 0 or not data[index - 1] & 0x80):
                raise Malformed("an OBJECT IDENTIFIER that is not in its shortest form")
            value = value << 7 | byte & 0x7F
            if not byte & 0x80:
                parts.append(value)
                value = 0
        first = min(parts[0] // 40, 2)
        return ".".join(map(str, [first, parts[0] - 40 * first, *parts[1:]]))


def read(data, at=0):
    if at + 2 > len(data):
        raise Malformed("cut")
    tag, length, start = data[at], data[at + 1], at + 2
    if tag & 0x1F == 0x1F:
        raise Malformed("a tag of several bytes")
    if length == 0x80:
        raise Malformed("an indefinite length")
    if length > 0x80:
        count = length & 0x7F
        length = int.from_bytes(data[start : start + count], "big")
        if count > 4 or start + count > len(data) or length < 128 or length >> (8 * (count - 1)) == 0:
            raise Malformed("a length that is not in its shortest form")
        start += count
    if start + length > len(data):
        raise Malformed("cut")
    return Node(tag, data[start : start + length], data[at : start + length]), start + length


def whole(data):
    node, end = read(data)
    if end != len(data):
        raise Malformed("bytes after the end")
    return node
