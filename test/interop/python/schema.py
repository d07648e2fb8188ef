"""The part of JSON Schema 2020-12 that schemas/ and the data schemas of contracts use (spec/contract.md)."""

import datetime
import json
import math
import os
import re

import scope
from canonical import canonical_bytes
from cel import CelError, matches

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "schemas")
_loaded = {}


def schema(name):
    """A schema of schemas/ by its name."""
    if name not in _loaded:
        with open(os.path.join(FOLDER, name + ".schema.json"), encoding="utf-8") as file:
            _loaded[name] = json.load(file)
    return _loaded[name]


def is_type(value, name):
    if name == "integer":
        return isinstance(value, (int, float)) and not isinstance(value, bool) and float(value).is_integer()
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
    return isinstance(value, kinds[name])


INSTANT = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?Z", re.ASCII)


def millis(text):
    """Milliseconds since 1970 of a UTC instant, or None; what is finer than a millisecond is cut off."""
    match = INSTANT.fullmatch(text)
    if match is None:
        return None
    try:
        at = datetime.datetime(*(int(part) for part in match.groups()[:6]))
    except ValueError:
        return None
    seconds = (at - datetime.datetime(1970, 1, 1)) // datetime.timedelta(seconds=1)
    return seconds * 1000 + int(((match.group(7) or "0") + "00")[:3])


def has_format(name, text):
    if name == "date-time":
        return millis(text) is not None
    if name == "hostname":
        return isinstance(scope.host(text), scope.Name)
    if name in ("ipv4", "ipv6"):
        return (":" in text) == (name == "ipv6") and scope.address(text) is not None
    if name == "uri":
        return re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s]+", text, re.ASCII) is not None
    if name == "email":
        local, at, domain = text.rpartition("@")
        return bool(local) and len(text) <= 320 and not re.search(r"[\s@]", local) and has_format("hostname", domain)
    return False


def found(pattern, text):
    try:
        return matches(text, pattern)
    except CelError:
        return False


def faults(rule, value, path=""):
    """Every fault of a value, as (kind, path): `missing` for an absent member, else `form`."""
    if rule is True or rule == {}:
        return []
    if rule is False:
        return [("form", path)]
    form = [("form", path)]
    if "type" in rule:
        types = rule["type"] if isinstance(rule["type"], list) else [rule["type"]]
        if not any(is_type(value, name) for name in types):
            return form
    if "const" in rule and canonical_bytes(rule["const"]) != canonical_bytes(value):
        return form
    if "enum" in rule and not any(canonical_bytes(one) == canonical_bytes(value) for one in rule["enum"]):
        return form
    out = []
    if "anyOf" in rule and all(faults(one, value, path) for one in rule["anyOf"]):
        out += form
    if isinstance(value, str):
        out += text_faults(rule, value, path)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        out += number_faults(rule, value, path)
    elif isinstance(value, list):
        out += list_faults(rule, value, path)
    elif isinstance(value, dict):
        out += object_faults(rule, value, path)
    return out


def text_faults(rule, value, path):
    too_short = len(value) < rule.get("minLength", 0)
    too_long = len(value) > rule.get("maxLength", math.inf)
    other = "pattern" in rule and not found(rule["pattern"], value)
    odd = "format" in rule and not has_format(rule["format"], value)
    return [("form", path)] if too_short or too_long or other or odd else []


def number_faults(rule, value, path):
    low = value < rule.get("minimum", -math.inf) or value <= rule.get("exclusiveMinimum", -math.inf)
    high = value > rule.get("maximum", math.inf) or value >= rule.get("exclusiveMaximum", math.inf)
    step = rule.get("multipleOf")
    uneven = step is not None and not float(value / step).is_integer()
    return [("form", path)] if low or high or uneven else []


def list_faults(rule, value, path):
    out = []
    if not rule.get("minItems", 0) <= len(value) <= rule.get("maxItems", math.inf):
        out.append(("form", path))
    if rule.get("uniqueItems") and len({canonical_bytes(item) for item in value}) != len(value):
        out.append(("form", path))
    if "items" in rule:
        for index, item in enumerate(value):
            out += faults(rule["items"], item, f"{path}[{index}]")
    return out


def object_faults(rule, value, path):
    out = [("missing", f"{path}.{name}") for name in rule.get("required", []) if name not in value]
    if not rule.get("minProperties", 0) <= len(value) <= rule.get("maxProperties", math.inf):
        out.append(("form", path))
    properties, patterns = rule.get("properties", {}), rule.get("patternProperties", {})
    for name, item in value.items():
        rules = [properties[name]] if name in properties else []
        rules += [one for pattern, one in patterns.items() if pattern == "^.*$" or found(pattern, name)]
        if not rules and "additionalProperties" in rule:
            rules = [rule["additionalProperties"]]
        for one in rules:
            out += faults(one, item, f"{path}.{name}")
    return out


def with_defaults(rule, value):
    """The value with the defaults of absent members filled in."""
    if not isinstance(rule, dict):
        return value
    if isinstance(value, list):
        return [with_defaults(rule["items"], item) for item in value] if "items" in rule else value
    if not isinstance(value, dict) or not isinstance(rule.get("properties"), dict):
        return value
    out = dict(value)
    for name, child in rule["properties"].items():
        if name in value:
            out[name] = with_defaults(child, value[name])
        elif isinstance(child, dict) and "default" in child:
            out[name] = with_defaults(child, child["default"])
    return out


DURATION = re.compile("([0-9]{1,9})(ms|s|m|h|d)")


def duration(text):
    """Milliseconds of a duration like `10s`."""
    match = DURATION.fullmatch(text)
    return int(match.group(1)) * {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}[match.group(2)]
