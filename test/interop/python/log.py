"""Layer 6: every receipt is in the transparency log, under one checkpoint (spec/log.md)."""

import hashlib
import re

from canonical import NotCanonical, canonical_bytes, parse_canonical
from dsse import Malformed, sha256
from notes import LOG, Checkpoint, NoteKey, Witnessed
from schema import millis
from trust import in_force

TILE = re.compile(r"log/tile/(0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:[.]p/([1-9][0-9]{0,2}))?")


def root_of(nodes):
    """RFC 6962 over a list of hashes."""
    if len(nodes) == 1:
        return nodes[0]
    cut = 1 << (len(nodes) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + root_of(nodes[:cut]) + root_of(nodes[cut:])).digest()


class Tree:
    """The tiles of a tree of one size."""

    def __init__(self, size):
        self.size, self.tiles, self.authentic = size, {}, {}
        self.levels = 0
        while size >> (8 * self.levels):
            self.levels += 1

    def width(self, level, number):
        """How many nodes a tile has; 0 when the tree has no such tile."""
        nodes = self.size >> (8 * level)
        return max(0, min(256, nodes - 256 * number))

    def partials(self, size=None):
        size = self.size if size is None else size
        for level in range(self.levels):
            width = (size >> (8 * level)) & 255
            if width:
                yield level, size >> (8 * (level + 1)), width

    def chain(self, level, number):
        """A tile and those above it, up to the first that is partial."""
        while True:
            yield level, number
            if self.width(level, number) < 256:
                return
            level, number = level + 1, number >> 8

    def needed(self, indexes, sizes):
        need = {(level, number) for level, number, _ in self.partials()}
        for index in indexes:
            need |= set(self.chain(0, index >> 8))
        for size in sizes:
            for level, number, _ in self.partials(size):
                need |= set(self.chain(level, number))
        return {place for place in need if self.width(*place)}

    def root(self, size):
        """The root of a size by the tiles, or None when they do not suffice."""
        made = None
        for level in range(self.levels):
            width, number = (size >> (8 * level)) & 255, size >> (8 * (level + 1))
            nodes = []
            if width:
                tile = self.tiles.get((level, number))
                if tile is None or len(tile) < width or not self.authentic.get((level, number), True):
                    return None
                nodes = tile[:width]
            nodes = nodes + ([made] if made is not None else [])
            if nodes:
                made = root_of(nodes)
        return made

    def judge(self, root):
        """Which tiles are authentic: the partial ones by the root, each full one by its parent."""
        whole = self.root(self.size) == root
        for level, number in sorted(self.tiles, reverse=True):
            if self.width(level, number) < 256:
                self.authentic[(level, number)] = whole
                continue
            parent = self.tiles.get((level + 1, number >> 8))
            fine = self.authentic.get((level + 1, number >> 8), False) and parent is not None
            fine = fine and (number & 255) < len(parent) and root_of(self.tiles[(level, number)]) == parent[number & 255]
            self.authentic[(level, number)] = fine


def requires_log(trust):
    """By `require`, by a pinned checkpoint, or by a quorum of witnesses."""
    trust = trust or {}
    names = {one["key"].split("+")[0] for one in trust.get("witnesses", [])}
    pinned = any("checkpoint" in one for one in trust.get("logs", []))
    return "log" in trust.get("require", []) or pinned or trust.get("witnessQuorum", len(names)) > 0


def leaf_of(receipt):
    entry = {
        "schema": "witnessops/log-entry/v1", "receipt": receipt.digest, "stream": receipt.stream, "seq": receipt.seq,
    }  # fmt: skip
    return hashlib.sha256(b"\x00" + canonical_bytes(entry)).digest()


INDEX = "witnessops/log-index/v1"


def is_start(detail):
    """Whether the detail of `log-started` has its form."""
    text = lambda one, least, most: isinstance(one, str) and least <= len(one) <= most
    if set(detail) != {"origin", "key", "previous"} or not text(detail["origin"], 1, 200) or not text(detail["key"], 50, 300):
        return False
    previous = detail["previous"]
    if previous is None:
        return True
    fine = isinstance(previous, dict) and set(previous) == {"origin", "size", "root"} and text(previous["origin"], 1, 200)
    fine = fine and type(previous["size"]) is int and 0 <= previous["size"] < 2**53
    return fine and text(previous["root"], 44, 44) and re.fullmatch("[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=", previous["root"]) is not None


class LogLayer:
    """The checks of one bundle's log; `bounds` of times come from its witnesses."""

    def __init__(self, reading, report, runs, trust):
        self.reading, self.layer, self.runs, self.trust = reading, report["log"], runs, trust
        self.report = report
        self.layer.anchored = "untested"
        # By digest of a lower bound's bytes: when at the earliest the receipt was made that names it.
        self.lower_at = {}
        self.cosigned_at = None
        self.indexes, self.lowers = {}, {}
        self.checkpoint = self.tree = self.key = None

    def fail(self, code, text, where=None):
        self.layer.fail(code, text, where)

    def check(self):
        paths = {path for path in self.reading.files if path.startswith("log/") and path in self.reading.listed}
        claimed = self.reading.claim["checkpoint"] if self.reading.claim else None
        self.layer.present = bool(paths) or claimed is not None
        if not self.layer.present:
            self.check_absent()
            return
        data = self.reading.files.get("log/checkpoint") if "log/checkpoint" in paths else None
        if data is None:
            self.fail("COMPLETENESS", "the checkpoint is absent", "log/checkpoint")
        else:
            try:
                self.checkpoint = Checkpoint(data)
                if self.checkpoint.size < 1:
                    raise Malformed("a checkpoint of nothing")
            except Malformed as error:
                self.checkpoint = None
                self.fail("BUNDLE_MALFORMED", str(error), "log/checkpoint")
        index = self.read_index(paths)
        self.read_lowers(paths)
        for path in sorted(paths - {"log/checkpoint", "log/index.json"}):
            if not path.startswith("log/lower/") and TILE.fullmatch(path) is None:
                self.fail("BUNDLE_MALFORMED", "a path of no known kind", path)
        if self.checkpoint is None:
            return
        self.check_claim(claimed)
        self.check_lineage(index)
        self.check_tiles(paths, index)
        self.check_receipts(index)
        self.check_lowers()
        self.check_anchor()
        seen = Witnessed(self.checkpoint, self.trust, lambda code, text: self.fail(code, text))
        self.cosigned_at = seen.reached_at
        self.check_compromised()
        self.reading.log_holds = not self.layer.failures

    def check_compromised(self):
        """Who has the log's key signs any tree, unless a quorum of witnesses saw this one before."""
        for one in (self.trust or {}).get("compromised", []):
            if self.key is None or one["keyId"] != self.key.fingerprint():
                continue
            if self.cosigned_at is None or self.cosigned_at >= millis(one["since"]):
                self.layer.doubt("the log's key is compromised, and nobody saw the checkpoint before")
                self.layer.anchored = "untested"

    def check_absent(self):
        promised = [run.id for run in self.runs.values() if run.document and ("log" in run.document["requiredLayers"] or "log" in run.document)]
        trust = self.trust or {}
        if promised:
            self.fail("COMPLETENESS", f"run `{promised[0]}` promised a log, and there is none")
        elif requires_log(trust):
            self.layer.doubt("the reviewer requires a log, and there is none")
        if any(one.usable and one.event == "log-started" for one in self.reading.receipts):
            self.layer.doubt("the workspace has a log, and the bundle leaves it out")
        for receipt in self.reading.receipts:
            if receipt.usable and "lowerBound" in receipt.predicate["time"]:
                self.layer.doubt("a receipt names a checkpoint, and there is no log")

    def read_index(self, paths):
        if "log/index.json" not in paths:
            self.fail("COMPLETENESS", "the index is absent", "log/index.json")
            return None
        try:
            value = parse_canonical(self.reading.files["log/index.json"])
        except NotCanonical as error:
            self.fail("BUNDLE_MALFORMED", str(error), "log/index.json")
            return None
        names = {"schema", "origin", "streams"}
        if isinstance(value, dict) and set(value) < names and self.index_fits({"schema": INDEX, "origin": "x", "streams": {}, **value}):
            self.fail("REQUIRED_FIELD_MISSING", "the index lacks a member", "log/index.json")
            return None
        if not self.index_fits(value):
            self.fail("BUNDLE_MALFORMED", "the index does not have its form", "log/index.json")
            return None
        return value

    def index_fits(self, value):
        fine = isinstance(value, dict) and set(value) == {"schema", "origin", "streams"}
        fine = fine and value["schema"] == INDEX and isinstance(value["origin"], str)
        fine = fine and isinstance(value["streams"], dict)
        return fine and all(
            isinstance(list_, list) and all(type(n) is int and 0 <= n < 2**53 for n in list_) for list_ in value["streams"].values()
        )

    def read_lowers(self, paths):
        """The checkpoints that receipts name; of others not a byte is looked at."""
        wanted = {one.predicate["time"].get("lowerBound") for one in self.reading.receipts}
        for path in sorted(paths):
            if not path.startswith("log/lower/"):
                continue
            name, data = path[len("log/lower/") :], self.reading.files[path]
            if not re.fullmatch("[0-9a-f]{64}", name):
                self.fail("BUNDLE_MALFORMED", "a path of no known kind", path)
            elif "sha256:" + name not in wanted:
                continue
            elif sha256(data) != "sha256:" + name:
                self.fail("HASH_MISMATCH", "a lower bound is not what its name says", path)
            else:
                try:
                    self.lowers["sha256:" + name] = Checkpoint(data)
                except Malformed as error:
                    self.fail("BUNDLE_MALFORMED", str(error), path)
        for receipt in self.reading.receipts:
            named = receipt.predicate["time"].get("lowerBound")
            if named is not None and f"log/lower/{named[7:]}" not in paths:
                self.fail("COMPLETENESS", "the lower bound that a receipt names is absent", receipt.where)

    def check_claim(self, claimed):
        made = {"origin": self.checkpoint.origin, "size": self.checkpoint.size, "root": self.checkpoint.root_text}
        if self.reading.claim is not None and claimed != made:
            self.fail("DIGEST_MISMATCH", "the claim is about another checkpoint", "CLAIM.sigstore.json")

    def lineage(self, text):
        self.fail("WITNESS_LINEAGE_MISMATCH", text)

    def check_lineage(self, index):
        self.started = []
        for one in self.reading.receipts:
            if one.usable and one.event == "log-started" and one.stream == "workspace":
                if is_start(one.detail):
                    self.started.append(one)
                elif set(one.detail) >= {"origin", "key", "previous"}:
                    self.fail("BUNDLE_MALFORMED", "the start of a log does not have its form", one.where)
        promises = {
            (run.document["log"]["origin"], run.document["log"]["key"])
            for run in self.runs.values() if run.document and "log" in run.document
        }  # fmt: skip
        named = [(str(one.detail.get("origin")), str(one.detail.get("key"))) for one in self.started]
        origins = [origin for origin, _ in named]
        if len(set(origins)) != len(origins):
            self.lineage("two logs were started with one origin")
        for before, one in zip(self.started, self.started[1:]):
            previous = one.detail.get("previous")
            if not isinstance(previous, dict) or previous.get("origin") != before.detail.get("origin"):
                self.lineage("a log does not continue the one before it")
        if index is not None and index["origin"] != self.checkpoint.origin:
            self.lineage("the index is of another log")
        if named:
            origin, key = named[-1]
            if not promises <= set(named):
                self.lineage("a run promised another log than the workspace started")
        elif promises:
            origin, key = sorted(promises)[0]
            if len(promises) > 1:
                self.lineage("the runs promised different logs")
        else:
            self.layer.doubt("nothing in the bundle names the log's key")
            return
        if origin != self.checkpoint.origin:
            self.lineage("the checkpoint is of another log")
        try:
            self.key = NoteKey(key, LOG)
        except Malformed:
            self.lineage("the log's key is no note key")
            return
        if not self.checkpoint.is_signed(self.key):
            self.lineage("the checkpoint is not signed by the log's key")

    def check_tiles(self, paths, index):
        self.tree = tree = Tree(self.checkpoint.size)
        for path in sorted(paths - {"log/checkpoint", "log/index.json"}):
            if path.startswith("log/lower/"):
                continue
            match, data = TILE.fullmatch(path), self.reading.files[path]
            if match is None:
                continue
            level, groups = int(match.group(1)), match.group(2).replace("x", "").split("/")
            number, width = int("".join(groups)), int(match.group(3) or 256)
            fine = tree.width(level, number) == width and len(data) == 32 * width
            if not fine or (len(groups) > 1 and groups[0] == "000") or (match.group(3) and width > 255):
                self.fail("BUNDLE_MALFORMED", "a tile that the tree does not have, or of another length", path)
                continue
            tree.tiles[(level, number)] = [data[at : at + 32] for at in range(0, len(data), 32)]
        indexes = [n for list_ in (index["streams"].values() if index else []) for n in list_ if n < tree.size]
        sizes = [one.size for one in self.lowers.values() if one.origin == self.checkpoint.origin and 0 < one.size <= tree.size]
        missing = tree.needed(indexes, sizes) - set(tree.tiles)
        for level, number in sorted(missing):
            self.fail("COMPLETENESS", f"tile {number} of level {level} is absent")
        tree.judge(self.checkpoint.root)
        self.missing = missing
        for place, fine in tree.authentic.items():
            above = [one for one in tree.chain(*place) if one in missing] or [
                one for one in missing if tree.width(*one) < 256
            ]
            if not fine and not above:
                self.fail("INCLUSION_INVALID", f"tile {place[1]} of level {place[0]} is not of the tree that was signed")

    def check_receipts(self, index):
        streams = {}
        for receipt in self.reading.receipts:
            streams.setdefault(receipt.stream, []).append(receipt)
        if index is None:
            return
        if set(index["streams"]) != set(streams):
            self.fail("INCLUSION_INVALID", "the index is of other streams than the bundle")
        for stream, receipts in streams.items():
            numbers = index["streams"].get(stream)
            if numbers is None:
                continue
            if len(numbers) != len(receipts) or any(b <= a for a, b in zip(numbers, numbers[1:])):
                self.fail("INCLUSION_INVALID", f"the index does not fit the stream `{stream}`")
                continue
            for receipt, number in zip(receipts, numbers):
                self.indexes[receipt.digest] = number
                self.check_leaf(receipt, number)

    def check_leaf(self, receipt, number):
        place = (0, number >> 8)
        if number >= self.tree.size:
            self.fail("INCLUSION_INVALID", "an index beyond the checkpoint", receipt.where)
            return
        tile = self.tree.tiles.get(place)
        if tile is None or any(one in self.missing for one in self.tree.chain(*place)):
            return
        if tile[number & 255] != leaf_of(receipt):
            self.fail("INCLUSION_INVALID", "the receipt is not in the log at its index", receipt.where)

    def check_lowers(self):
        for digest, lower in self.lowers.items():
            carriers = [one for one in self.reading.receipts if one.predicate["time"].get("lowerBound") == digest]
            if lower.origin == self.checkpoint.origin:
                if (self.key and not lower.is_signed(self.key)) or lower.size > self.checkpoint.size:
                    self.lineage("a lower bound is not of this log, or larger than its checkpoint")
                    continue
                made = self.tree.root(lower.size) if lower.size else hashlib.sha256(b"").digest()
                if made is not None and made != lower.root:
                    self.lineage("a lower bound has another root than the log had at its size")
                    continue
                for carrier in carriers:
                    if self.indexes.get(carrier.digest, lower.size) < lower.size:
                        self.fail("INCLUSION_INVALID", "a receipt names a checkpoint that has it already", carrier.where)
            elif not self.is_earlier(lower):
                self.lineage("a lower bound is of no earlier log")
                continue
            seen = Witnessed(lower, self.trust, lambda code, text: self.of_lower(code, text))
            if seen.last_reached_at is not None:
                self.lower_at[digest] = seen.last_reached_at

    def of_lower(self, code, text):
        """The quorum is judged at the checkpoint; of a lower bound a cosignature that fails alone is a fault."""
        if code == "WITNESS_INVALID":
            self.fail(code, text)

    def is_earlier(self, lower):
        for one in self.started[:-1]:
            if one.detail.get("origin") == lower.origin:
                try:
                    return lower.is_signed(NoteKey(str(one.detail.get("key")), LOG))
                except Malformed:
                    return False
        previous = [one.detail.get("previous") for one in self.started]
        return any(isinstance(one, dict) and one.get("origin") == lower.origin for one in previous)

    def check_anchor(self):
        logs, origin = (self.trust or {}).get("logs", []), self.checkpoint.origin
        keys = [(NoteKey(one["key"], LOG), one) for one in logs]
        if self.trust is None:
            self.check_previous(keys)
            return
        mine = [(key, one) for key, one in keys if key.name == origin]
        if not mine:
            if logs or requires_log(self.trust):
                self.layer.doubt("the trust file does not list this log")
            self.check_previous(keys)
            return
        at = millis(self.reading.claim["exportedAt"]) if self.reading.claim else None
        fits = [one for key, one in mine if self.checkpoint.is_signed(key) and (self.reading.claim is None or in_force(one, at))]
        if not fits or (self.key is not None and not any(key.text == self.key.text for key, _ in mine)):
            self.lineage("the trust file lists this log with another key, or another validity")
            return
        self.layer.anchored = "established"
        for _, one in mine:
            self.check_pin(one.get("checkpoint"))
        self.check_previous(keys)

    def check_pin(self, pin):
        if pin is None:
            return
        size, mine = pin["size"], self.checkpoint
        if size > mine.size:
            self.layer.doubt("the bundle is older than the pinned checkpoint, or the log has shrunk")
            self.layer.anchored = "untested"
            return
        made = mine.root if size == mine.size else self.tree.root(size)
        if made is None:
            self.layer.doubt("the tiles do not suffice to compare the pinned checkpoint")
            self.layer.anchored = "untested"
        elif made != self.root_bytes(pin["root"]):
            self.lineage("the log is not the one of the pinned checkpoint")

    def root_bytes(self, text):
        import base64

        return base64.b64decode(text)

    def check_previous(self, keys):
        """Heads of earlier logs: those that were continued, those that receipts name, and those that are pinned."""
        mine = self.checkpoint.origin
        links = [one.detail.get("previous") for one in self.started]
        links = [one for one in links if isinstance(one, dict) and one["origin"] != mine]
        earlier = [one for one in self.lowers.values() if one.origin != mine]
        fork = lambda one, other: one[:2] == other[:2] and one[2] != other[2]
        link_heads = [(one["origin"], one["size"], one["root"]) for one in links]
        lower_heads = [(one.origin, one.size, one.root_text) for one in earlier]
        if any(fork(one, other) for one in link_heads for other in lower_heads):
            self.lineage("two heads of an earlier log have one size")
        for key, one in keys:
            if "checkpoint" not in one or key.name == mine:
                continue
            pin = (key.name, one["checkpoint"]["size"], one["checkpoint"]["root"])
            if any(fork(pin, head) for head in link_heads + lower_heads):
                self.lineage("an earlier log has another root than the pinned checkpoint")
            for origin, size, _ in link_heads:
                if origin == pin[0] and size < pin[1]:
                    self.lineage("an earlier log ended before the pinned checkpoint")
                elif origin == pin[0] and size > pin[1]:
                    self.layer.doubt("nothing shows whether an earlier log continued the pinned checkpoint")
                    self.layer.anchored = "untested"
