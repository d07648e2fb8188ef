"""The syntax of CEL expressions (spec/contract.md, Expressions): texts to trees."""

import re

MAX_NODES, MAX_DEPTH = 500, 40
INT_MIN, INT_MAX = -(2**63), 2**63 - 1


class CelError(Exception):
    """The expression does not compile, or fails on these values."""


class NotDecided(Exception):
    """Something that this implementation cannot decide."""


TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n\f]+|//[^\n]*)
  | (?P<number>0x[0-9a-fA-F]+u?|[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|[0-9]+u?)
  | (?P<text>[rR]?(?:\"\"\"(?:[^\\]|\\.)*?\"\"\"|'''(?:[^\\]|\\.)*?'''|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<op>\|\||&&|==|!=|<=|>=|[-+*/%!<>?:.,()\[\]{}])""",
    re.VERBOSE | re.DOTALL,
)
ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|(.))", re.DOTALL)


def unescape(match):
    x, u, big, octal, plain = match.groups()
    if plain is not None:
        if plain in ESCAPES:
            return ESCAPES[plain]
        if plain in "\\\"'`?":
            return plain
        raise CelError(f"no escape: \\{plain}")
    code = int(octal, 8) if octal else int(x or u or big, 16)
    if 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:
        raise CelError("no character")
    return chr(code)


def tokens_of(text):
    tokens, at = [], 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise CelError(f"cannot read the expression at {at}")
        at = match.end()
        if match.lastgroup != "space":
            tokens.append((match.lastgroup, match.group()))
    return tokens + [("end", "")]


LEVELS = [["||"], ["&&"], ["<", "<=", ">", ">=", "==", "!=", "in"], ["+", "-"], ["*", "/", "%"]]
MACROS = {"all", "exists", "exists_one", "map", "filter"}
RESERVED = {"as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package"} | {
    "namespace", "return", "var", "void", "while"}  # fmt: skip


class Parser:
    def __init__(self, text):
        self.tokens, self.at, self.nodes, self.depth = tokens_of(text), 0, 0, 0

    def peek(self):
        return self.tokens[self.at][1] if self.tokens[self.at][0] in ("op", "name", "end") else None

    def next(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def accept(self, text):
        if self.peek() == text and self.tokens[self.at][0] != "end":
            self.at += 1
            return True
        return False

    def expect(self, text):
        if not self.accept(text):
            raise CelError(f"`{text}` is missing")

    def node(self, *parts):
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise CelError("the expression is too long")
        return parts

    def whole(self):
        tree = self.expression()
        if self.tokens[self.at][0] != "end":
            raise CelError("text after the end of the expression")
        return tree

    def expression(self):
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise CelError("the expression is nested too deeply")
        left = self.binary(0)
        if self.accept("?"):
            middle = self.binary(0)
            self.expect(":")
            left = self.node("if", left, middle, self.expression())
        self.depth -= 1
        return left

    def binary(self, level):
        if level == len(LEVELS):
            return self.unary()
        left = self.binary(level + 1)
        while self.peek() in LEVELS[level] and self.tokens[self.at][0] != "end":
            operator = self.next()[1]
            left = self.node("binary", operator, left, self.binary(level + 1))
        return left

    def unary(self):
        if self.accept("!"):
            return self.node("not", self.unary())
        if self.accept("-"):
            if self.tokens[self.at][0] == "number":
                return self.postfix(self.number("-"))
            return self.node("negate", self.unary())
        return self.postfix(self.primary())

    def number(self, sign=""):
        text = self.next()[1]
        if text.endswith("u") and not text.startswith("0x"):
            raise CelError("there are no unsigned integers")
        if text.startswith("0x"):
            value = int(sign + text, 16)
        elif re.fullmatch("[0-9]+", text):
            value = int(sign + text)
        else:
            return self.node("value", float(sign + text))
        if not INT_MIN <= value <= INT_MAX:
            raise CelError("an integer out of range")
        return self.node("value", value)

    def primary(self):
        kind, text = self.tokens[self.at]
        if kind == "number":
            return self.number()
        self.at += 1
        if kind == "text":
            raw = text[0] in "rR"
            body = text[1:] if raw else text
            quotes = 3 if body[:3] in ('"""', "'''") else 1
            body = body[quotes:-quotes]
            return self.node("value", body if raw else ESCAPE.sub(unescape, body))
        if text == "(":
            tree = self.expression()
            self.expect(")")
            return tree
        if text == "[":
            return self.node("list", self.items("]"))
        if text == "{":
            return self.node("map", self.entries())
        if kind == "name":
            if text in ("true", "false", "null"):
                return self.node("value", {"true": True, "false": False, "null": None}[text])
            if text in RESERVED or text == "in":
                raise CelError(f"`{text}` is reserved")
            if self.accept("("):
                return self.call(None, text)
            return self.node("name", text)
        raise CelError("an expression is missing")

    def items(self, end):
        items = []
        while not self.accept(end):
            items.append(self.expression())
            if not self.accept(","):
                self.expect(end)
                break
        return items

    def entries(self):
        entries = []
        while not self.accept("}"):
            key = self.expression()
            self.expect(":")
            entries.append((key, self.expression()))
            if not self.accept(","):
                self.expect("}")
                break
        return entries

    def postfix(self, tree):
        while True:
            if self.accept("."):
                kind, name = self.next()
                if kind != "name":
                    raise CelError("a member's name is missing")
                tree = self.call(tree, name) if self.accept("(") else self.node("member", tree, name)
            elif self.accept("["):
                index = self.expression()
                self.expect("]")
                tree = self.node("index", tree, index)
            else:
                return tree

    def call(self, target, name):
        arguments = self.items(")")
        if target is None and name == "has":
            if len(arguments) != 1 or arguments[0][0] != "member":
                raise CelError("`has` takes a member")
            return self.node("has", arguments[0][1], arguments[0][2])
        if target is not None and name in MACROS:
            if len(arguments) not in ((2, 3) if name == "map" else (2,)) or arguments[0][0] != "name":
                raise CelError(f"`{name}` takes a variable and an expression")
            return self.node("macro", name, target, arguments[0][1], arguments[1:])
        return self.node("call", name, target, arguments)
