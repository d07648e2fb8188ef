"""Scope patterns and subjects (spec/scope.md): normal form, inclusion, exclusion."""

import ipaddress
import re
import unicodedata
from collections import namedtuple

Block = namedtuple("Block", "family network bits")
Name = namedtuple("Name", "name")
Host = namedtuple("Host", "form host")
Url = namedtuple("Url", "scheme host port segments loose has_query authority_host")
Shape = namedtuple("Shape", "shape value port kind prefix", defaults=(None, None, False))

KIND = re.compile(r"[a-z][a-z0-9-]*")
LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
HOST_FORBIDDEN = re.compile(r"[\x00-\x20\x7f%/?#@\\:\[\]<>^|*]")
CONTROL = re.compile("[\x00-\x1f\x7f\u2028\u2029]")
ESCAPED = re.compile("%([0-9a-fA-F]{2})")


def address(text):
    """A literal address as a block of one; IPv4-mapped IPv6 is IPv4."""
    if re.fullmatch(r"(0|[1-9][0-9]{0,2})(\.(0|[1-9][0-9]{0,2})){3}", text, re.ASCII):
        parts = [int(part) for part in text.split(".")]
        return Block(4, int.from_bytes(bytes(parts), "big"), 32) if max(parts) < 256 else None
    if ":" not in text or not re.fullmatch(r"[0-9a-fA-F:.]{2,45}", text, re.ASCII):
        return None
    try:
        number = int(ipaddress.IPv6Address(text))
    except ValueError:
        return None
    return Block(4, number & 0xFFFFFFFF, 32) if number >> 32 == 0xFFFF else Block(6, number, 128)


def cidr(text):
    match = re.fullmatch(r"([^/]+)/(0|[1-9][0-9]{0,2})", text, re.ASCII)
    one = address(match.group(1)) if match else None
    if one is None:
        return None
    bits = int(match.group(2)) - (96 if one.family == 4 and ":" in match.group(1) else 0)
    width = 32 if one.family == 4 else 128
    if not 0 <= bits <= width or one.network & ((1 << (width - bits)) - 1):
        return None
    return Block(one.family, one.network, bits)


def holds(outer, inner):
    if outer.family != inner.family or outer.bits > inner.bits:
        return False
    shift = (32 if outer.family == 4 else 128) - outer.bits
    return outer.network >> shift == inner.network >> shift


def ascii_name(text):
    """A name by UTS 46, non-transitional; None when it has none."""
    text = re.sub("[\u3002\uff0e\uff61]", ".", text)
    labels = []
    for label in text.split("."):
        label = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", label.replace("\u00ad", "")).lower())
        if label.startswith("xn--"):
            try:
                decoded = label[4:].encode("ascii").decode("punycode")
            except (UnicodeError, ValueError):
                return None
            if decoded.isascii() or decoded != unicodedata.normalize("NFC", decoded.lower()):
                return None
        elif not label.isascii():
            if any(unicodedata.category(char)[0] in "CZ" for char in label) or unicodedata.category(label[0])[0] == "M":
                return None
            try:
                label = "xn--" + label.encode("punycode").decode("ascii")
            except UnicodeError:
                return None
        labels.append(label)
    return ".".join(labels)


def host(text):
    """A name in ASCII form, or a literal address; None for what is neither, or could be read as another."""
    literal = address(text[1:-1] if text.startswith("[") and text.endswith("]") else text)
    if literal is not None:
        return literal
    if not text or len(text) > 1012 or HOST_FORBIDDEN.search(text):
        return None
    name = ascii_name(text)
    if name is None:
        return None
    name = name[:-1] if name.endswith(".") else name
    labels = name.split(".")
    if len(name) > 253 or re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]):
        return None
    return Name(name) if all(LABEL.fullmatch(label) for label in labels) else None


def host_pattern(text):
    if text == "*":
        return Host("any", None)
    found = host(text[2:] if text.startswith("*.") else text)
    if found is None:
        return None
    if not text.startswith("*."):
        return Host("exact", found)
    return Host("subdomains", found.name) if isinstance(found, Name) else None


def covers_host(pattern, found):
    if pattern.form == "any":
        return isinstance(found, Name)
    if pattern.form == "subdomains":
        return isinstance(found, Name) and found.name.endswith("." + pattern.host)
    if isinstance(pattern.host, Name) or isinstance(found, Name):
        return pattern.host == found
    return holds(pattern.host, found)


def decode_all(text):
    for _ in range(4):
        following = ESCAPED.sub(lambda match: chr(int(match.group(1), 16)), text)
        if following == text:
            return text
        text = following
    return None if ESCAPED.search(text) else text


def strict_path(path):
    """The path as the WHATWG URL standard writes it, as segments."""
    out = []
    parts = path.split("/")[1:] if path else [""]
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        plain = re.sub("%2e", ".", part, flags=re.IGNORECASE)
        if plain == "..":
            out = out[:-1] + ([""] if last else [])
        elif plain == ".":
            out += [""] if last else []
        else:
            encoded = "".join(
                char if "!" <= char <= "~" and char not in '"#<>?`{}^' else "".join(f"%{byte:02X}" for byte in char.encode())
                for char in part
            )
            out.append(encoded)
    return out


def unreserved(segment):
    def one(match):
        char = chr(int(match.group(1), 16))
        return char if re.fullmatch("[A-Za-z0-9._~-]", char) else match.group().upper()

    return ESCAPED.sub(one, segment)


def url(text):
    match = re.fullmatch(r"(https?)://([^/?#]*)([^?#]*)(.*)", text, re.IGNORECASE | re.DOTALL)
    if match is None or re.search(r"[\x00-\x20\x7f\\]", text):
        return None
    authority = re.fullmatch(r"(\[[^\]]*\]|[^:@\[\]]*)(?::([0-9]{1,5}))?", match.group(2), re.ASCII)
    found = host(authority.group(1)) if authority else None
    if found is None:
        return None
    scheme = match.group(1).lower()
    port = int(authority.group(2) or (443 if scheme == "https" else 80))
    path = strict_path(match.group(3))
    loose = decode_all("/" + "/".join(path))
    if not 0 < port < 65536 or loose is None:
        return None
    segments = []
    for part in re.split(r"[/\\]", loose):
        part = part.split(";", 1)[0]
        if part == "..":
            segments = segments[:-1]
        elif part not in ("", "."):
            segments.append(part)
    return Url(scheme, found, port, [unreserved(part) for part in path], segments, match.group(4) != "", authority.group(1))


def scope_text(kind, value):
    if CONTROL.search(value):
        return None
    text = unicodedata.normalize("NFC", value)
    if kind == "file":
        if re.search(r"^/|\\|^[A-Za-z]:", text):
            return None
        text = "/".join(part for part in text.split("/") if part not in ("", "."))
    if not text or text.strip() != text:
        return None
    decoded = text if kind == "file" else decode_all(text)
    if decoded is None or CONTROL.search(decoded):
        return None
    return None if any(part in (".", "..") for part in re.split(r"[/\\]", decoded)) else text


def endpoint(text):
    match = re.fullmatch(r"(\[[^\]]+\]|[^:\[\]]+):([1-9][0-9]{0,4})", text, re.ASCII)
    found = host_pattern(match.group(1)) if match else None
    return None if found is None or int(match.group(2)) > 65535 else (found, int(match.group(2)))


def pattern(text):
    """A pattern in normal form, or None."""
    kind, colon, value = text.partition(":")
    if not colon or not KIND.fullmatch(kind) or not value or len(text) > 2100:
        return None
    if kind == "host":
        found = host_pattern(value)
        return found and Shape("host", found)
    if kind == "email-domain":
        found = host_pattern(value)
        literal = found is not None and found.form == "exact" and not isinstance(found.host, Name)
        return None if found is None or literal else Shape("email-domain", found)
    if kind in ("address", "cidr"):
        block = address(value) if kind == "address" else cidr(value)
        return block and Shape("block", block)
    if kind == "url":
        found = url(value)
        return None if found is None or found.has_query else Shape("url", found)
    if kind == "endpoint":
        found = endpoint(value)
        return found and Shape("endpoint", found[0], found[1])
    if value == "*":
        return Shape("text", "", kind=kind, prefix=True)
    prefix = value.endswith("/*")
    stem = scope_text(kind, value[:-2] if prefix else value)
    return None if stem is None or "*" in stem else Shape("text", stem, kind=kind, prefix=prefix)


def subject(kind, value):
    """What an action is about, in normal form, or None."""
    if kind in ("host", "email-domain"):
        found = host(value)
        if found is None or (kind == "email-domain" and not isinstance(found, Name)):
            return None
        return Shape(kind, found)
    if kind in ("address", "cidr"):
        block = address(value) if kind == "address" else cidr(value)
        return block and Shape("block", block)
    if kind == "url":
        found = url(value)
        return found and Shape("url", found)
    if kind == "endpoint":
        found = endpoint(value)
        return Shape("endpoint", found[0].host, found[1]) if found and found[0].form == "exact" else None
    if not KIND.fullmatch(kind) or value == "*" or value.endswith("/*"):
        return None
    text = scope_text(kind, value)
    return None if text is None else Shape("text", text, kind=kind)


def action_endpoint(value):
    found, port = host(value["host"]), value.get("port")
    if found is None or (port is not None and not 1 <= port <= 65535):
        return None
    return Shape("endpoint", found, port)


def host_of(target):
    if target.shape in ("host", "endpoint", "block"):
        return target.value
    return target.value.host if target.shape == "url" else None


def at_endpoint(shape, target, any_port):
    if target.shape == "url":
        return target.value.port == shape.port and covers_host(shape.value, target.value.host)
    if target.shape != "endpoint":
        return False
    return (target.port == shape.port or (any_port and target.port is None)) and covers_host(shape.value, target.value)


def same_origin(a, b):
    return a.scheme == b.scheme and a.port == b.port and covers_host(Host("exact", a.host), b.host)


def starts(prefix, path):
    end = len(prefix) - 1 if prefix and prefix[-1] == "" else len(prefix)
    return path[:end] == prefix[:end] and len(path) >= end


def starts_text(value, prefix, text):
    return text == value if not prefix else value == "" or text.startswith(value + "/")


def covers(shape, target):
    """Whether an inclusion holds all of the subject."""
    found = host_of(target)
    if shape.shape == "host":
        return found is not None and covers_host(shape.value, found)
    if shape.shape == "block":
        return isinstance(found, Block) and holds(shape.value, found)
    if shape.shape == "email-domain":
        return target.shape == "email-domain" and covers_host(shape.value, target.value)
    if shape.shape == "endpoint":
        return at_endpoint(shape, target, False)
    if shape.shape == "url":
        if target.shape != "url" or not same_origin(shape.value, target.value):
            return False
        return starts(shape.value.segments, target.value.segments) and starts(shape.value.loose, target.value.loose)
    return target.shape == "text" and target.kind == shape.kind and starts_text(shape.value, shape.prefix, target.value)


def fold(text):
    return unicodedata.normalize("NFKC", text).lower()


def touches(shape, target):
    """Whether an exclusion holds any of the subject under any reading."""
    if shape.shape == "block":
        return covers(shape, target) or (target.shape == "block" and holds(target.value, shape.value))
    if shape.shape == "host":
        literal = shape.value.host if shape.value.form == "exact" else None
        wider = target.shape == "block" and isinstance(literal, Block) and holds(target.value, literal)
        return covers(shape, target) or wider
    if shape.shape == "endpoint":
        return at_endpoint(shape, target, True)
    if shape.shape == "url":
        if target.shape == "endpoint":
            here = covers_host(Host("exact", shape.value.host), target.value)
            return not shape.value.loose and here and target.port in (None, shape.value.port)
        if target.shape != "url" or not same_origin(shape.value, target.value):
            return False
        lower = lambda parts: [part.lower() for part in parts]
        strict = starts(lower(shape.value.segments), lower(target.value.segments))
        return strict or starts(lower(shape.value.loose), lower(target.value.loose))
    if shape.shape == "text":
        if target.shape != "text" or target.kind != shape.kind:
            return False
        return starts_text(fold(shape.value), shape.prefix, fold(target.value))
    return covers(shape, target)
