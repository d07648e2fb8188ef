"""Canonical JSON (RFC 8785), strictly read: bytes that are not the canonical form of what they say are refused."""

import json
import math

MAX_DEPTH = 200
MAX_DOCUMENT = 16 * 1024 * 1024
MAX_MANIFEST = 64 * 1024 * 1024


class NotCanonical(ValueError):
    """The bytes are no canonical JSON."""


def number_text(value):
    """A finite number as ECMAScript prints it (RFC 8785, 3.2.2.3)."""
    if isinstance(value, int):
        value = float(value)
    if not math.isfinite(value):
        raise NotCanonical("a number that is not finite")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    if fraction == "0":
        fraction = ""
    digits = (whole + fraction).lstrip("0")
    # The value is 0.digits * 10^point.
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len((whole + fraction).lstrip("0")))
    digits = digits.rstrip("0")
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    power = point - 1
    tail = ("." + digits[1:] if len(digits) > 1 else "") + "e" + ("+" if power > 0 else "-") + str(abs(power))
    return sign + digits[0] + tail


def _write(value, out, depth):
    if isinstance(value, (list, dict)) and depth >= MAX_DEPTH:
        raise NotCanonical("nested too deeply")
    if value is None or isinstance(value, bool):
        out.append({None: "null", True: "true", False: "false"}[value])
    elif isinstance(value, str):
        out.append(json.dumps(value, ensure_ascii=False))
    elif isinstance(value, (int, float)):
        out.append(number_text(value))
    elif isinstance(value, list):
        out.append("[")
        for index, item in enumerate(value):
            if index:
                out.append(",")
            _write(item, out, depth + 1)
        out.append("]")
    else:
        out.append("{")
        for index, key in enumerate(sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))):
            if index:
                out.append(",")
            out.append(json.dumps(key, ensure_ascii=False))
            out.append(":")
            _write(value[key], out, depth + 1)
        out.append("}")


def canonical_bytes(value):
    """The canonical bytes of a JSON value."""
    out = []
    _write(value, out, 0)
    try:
        return "".join(out).encode("utf-8")
    except UnicodeEncodeError as error:
        raise NotCanonical("a lone surrogate") from error


def _number(text):
    value = float(text)
    if not math.isfinite(value):
        raise NotCanonical("a number that is not finite")
    return int(value) if value.is_integer() and abs(value) <= 2**53 else value


def _members(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotCanonical("a member twice")
    return members


def _constant(_):
    raise NotCanonical("a number that is not finite")


_decoder = json.JSONDecoder(
    object_pairs_hook=_members, parse_float=_number, parse_int=_number, parse_constant=_constant
)


def parse_json(data):
    """A JSON value from bytes: UTF-8, no member twice, numbers as RFC 8785 reads them."""
    try:
        text = data.decode("utf-8") if isinstance(data, (bytes, bytearray)) else data
        value, end = _decoder.raw_decode(text)
        if text[end:].strip(" \t\r\n"):
            raise NotCanonical("text after the end")
        return value
    except NotCanonical:
        raise
    except (ValueError, RecursionError) as error:
        raise NotCanonical(f"no JSON: {error}") from error


def parse_canonical(data, most=MAX_DOCUMENT):
    """A JSON value from bytes that are its canonical form: a document of 16 MiB at most (spec/bundle.md, Bounds)."""
    if len(data) > most:
        raise NotCanonical("larger than a document may be")
    value = parse_json(data)
    if canonical_bytes(value) != bytes(data):
        raise NotCanonical("not in canonical form")
    return value


def same(left, right):
    """Whether two JSON values are the same, with 1 and true apart."""
    return canonical_bytes(left) == canonical_bytes(right)
