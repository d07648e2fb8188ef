"""CEL as spec/contract.md restricts it: expressions over JSON, the same value everywhere.

Errors are `CelError`. What this subset does not have is `NotDecided`: the caller says so, and judges nothing by it."""

import datetime
import re

from canonical import canonical_bytes
from cel_syntax import INT_MAX, INT_MIN, CelError, NotDecided, Parser

MAX_LIST = 10_000


class Budget:
    """Steps of evaluation (spec/verification.md, Work)."""

    def __init__(self, steps):
        self.left = steps

    def spend(self, count=1):
        self.left -= count
        if self.left < 0:
            raise OutOfBudget("the budget of evaluation steps is used up")


class OutOfBudget(Exception):
    pass


class Type:
    def __init__(self, name):
        self.name = name


class Duration:
    def __init__(self, nanos):
        self.nanos = nanos


class Timestamp:
    """Milliseconds since 1970, in the years 1 to 9999."""

    def __init__(self, millis):
        if not -62135596800000 <= millis <= 253402300799999:
            raise CelError("timestamp() is out of range")
        self.millis = millis

    def parts(self):
        return datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=self.millis)

    def text(self):
        return self.parts().strftime("%Y").zfill(4) + self.parts().strftime("-%m-%dT%H:%M:%S.") + f"{self.millis % 1000:03d}Z"


def kind(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    names = {int: "int", float: "double", str: "string", list: "list", dict: "map"}
    names.update({Type: "type", Duration: "duration", Timestamp: "timestamp"})
    return names[type(value)]


def equal(left, right):
    a, b = kind(left), kind(right)
    if {a, b} <= {"int", "double"}:
        return left == right
    if a != b:
        return False
    if a == "list":
        return len(left) == len(right) and all(map(equal, left, right))
    if a == "map":
        return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
    if a == "type":
        return left.name == right.name
    if a == "duration":
        return left.nanos == right.nanos
    if a == "timestamp":
        return left.millis == right.millis
    return left == right


def integer(value):
    if not INT_MIN <= value <= INT_MAX:
        raise CelError("an integer out of range")
    return value


TIMESTAMP = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|ms|s|m|h)")
UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


def timestamp_of(text):
    match = TIMESTAMP.fullmatch(text)
    if match is None:
        raise CelError("timestamp() needs RFC 3339 with an offset")
    try:
        at = datetime.datetime(*map(int, match.groups()[:6]))
    except ValueError as error:
        raise CelError("no instant") from error
    millis = int((at - datetime.datetime(1970, 1, 1)).total_seconds()) * 1000
    millis += int(((match.group(7) or ".0")[1:] + "000")[:3])
    offset = match.group(8)
    if offset != "Z":
        minutes = int(offset[1:3]) * 60 + int(offset[4:])
        millis -= (minutes if offset[0] == "+" else -minutes) * 60_000
    return Timestamp(millis)


def duration_of(text):
    body, nanos, at = text.lstrip("+-"), 0, 0
    if len(text) - len(body) > 1 or not body:
        raise CelError("no duration")
    while at < len(body):
        match = PART.match(body, at)
        if match is None:
            raise CelError("no duration")
        nanos += int(float(match.group(1)) * UNITS[match.group(2)])
        at = match.end()
    return Duration(-nanos if text[0] == "-" else nanos)


def compile_pattern(pattern):
    """An RE2 pattern for Python's `re`; what the two read differently is not decided."""
    out, at, in_class = [], 0, False
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            following = pattern[at + 1 : at + 2]
            if following in ("p", "P", "Q", "C"):
                raise NotDecided(f"the pattern's \\{following}")
            if following.isdigit():
                raise CelError("RE2 has no back references")
            out.append("\\Z" if following == "z" else "\\" + following)
            at += 2
            continue
        if in_class:
            if char == "[":
                if pattern[at + 1 : at + 2] == ":":
                    raise NotDecided("a named character class")
                char = "\\["
            in_class = not (char == "]" and pattern[at - 1] != "[" and pattern[at - 2 : at] != "[^")
        elif char == "[":
            in_class = True
        elif char == "$":
            char = "\\Z"
        elif char == "(" and re.match(r"\(\?(<?[=!]|#|>|\()", pattern[at:]):
            raise CelError("RE2 has no look-around")
        elif char == "(" and pattern[at + 1 : at + 2] == "?" and pattern[at + 2 : at + 4] != "P<" and pattern[at + 2 : at + 3] not in (":", "i", "s"):
            raise NotDecided("a flag of the pattern")
        out.append(char)
        at += 1
    try:
        return re.compile("".join(out), re.ASCII)
    except re.error as error:
        raise CelError(f"no RE2 pattern: {error}") from error


def matches(text, pattern):
    return compile_pattern(pattern).search(text) is not None


COMPARISONS = {"<": lambda c: c < 0, "<=": lambda c: c <= 0, ">": lambda c: c > 0, ">=": lambda c: c >= 0}


class Evaluation:
    def __init__(self, budget):
        self.budget = budget

    def run(self, tree, names):
        self.budget.spend()
        return getattr(self, tree[0] + "_")(tree, names)

    def value_(self, tree, names):
        return tree[1]

    def name_(self, tree, names):
        if tree[1] not in names:
            if tree[1] in ("int", "double", "string", "bool", "list", "map", "null_type", "type"):
                return Type(tree[1])
            raise CelError(f"`{tree[1]}` is not known here")
        return names[tree[1]]

    def list_(self, tree, names):
        return [self.run(item, names) for item in tree[1]]

    def map_(self, tree, names):
        out = {}
        for key, value in tree[1]:
            name = self.run(key, names)
            if kind(name) not in ("string", "int", "bool"):
                raise CelError("no key of a map")
            if name in out:
                raise CelError("a key twice")
            out[name] = self.run(value, names)
        return out

    def if_(self, tree, names):
        condition = self.run(tree[1], names)
        if not isinstance(condition, bool):
            raise CelError("a condition that is neither true nor false")
        return self.run(tree[2] if condition else tree[3], names)

    def not_(self, tree, names):
        value = self.run(tree[1], names)
        if not isinstance(value, bool):
            raise CelError("`!` takes true or false")
        return not value

    def negate_(self, tree, names):
        value = self.run(tree[1], names)
        if kind(value) == "int":
            return integer(-value)
        if kind(value) == "double":
            return -value
        raise CelError("`-` takes a number")

    def binary_(self, tree, names):
        operator = tree[1]
        if operator in ("||", "&&"):
            return self.logic([tree[2], tree[3]], operator == "||", names)
        left, right = self.run(tree[2], names), self.run(tree[3], names)
        if operator in ("==", "!="):
            self.budget.spend(weigh(left))
            return equal(left, right) == (operator == "==")
        if operator == "in":
            return self.contains(right, left)
        if operator in COMPARISONS:
            return COMPARISONS[operator](compare(left, right))
        return self.arithmetic(operator, left, right)

    def logic(self, sides, absorbing, names):
        """`||` and `&&`: one side that decides outweighs an error of the other."""
        fault = None
        for side in sides:
            try:
                value = self.run(side, names)
                if not isinstance(value, bool):
                    raise CelError("neither true nor false")
                if value == absorbing:
                    return absorbing
            except CelError as error:
                fault = fault or error
        if fault is not None:
            raise fault
        return not absorbing

    def contains(self, container, value):
        self.budget.spend(weigh(container))
        if isinstance(container, list):
            return any(equal(value, item) for item in container)
        if isinstance(container, dict):
            return kind(value) in ("string", "int", "bool") and any(equal(value, key) for key in container)
        raise CelError("`in` takes a list or a map")

    def arithmetic(self, operator, left, right):
        a, b = kind(left), kind(right)
        if operator == "+" and a == b and a in ("string", "list"):
            self.budget.spend(weigh(left) + weigh(right))
            return left + right
        if a == b == "int":
            if operator in "/%" and right == 0:
                raise CelError("division by zero")
            if operator == "/":
                return integer(abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1))
            if operator == "%":
                return integer(abs(left) % abs(right) * (-1 if left < 0 else 1))
            return integer({"+": left + right, "-": left - right, "*": left * right}[operator])
        if a == b == "double" and operator != "%":
            if operator == "/":
                return left / right if right else left * float("inf")
            return {"+": left + right, "-": left - right, "*": left * right}[operator]
        if a == b == "duration" and operator in "+-":
            return Duration(left.nanos + right.nanos if operator == "+" else left.nanos - right.nanos)
        if a == "timestamp" and b == "duration" and operator in "+-":
            move = right.nanos // 10**6
            return Timestamp(left.millis + (move if operator == "+" else -move))
        if a == "duration" and b == "timestamp" and operator == "+":
            return Timestamp(right.millis + left.nanos // 10**6)
        if a == b == "timestamp" and operator == "-":
            return Duration((left.millis - right.millis) * 10**6)
        raise CelError(f"no `{operator}` of {a} and {b}")

    def member_(self, tree, names):
        value = self.run(tree[1], names)
        if not isinstance(value, dict) or tree[2] not in value:
            raise CelError(f"no member `{tree[2]}`")
        return value[tree[2]]

    def has_(self, tree, names):
        value = self.run(tree[1], names)
        if not isinstance(value, dict):
            raise CelError("`has` takes a member of a map")
        return tree[2] in value

    def index_(self, tree, names):
        value, index = self.run(tree[1], names), self.run(tree[2], names)
        if isinstance(value, list):
            if kind(index) == "double" and index.is_integer():
                index = int(index)
            if kind(index) != "int" or not 0 <= index < len(value):
                raise CelError("no element of the list")
            return value[index]
        if isinstance(value, dict) and kind(index) in ("string", "int", "bool") and index in value:
            return value[index]
        raise CelError("no such member")

    def macro_(self, tree, names):
        _, name, target, variable, bodies = tree
        items = self.run(target, names)
        if isinstance(items, dict):
            items = list(items)
        if not isinstance(items, list) or len(items) > MAX_LIST:
            raise CelError(f"`{name}` takes a list or a map")
        scope = lambda item: {**names, variable: item}
        if name in ("all", "exists"):
            absorbing, fault = name == "exists", None
            for item in items:
                try:
                    value = self.run(bodies[0], scope(item))
                    if not isinstance(value, bool):
                        raise CelError("neither true nor false")
                    if value == absorbing:
                        return absorbing
                except CelError as error:
                    fault = fault or error
            if fault is not None:
                raise fault
            return not absorbing
        if name == "map" and len(bodies) == 1:
            return [self.run(bodies[0], scope(item)) for item in items]
        kept = []
        for item in items:
            value = self.run(bodies[0], scope(item))
            if not isinstance(value, bool):
                raise CelError("neither true nor false")
            if value:
                kept.append(item)
        if name == "exists_one":
            return len(kept) == 1
        return [self.run(bodies[1], scope(item)) for item in kept] if name == "map" else kept

    def call_(self, tree, names):
        _, name, target, arguments = tree
        values = [self.run(argument, names) for argument in arguments]
        if target is None:
            return self.function(name, values)
        return self.method(name, self.run(target, names), values)

    def function(self, name, values):
        if len(values) != 1:
            raise CelError(f"no function `{name}` of {len(values)} values")
        (value,) = values
        a = kind(value)
        if name == "size":
            return self.size(value)
        if name == "dyn":
            return value
        if name == "type":
            return Type({"null": "null_type"}.get(a, a))
        if name == "string":
            if a == "string":
                return value
            if a == "int":
                return str(value)
            if a == "bool":
                return "true" if value else "false"
            if a == "timestamp":
                return value.text()
            if a == "double":
                return canonical_bytes(value).decode()
            raise CelError(f"no string of {a}")
        if name == "int":
            if a == "int":
                return value
            if a == "double":
                return integer(int(value))
            if a == "string" and re.fullmatch(r"-?[0-9]+", value, re.ASCII):
                return integer(int(value))
            if a == "timestamp":
                return value.millis // 1000
            raise CelError(f"no int of {a}")
        if name == "double":
            if a in ("int", "double"):
                return float(value)
            if a == "string" and re.fullmatch(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", value, re.ASCII):
                return float(value)
            raise CelError(f"no double of {a}")
        if name == "bool":
            if a == "bool":
                return value
            words = {"1": True, "t": True, "true": True, "TRUE": True, "True": True}
            words.update({"0": False, "f": False, "false": False, "FALSE": False, "False": False})
            if a == "string" and value in words:
                return words[value]
            raise CelError(f"no bool of {a}")
        if name == "timestamp":
            if a == "string":
                return timestamp_of(value)
            if a == "int":
                return Timestamp(value * 1000)
            if a == "timestamp":
                return value
            raise CelError(f"no timestamp of {a}")
        if name == "duration":
            if a == "string":
                return duration_of(value)
            if a == "duration":
                return value
            raise CelError(f"no duration of {a}")
        raise CelError(f"no function `{name}`")

    def size(self, value):
        if not isinstance(value, (str, list, dict)):
            raise CelError("`size` takes a text, a list or a map")
        return len(value)

    def method(self, name, target, values):
        self.budget.spend(weigh(target))
        a, kinds = kind(target), [kind(value) for value in values]
        if name == "size" and not values:
            return self.size(target)
        if a == "string":
            return self.text_method(name, target, values, kinds)
        if a == "list" and name == "join" and kinds in ([], ["string"]):
            if not all(isinstance(item, str) for item in target):
                raise CelError("`join` takes a list of texts")
            return (values[0] if values else "").join(target)
        if a == "timestamp" and not values:
            at = target.parts()
            found = {
                "getFullYear": at.year, "getMonth": at.month - 1, "getDate": at.day, "getDayOfMonth": at.day - 1,
                "getDayOfWeek": (at.weekday() + 1) % 7, "getDayOfYear": at.timetuple().tm_yday - 1,
                "getHours": at.hour, "getMinutes": at.minute, "getSeconds": at.second,
                "getMilliseconds": target.millis % 1000,
            }  # fmt: skip
            if name in found:
                return found[name]
        if a == "duration" and not values:
            units = {"getHours": 3600 * 10**9, "getMinutes": 60 * 10**9, "getSeconds": 10**9}
            if name in units:
                return int(target.nanos / units[name])
        raise CelError(f"{a} has no method `{name}`")

    def text_method(self, name, text, values, kinds):
        if kinds == ["string"]:
            (other,) = values
            simple = {"contains": lambda: other in text, "startsWith": lambda: text.startswith(other)}
            simple.update({"endsWith": lambda: text.endswith(other), "matches": lambda: matches(text, other)})
            simple.update({"indexOf": lambda: text.find(other), "lastIndexOf": lambda: text.rfind(other)})
            simple["split"] = lambda: text.split(other) if other else list(text)
            if name in simple:
                return simple[name]()
        if not values:
            if name == "lowerAscii":
                return re.sub("[A-Z]+", lambda match: match.group().lower(), text)
            if name == "upperAscii":
                return re.sub("[a-z]+", lambda match: match.group().upper(), text)
            if name == "trim":
                return text.strip()
        if name == "substring" and kinds in (["int"], ["int", "int"]):
            start, end = values[0], values[1] if len(values) == 2 else len(text)
            if not 0 <= start <= end <= len(text):
                raise CelError("no such part of the text")
            return text[start:end]
        if name in ("split", "indexOf", "lastIndexOf", "replace", "format", "charAt", "reverse"):
            raise NotDecided(f"`{name}` of these values")
        raise CelError(f"string has no method `{name}`")


def compare(left, right):
    a, b = kind(left), kind(right)
    if {a, b} <= {"int", "double"}:
        return (left > right) - (left < right)
    if a != b or a not in ("string", "bool", "timestamp", "duration"):
        raise CelError(f"{a} and {b} have no order")
    if a == "timestamp":
        left, right = left.millis, right.millis
    elif a == "duration":
        left, right = left.nanos, right.nanos
    return (left > right) - (left < right)


def weigh(value):
    if isinstance(value, str):
        return 1 + len(value) // 16
    if isinstance(value, list):
        return 1 + sum(map(weigh, value))
    if isinstance(value, dict):
        return 1 + sum(map(weigh, value.values()))
    return 1


def to_json(value, depth=0):
    """A CEL value as JSON."""
    a = kind(value)
    if a in ("type", "duration", "timestamp") or depth > 100:
        raise CelError("the result has no JSON form")
    if a == "int" and abs(value) > 2**53 - 1:
        raise CelError("the result is an integer beyond 2^53 - 1")
    if a == "double":
        if value != value or value in (float("inf"), float("-inf")):
            raise CelError("the result is a number that is not finite")
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if a == "list":
        return [to_json(item, depth + 1) for item in value]
    if a == "map":
        if not all(isinstance(key, str) for key in value):
            raise NotDecided("a map with keys that are no texts")
        return {key: to_json(item, depth + 1) for key, item in value.items()}
    return value


_compiled = {}


def compile_cel(text):
    """The tree of an expression; its faults are `CelError`."""
    if text not in _compiled:
        try:
            _compiled[text] = Parser(text).whole()
        except (CelError, NotDecided) as error:
            _compiled[text] = error
    tree = _compiled[text]
    if isinstance(tree, Exception):
        raise tree
    return tree


TYPES = {"int", "uint", "double", "string", "bytes", "bool", "list", "map", "null_type", "type", "dyn"}


def free_names(tree):
    """The names in an expression that stand for variables from outside."""
    if isinstance(tree, list):
        return set().union(*(free_names(one) for one in tree)) if tree else set()
    if not isinstance(tree, tuple) or not tree:
        return set()
    if tree[0] == "name":
        return {tree[1]} - TYPES
    if tree[0] == "value":
        return set()
    if tree[0] == "macro":
        return free_names(tree[2]) | (free_names(tree[4]) - {tree[3][1] if isinstance(tree[3], tuple) else tree[3]})
    return set().union(*(free_names(one) for one in tree[1:]))


def ordered(value):
    """Members in the order of their names, so that going through a map is the same from any spelling."""
    if isinstance(value, dict):
        return {key: ordered(value[key]) for key in sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))}
    return [ordered(item) for item in value] if isinstance(value, list) else value


def evaluate(text, names, budget):
    """The JSON value of an expression over JSON values by name."""
    tree = compile_cel(text)
    return to_json(Evaluation(budget).run(tree, {name: ordered(value) for name, value in names.items()}))


def evaluate_tree(tree, names, budget):
    """A tree whose texts are expressions (spec/contract.md, Data schemas)."""
    if isinstance(tree, str):
        return evaluate(tree, names, budget)
    if isinstance(tree, list):
        return [evaluate_tree(item, names, budget) for item in tree]
    if isinstance(tree, dict):
        return {key: evaluate_tree(item, names, budget) for key, item in tree.items()}
    return tree
