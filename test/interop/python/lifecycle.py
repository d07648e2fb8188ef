"""What became of evidence: sealed, classified, held, released, redacted, retired (spec/lifecycle.md, spec/sealing.md)."""

from age import open_sealed, stanzas_of
from dsse import Malformed, sha256
from people import Refused, is_listed, roles_in, signed_statement, trusted_principals

LEVELS = ["public", "internal", "confidential", "secret"]
ROLES = {
    "classify": {"operator", "approver", "owner"}, "hold": {"operator", "approver", "owner"}, "release": {"approver", "owner"},
    "redact": {"operator", "approver", "owner"}, "end-hold": {"owner"}, "retire": {"owner"},
}  # fmt: skip
ACTIONS = {
    "artifact-classified": "classify", "artifact-held": "hold", "artifact-released": "release",
    "artifact-redacted": "redact", "artifact-hold-ended": "end-hold", "artifact-retired": "retire",
}  # fmt: skip
SIGNED = {"redact", "end-hold", "retire"}


class Lifecycle:
    """Of one run: which artifacts it has, and what the engagement's stream says of them."""

    def __init__(self, run):
        stream = "engagement:" + run.document["engagement"]["id"] if run.document else None
        self.run, self.events = run, [
            one for one in run.reading.receipts
            if one.usable and one.run == run.id and one.stream == stream and one.event in (*ACTIONS, "artifact-action-refused")
        ]  # fmt: skip
        self.retired = {
            (one.detail.get("artifact"), one.detail.get("digest")): one for one in self.events if one.event == "artifact-retired"
        }
        self.classified = {one.detail.get("artifact") for one in self.events if one.event == "artifact-classified"}

    def may_be_absent(self, receipt, artifact):
        quarantined = "sensitivity" not in artifact and artifact["id"] not in self.classified
        return (artifact["id"], artifact["digest"]) in self.retired or (receipt.event == "artifact-imported" and quarantined)

    def check_sealed(self, receipt, contract, fail, identity):
        """Layer `structure`: an artifact is sealed exactly where it is secret."""
        run = self.run
        for artifact in receipt.predicate.get("artifacts", []):
            sensitivity, sealed = artifact.get("sensitivity"), artifact.get("sealed")
            if sensitivity is None and receipt.event != "artifact-imported":
                fail("an artifact has no sensitivity", "REQUIRED_FIELD_MISSING")
            if sensitivity == "secret" and sealed is None:
                fail("a secret artifact is not sealed", "REQUIRED_FIELD_MISSING")
            if sealed is not None and sensitivity != "secret":
                fail("an artifact is sealed and not secret", "BUNDLE_MALFORMED")
            if contract is not None and "invocation" in receipt.predicate and sensitivity is not None:
                if sensitivity != due_sensitivity(contract, artifact["name"]):
                    fail("an artifact has another sensitivity than its contract says")
            if sealed is not None:
                self.check_file(artifact, sealed, fail, identity)
                recipients = (run.engagement or {}).get("evidence", {}).get("recipients")
                if run.engagement is not None and sealed["recipients"] != recipients:
                    fail("an artifact is sealed to others than the engagement says")

    def check_file(self, artifact, sealed, fail, identity):
        data = self.run.reading.artifact(artifact["digest"])
        if data is None:
            return
        stanzas = stanzas_of(data)
        if stanzas is None or len(stanzas) != len(sealed["recipients"]):
            fail("a sealed artifact is no age file to that many recipients", "BUNDLE_MALFORMED")
            return
        if identity is None:
            return
        try:
            plain = open_sealed(data, identity)
            if plain is None:
                return
            if len(plain) < 32:
                raise Malformed("a sealed artifact has no salt")
        except Malformed as error:
            fail(str(error), "BUNDLE_MALFORMED")
            return
        if sha256(plain) != sealed["commitment"]:
            fail("a sealed artifact is not what its commitment says", "HASH_MISMATCH")
            return
        self.run.reading.opened[artifact["digest"]] = plain[32:]

    # Layer `authorization`.

    def check(self, words, statuses):
        self.words, self.layer, self.statuses = words, words.layer, statuses
        self.artifacts = {}
        for receipt in self.run.receipts:
            for one in receipt.predicate.get("artifacts", []):
                sensitivity = one.get("sensitivity")
                self.artifacts.setdefault(one["id"], {
                    "digest": one["digest"], "sensitivity": sensitivity, "sealed": one.get("sealed"), "retired": False, "holds": set(),
                })  # fmt: skip
        for receipt in self.events:
            if receipt.event in ACTIONS:
                self.take(receipt, ACTIONS[receipt.event])

    def take(self, receipt, action):
        detail, fail = receipt.detail, lambda code, text: self.layer.fail(code, text, receipt.where)
        named, digest = detail.get("artifact"), detail.get("digest")
        derived = (receipt.predicate.get("artifacts") or [{}])[0]
        if action == "redact":
            named, digest = derived.get("derivedFrom"), None
        state = self.artifacts.get(named)
        who, custody = receipt.predicate["actor"]["principal"], None
        if action in SIGNED:
            stored = self.words.stored("lifecycle", detail.get("lifecycle"))
            if stored is None:
                fail("COMPLETENESS", "the statement that the receipt names is absent")
                return
            if stored[1] is not None and not self.fits(receipt, action, stored[1], derived, state):
                fail("DIGEST_MISMATCH", "the statement is about something else than its receipt")
                return
            try:
                signed = signed_statement(stored, self.words.principals, receipt.at)
            except Refused as why:
                fail("APPROVAL_INVALID", f"the statement does not hold: {why}")
                return
            custody = signed.custody
            self.check_trusted(receipt, action, stored, state, fail)
        elif state is not None and digest != state["digest"]:
            fail("DIGEST_MISMATCH", "the receipt names another digest than its artifact has")
            return
        refused = self.refuses(action, who, custody, receipt, state, self.words.principals)
        if refused is not None:
            fail("APPROVAL_INVALID", f"`{receipt.event}` was not allowed: {refused}")
            return
        if action == "release" and state["sealed"] and detail.get("commitment") != state["sealed"]["commitment"]:
            fail("DIGEST_MISMATCH", "what was released is not what the artifact is sealed over")
        self.apply(receipt, action, state, derived)

    def fits(self, receipt, action, said, derived, state):
        detail, p = receipt.detail, receipt.predicate
        fits = said["action"] == action and said["engagement"] == self.run.engagement["id"] and said["run"] == self.run.id
        fits = fits and said["principal"] == p["actor"]["principal"]
        if action == "redact":
            place = (derived.get("id"), derived.get("digest"), derived.get("derivedFrom"))
            return fits and state is not None and (said["artifact"], said["digest"], said.get("derivedFrom")) == place
        fits = fits and (said["artifact"], said["digest"], said["reason"]) == tuple(detail.get(n) for n in ("artifact", "digest", "reason"))
        fits = fits and said.get("hold") == detail.get("hold")
        return fits and state is not None and state["digest"] == said["digest"]

    def check_trusted(self, receipt, action, stored, state, fail):
        trust, name = self.words.trust, stored[1]["principal"]
        if trust is None:
            return
        if not is_listed(trust, name):
            self.layer.doubt(f"the trust file does not list `{name}`, who signed what was done to evidence")
            return
        principals = trusted_principals(self.words.principals, trust)
        try:
            signed = signed_statement(stored, principals, receipt.at)
            refused = self.entitled(action, name, signed.custody, receipt, principals)
        except Refused as why:
            refused = str(why)
        if refused is not None:
            fail("APPROVAL_INVALID", f"what `{name}` signed does not hold by the trust file: {refused}")

    def entitled(self, action, who, custody, receipt, principals):
        roles = roles_in(self.run, principals, who)
        if roles is None or not roles & ROLES[action]:
            return "not-entitled"
        if who in self.statuses.disabled(receipt.at):
            return "disabled"
        kind = next(one["type"] for one in principals if one["id"] == who)
        if action in SIGNED and kind != "human":
            return "not-human"
        return "key-not-held" if action in ("end-hold", "retire") and custody != "held" else None

    def refuses(self, action, who, custody, receipt, state, principals):
        if state is None:
            return "unknown-artifact"
        refused = self.entitled(action, who, custody, receipt, principals)
        if refused is not None:
            return refused
        if state["retired"]:
            return "retired"
        if action in ("release", "redact") and state["sensitivity"] is None:
            return "quarantined"
        wanted = receipt.detail.get("sensitivity")
        if action == "redact" and (receipt.predicate.get("artifacts") or [{}])[0].get("digest") == state["digest"]:
            return "unchanged"
        if action == "classify":
            if wanted not in LEVELS:
                return "no sensitivity"
            if wanted == "secret" and not state["sealed"]:
                return "cannot-be-sealed-later"
            if state["sensitivity"] is not None and LEVELS.index(wanted) < LEVELS.index(state["sensitivity"]):
                return "lowered"
        if action == "end-hold" and receipt.detail.get("hold") not in state["holds"]:
            return "no-such-hold"
        return "on-hold" if action == "retire" and state["holds"] else None

    def apply(self, receipt, action, state, derived):
        if action == "classify":
            state["sensitivity"] = receipt.detail["sensitivity"]
        elif action == "hold":
            state["holds"].add(receipt.digest)
        elif action == "end-hold":
            state["holds"].discard(receipt.detail["hold"])
        elif action == "retire":
            state["retired"] = True
        elif action == "redact":
            # A derived artifact with the id of another takes neither its place nor its holds.
            self.artifacts.setdefault(derived["id"], {
                "digest": derived["digest"], "sensitivity": derived.get("sensitivity"), "sealed": derived.get("sealed"),
                "retired": False, "holds": set(),
            })  # fmt: skip


def due_sensitivity(contract, name):
    """The rule's; of `result` the highest of `internal` and all rules."""
    rules = {rule["name"]: rule["sensitivity"] for rule in contract["evidence"]["artifacts"]}
    if name == "result":
        return max(["internal", *rules.values()], key=LEVELS.index)
    return rules.get(name)
