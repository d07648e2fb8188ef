"""The documents of a bundle, read once; what cannot be read is a fault of the layer `structure`."""

import re

from canonical import MAX_DOCUMENT, MAX_MANIFEST, NotCanonical, canonical_bytes, parse_canonical
from cel import CelError, NotDecided, compile_cel, free_names
from dsse import Envelope, Malformed, SigstoreBundle, sha256, statement_of
from schema import faults, millis, schema

CLAIM, MANIFEST, RECEIPTS = "CLAIM.sigstore.json", "MANIFEST.json", "receipts/receipts.ndjson"
PREDICATE = "https://witnessops.dev/"
MAX_LINE, MAX_RECEIPTS = 4 * 1024 * 1024, 1_000_000

PLAIN = {
    "runbook": "runbook", "engagement": "engagement", "principals": "principal-set", "policies": "policy-set",
    "catalog-lock": "catalog-lock", "run": "run-document", "escalation": "escalation", "signal": "signal", "action-list": None,
}  # fmt: skip
SIGNED = {
    "withdrawal": "withdrawal-statement", "key-revocation": "key-revocation-statement", "lifecycle": "lifecycle-statement",
    "approval": "approval-statement", "resolution": "resolution-statement", "answer": "answer-statement",
    "break-glass": "break-glass-statement", "review": "review-statement", "conclusion": "conclusion-statement",
}  # fmt: skip
RECORDS = {
    "authorization": "authorization-predicate", "key-certificate": "key-certificate", "root-certificate": "root-certificate",
}  # fmt: skip


PERSONAL = set(SIGNED) - {"key-revocation"}


def digest_of(value):
    return sha256(canonical_bytes(value))


def form_fault(name, value):
    """The code of what is wrong with a document, or None."""
    rule = schema(name)
    if isinstance(value, dict):
        for member in ("schema", "apiVersion", "purpose"):
            known = rule["properties"].get(member, {}).get("const")
            given = value.get(member)
            if known is not None and isinstance(given, str) and given != known:
                family = known.rpartition("/v")[0] + "/v"
                if re.fullmatch(re.escape(family) + "[0-9]+", given):
                    return "SCHEMA_VERSION_UNSUPPORTED"
    found = faults(rule, value)
    if not found:
        return None
    return "REQUIRED_FIELD_MISSING" if all(kind == "missing" for kind, _ in found) else "BUNDLE_MALFORMED"


class Receipt:
    def __init__(self, number, bundle):
        self.number = number
        self.tokens = bundle.tokens
        self.envelope = bundle.envelope
        self.digest = bundle.envelope.digest
        self.statement = statement_of(bundle.envelope)
        if self.statement["predicateType"] != PREDICATE + "receipt/v1":
            raise Malformed("the statement is no receipt")
        self.predicate = p = self.statement["predicate"]
        self.subjects = [(one["name"], "sha256:" + one["digest"]["sha256"]) for one in self.statement["subject"]]
        self.fault = form_fault("receipt-predicate", p)
        ledger = p.get("ledger")
        if faults(schema("receipt-predicate")["properties"]["ledger"], ledger):
            ledger = {"stream": "?", "seq": number, "prevHash": None}
        self.stream, self.seq, self.prev = ledger["stream"], ledger["seq"], ledger["prevHash"]
        if self.fault is not None:
            return
        self.event, self.at = p["event"], millis(p["time"]["claimedUtc"])
        self.detail = p.get("detail", {})
        step = p.get("step", {})
        self.run, self.step, self.key, self.read_back = p.get("run"), step.get("id"), step.get("key"), step.get("readBack")
        self.signed = False

    @property
    def usable(self):
        """Whether its time is an instant; without one nothing can be said of it."""
        return self.at is not None

    @property
    def where(self):
        return f"{self.stream} {self.seq}"

    def sha(self, name):
        return next((digest for subject, digest in self.subjects if subject == name), None)


class Reading:
    """Everything that could be read of a bundle's files."""

    def __init__(self, files, report, identity=None):
        self.files, self.report = files, report
        # An age identity that the verifier was given, and what it opened, by digest.
        self.identity, self.opened = identity, {}
        self.layer = report["structure"]
        self.claim = self.claim_envelope = None
        self.claim_tokens = []
        self.claim_subjects = []
        self.receipts = []
        self.documents = {kind: {} for kind in PLAIN}
        self.envelopes = {kind: {} for kind in (*SIGNED, *RECORDS)}
        self.contracts = {}
        # Envelopes that are there, whatever they hold, by kind and digest.
        self.present, self.misfits = set(), {}
        self._records = {}
        self.read_claim()
        self.read_receipts()
        for path in sorted(files):
            if path.startswith("definitions/") and path in self.listed:
                self.read_definition(path)
            elif re.fullmatch("contracts/[^/]+@[^/]+[.]json", path) and path in self.listed:
                self.read_contract(path)

    @property
    def listed(self):
        """Paths of the manifest; of a manifest that cannot be read, all."""
        return self.manifest_paths()

    def manifest_paths(self):
        if not hasattr(self, "_listed"):
            try:
                # Late: the layers import this module.
                from signatures import MissingMember, Unsupported, manifest_entries

                manifest = parse_canonical(self.files.get(MANIFEST, b""), MAX_MANIFEST)
                self._listed = {one["path"] for one in manifest_entries(manifest)}
            except (NotCanonical, Malformed, MissingMember, Unsupported):
                self._listed = set(self.files)
        return self._listed

    def read_claim(self):
        data = self.files.get(CLAIM)
        if data is None:
            self.layer.fail("COMPLETENESS", "the claim is absent", CLAIM)
            return
        try:
            bundle = SigstoreBundle(data)
            statement = statement_of(bundle.envelope)
            if statement["predicateType"] != PREDICATE + "bundle-claim/v1":
                raise Malformed("the statement is no claim")
        except Malformed as error:
            self.layer.fail("BUNDLE_MALFORMED", str(error), CLAIM)
            return
        self.claim_envelope, self.claim_tokens = bundle.envelope, bundle.tokens
        self.claim_subjects = statement["subject"]
        claim = statement["predicate"]
        fault = claim_fault(claim)
        if fault is not None:
            self.layer.fail(fault, "the claim does not have its form", CLAIM)
        else:
            self.claim = claim

    def read_receipts(self):
        data = self.files.get(RECEIPTS) if RECEIPTS in self.listed else None
        if data is None:
            self.layer.fail("COMPLETENESS", "the receipts are absent", RECEIPTS)
            return
        lines = data.split(b"\n")
        if lines.pop() != b"":
            self.layer.fail("BUNDLE_MALFORMED", "the last line has no end", RECEIPTS)
        if len(lines) > MAX_RECEIPTS:
            self.layer.fail("BUNDLE_MALFORMED", "more than 1,000,000 receipts", RECEIPTS)
            return
        for number, line in enumerate(lines, 1):
            try:
                if len(line) > MAX_LINE:
                    raise Malformed("a line longer than 4 MiB")
                receipt = Receipt(number, SigstoreBundle(line))
            except Malformed as error:
                self.layer.fail("BUNDLE_MALFORMED", str(error), f"{RECEIPTS} line {number}")
                continue
            if receipt.fault is None:
                self.receipts.append(receipt)
            else:
                self.layer.fail(receipt.fault, "the receipt does not have its form", receipt.where)

    def read_definition(self, path):
        kind, _, name = path[len("definitions/") :].partition("/")
        data = self.files[path]
        if (kind not in PLAIN and kind not in self.envelopes) or not re.fullmatch("[0-9a-f]{64}[.]json", name):
            return
        digest = "sha256:" + name[:64]
        # What is misnamed is looked at all the same, and counts as what it is.
        if kind in PLAIN and sha256(data) != digest:
            self.layer.fail("HASH_MISMATCH", "the file is not what its name says", path)
            digest = sha256(data)
        try:
            value = parse_canonical(data)
            if kind in self.envelopes:
                self.read_envelope(kind, path, digest, Envelope(value))
                return
        except (NotCanonical, Malformed) as error:
            self.layer.fail("BUNDLE_MALFORMED", str(error), path)
            return
        fault = form_fault(PLAIN[kind], value) if PLAIN[kind] else action_list_fault(value)
        if kind == "engagement" and fault is None and not all(ids_differ(value.get(name, [])) for name in ("principals", "authorizations")):
            fault = "BUNDLE_MALFORMED"
        if kind == "engagement" and fault is None and not all(len(set(list_)) == len(list_) for list_ in value["scope"].values()):
            fault = "BUNDLE_MALFORMED"
        if kind == "principals" and fault is None and not people_fit(value["principals"]):
            fault = "BUNDLE_MALFORMED"
        if kind == "runbook" and fault is None and not ids_differ(value["steps"]):
            fault = "BUNDLE_MALFORMED"
        if kind == "runbook" and fault is None:
            fault = expressions_fault(value) or (None if is_data_schema(value["inputs"]) else "BUNDLE_MALFORMED")
        if fault is not None:
            self.layer.fail(fault, f"the {kind} does not have its form", path)
        else:
            self.documents[kind][digest] = value

    def read_envelope(self, kind, path, digest, envelope):
        if envelope.digest != digest:
            self.layer.fail("HASH_MISMATCH", "the file is not what its name says", path)
            return
        self.present.add((kind, digest))
        if kind in PERSONAL:
            self.envelopes[kind][digest] = (envelope, self.said(kind, envelope))
            return
        try:
            self.read_statement(kind, path, digest, envelope)
        except (NotCanonical, Malformed) as error:
            self.misfit(kind, path, digest, "BUNDLE_MALFORMED", str(error))

    def misfit(self, kind, path, digest, code, text):
        """A statement without its form: said of certificates at once, of others where they are cited."""
        if kind == "key-certificate":
            self.layer.fail(code, text, path)
        else:
            self.misfits[(kind, digest)] = (code, text, path)

    def cite(self, kind, digest):
        """Says what is wrong with a statement that something cites."""
        if (kind, digest) in self.misfits:
            self.layer.fail(*self.misfits.pop((kind, digest)))

    def read_statement(self, kind, path, digest, envelope):
        if kind in RECORDS:
            statement = statement_of(envelope)
            if statement["predicateType"] != f"{PREDICATE}{kind}/v1":
                raise Malformed(f"the statement is no {kind}")
            fault = form_fault(RECORDS[kind], statement["predicate"])
            payload = statement
        else:
            payload = parse_canonical(envelope.payload)
            fault = statement_fault(kind, payload)
            if envelope.payload_type != f"application/vnd.witnessops.{kind}.v1+json":
                raise Malformed("another payload type than the folder says")
        if fault is not None:
            self.misfit(kind, path, digest, fault, f"the {kind} does not have its form")
        else:
            self.envelopes[kind][digest] = (envelope, payload)

    def said(self, kind, envelope):
        """What a person signed; None when it does not have its form: then it holds for nobody."""
        try:
            payload = parse_canonical(envelope.payload)
        except NotCanonical:
            return None
        fits = envelope.payload_type == f"application/vnd.witnessops.{kind}.v1+json"
        return payload if fits and statement_fault(kind, payload) is None else None

    def read_contract(self, path):
        try:
            value = parse_canonical(self.files[path])
        except NotCanonical as error:
            self.layer.fail("BUNDLE_MALFORMED", str(error), path)
            return
        fault = form_fault("contract", value) or expressions_fault(value)
        if fault is None and not all(is_data_schema(value[name]) for name in ("inputs", "outputs")):
            fault = "BUNDLE_MALFORMED"
        if fault is not None:
            self.layer.fail(fault, "the contract does not have its form", path)
        elif path != f"contracts/{value['id']}@{value['version']}.json":
            self.layer.fail("DIGEST_MISMATCH", "the contract has another name than its file", path)
        else:
            self.contracts[digest_of(value)] = value

    def artifact(self, digest):
        """Bytes of an artifact that hash to their name, or None."""
        path = "artifacts/sha256/" + digest[len("sha256:") :]
        data = self.files.get(path) if path in self.listed else None
        return data if data is not None and sha256(data) == digest else None

    def record_fault(self, digest):
        """The code of why a gate record cannot be read."""
        data = self.artifact(digest)
        if data is None or len(data) > MAX_DOCUMENT:
            return "COMPLETENESS"
        try:
            return form_fault("gate-record", parse_canonical(data))
        except NotCanonical:
            return "BUNDLE_MALFORMED"

    def record(self, digest):
        """A gate record that can be read, or None."""
        if digest not in self._records:
            data = self.artifact(digest)
            value = None
            if data is not None:
                try:
                    value = parse_canonical(data)
                    value = value if form_fault("gate-record", value) is None else None
                except NotCanonical:
                    value = None
            self._records[digest] = value
        return self._records[digest]


DIGEST = re.compile("sha256:[0-9a-f]{64}")


def claim_fault(claim):
    names = {"schema", "workspace", "runs", "streams", "partial", "checkpoint", "exportedAt"}
    given = claim.get("schema")
    if isinstance(given, str) and given != "witnessops/bundle-claim/v1" and given.startswith("witnessops/bundle-claim/v"):
        return "SCHEMA_VERSION_UNSUPPORTED"
    if names - set(claim):
        return "REQUIRED_FIELD_MISSING"
    runs, streams = claim["runs"], claim["streams"]
    fine = set(claim) == names and given == "witnessops/bundle-claim/v1" and isinstance(claim["workspace"], str)
    fine = fine and isinstance(runs, list) and len(runs) > 0 and all(isinstance(run, str) for run in runs) and len(set(runs)) == len(runs)
    fine = fine and isinstance(claim["partial"], bool) and isinstance(streams, dict)
    fine = fine and isinstance(claim["exportedAt"], str) and millis(claim["exportedAt"]) is not None
    fine = fine and all(head_fits(head, {"seq", "digest", "count"}) for head in streams.values())
    head = claim["checkpoint"]
    fine = fine and (head is None or isinstance(head, dict) and set(head) == {"origin", "size", "root"})
    if fine and head is not None:
        fine = isinstance(head["origin"], str) and 1 <= len(head["origin"]) <= 200 and isinstance(head["root"], str) and re.fullmatch("[A-Za-z0-9+/]{43}=", head["root"]) and type(head["size"]) is int and head["size"] >= 1
    return None if fine else "BUNDLE_MALFORMED"


def head_fits(head, names):
    if not isinstance(head, dict) or set(head) != names or not isinstance(head["digest"], str):
        return False
    counts = [head[name] for name in names - {"digest"}]
    fine = "count" not in head or head["count"] != 0
    return fine and DIGEST.fullmatch(head["digest"]) is not None and all(type(n) is int and n >= 0 for n in counts)


def action_list_fault(value):
    fine = isinstance(value, dict) and set(value) == {"schema", "run", "step", "actions"}
    fine = fine and value["schema"] == "witnessops/action-list/v1" and isinstance(value["actions"], list)
    fine = fine and all(isinstance(one, str) and DIGEST.fullmatch(one) for one in value["actions"])
    return None if fine else "BUNDLE_MALFORMED"


def statement_fault(kind, value):
    try:
        return form_fault(SIGNED[kind], value)
    except FileNotFoundError:
        pass
    # Break-glass and review have no schema file: the members are in spec/action-document.md.
    names = {
        "break-glass": {"purpose", "breakGlass", "invocation", "actionDigest", "principal", "reason", "signedAt", "nonce"},
        "review": {"purpose", "engagement", "run", "receipt", "finding", "principal", "reason", "signedAt", "nonce"},
    }[kind]
    if not isinstance(value, dict):
        return "BUNDLE_MALFORMED"
    if names - set(value):
        return "REQUIRED_FIELD_MISSING"
    fine = set(value) == names and all(isinstance(text, str) for text in value.values())
    fine = fine and value["purpose"] == f"witnessops/{kind}/v1" and millis(value["signedAt"]) is not None
    fine = fine and re.fullmatch("[0-9a-f]{32}", value["nonce"]) is not None
    fine = fine and (kind != "review" or value["finding"] in ("justified", "unjustified"))
    return None if fine else "BUNDLE_MALFORMED"


KEYWORDS = set(
    "type enum const properties required additionalProperties items anyOf minLength maxLength pattern format minimum maximum "
    "exclusiveMinimum exclusiveMaximum multipleOf minItems maxItems uniqueItems minProperties maxProperties title description "
    "examples default sensitive".split()
)


def ids_differ(entries):
    return len({one["id"] for one in entries}) == len(entries)


def people_fit(principals):
    """Whether principals are sorted by id, each once, with keys that can be read and stand once (spec/engagement.md)."""
    # Late: keys need this module's neighbours.
    from keys import principal_key

    ids, seen = [one["id"] for one in principals], set()
    try:
        for entry in (key for one in principals for key in one["keys"]):
            identity = principal_key(entry).identity
            if identity in seen:
                return False
            seen.add(identity)
    except Malformed:
        return False
    return ids == sorted(set(ids))


def is_names(value):
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def is_data_schema(rule):
    """Whether something is a data schema (spec/contract.md), as far as types and places of schemas go."""
    if not isinstance(rule, dict):
        return False
    if set(rule) - KEYWORDS or "required" in rule and not is_names(rule["required"]):
        return False
    for name in set(rule) & {"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"}:
        if isinstance(rule[name], bool) or not isinstance(rule[name], (int, float)) or rule[name] < 0 or rule[name] != int(rule[name]):
            return False
    types = rule.get("type", [])
    if types == [] and "type" in rule:
        return False
    for name in types if isinstance(types, list) else [types]:
        if name not in ("object", "array", "string", "integer", "number", "boolean", "null"):
            return False
    inner = list(rule.get("properties", {}).values()) if isinstance(rule.get("properties", {}), dict) else [None]
    inner += [rule["items"]] if "items" in rule else []
    inner += rule["anyOf"] if isinstance(rule.get("anyOf", []), list) and "anyOf" in rule else []
    return all(is_data_schema(one) for one in inner)


def expressions_of(tree):
    if isinstance(tree, str):
        return [tree]
    if isinstance(tree, list):
        return [text for item in tree for text in expressions_of(item)]
    return [text for item in tree.values() for text in expressions_of(item)] if isinstance(tree, dict) else []


def expressions_fault(document):
    """Whether every expression of a contract or runbook compiles."""
    known = {"inputs", "outputs", "result", "error", "idempotencyKey"} if document["kind"] == "Contract" else {"inputs", "steps", "each"}
    if document["kind"] == "Contract":
        execution, entries = document["execution"], document["scope"]["endpoints"]
        texts = [one["when"] for one in document["errors"]] + [one["from"] for one in document["scope"]["subjects"]]
        texts += [one[name] for one in entries for name in ("host", "port", "url") if isinstance(one.get(name), str)]
        texts += expressions_of(execution["with"]) + expressions_of(execution["outputs"])
        confirm = execution.get("confirm")
        if confirm:
            texts += expressions_of(confirm["with"]) + [confirm["happened"], confirm["notHappened"]]
    else:
        scope = document["scope"]
        texts = [one["from"] for name in ("include", "exclude") for one in scope.get(name, []) if isinstance(one, dict)]
        for step in document["steps"]:
            each = step.get("forEach", {})
            texts += expressions_of(step.get("with", {})) + ([step["when"]] if "when" in step else [])
            texts += [each[name] for name in ("in", "key") if name in each]
    if len(texts) > 2000:
        return "BUNDLE_MALFORMED"
    try:
        for text in texts:
            if free_names(compile_cel(text)) - known:
                return "BUNDLE_MALFORMED"
    except NotDecided:
        return None
    except CelError:
        return "BUNDLE_MALFORMED"
    return None
