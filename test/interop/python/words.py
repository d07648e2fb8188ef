"""Layer 8, second part: what people said, as the receipts and gate records have it."""

import gates
from canonical import same
from cel import CelError, evaluate_tree
from people import (
    Refused, is_listed, may_not_resolve, may_not_review, signal_body, signed_statement, trusted_principals,
)  # fmt: skip
from runs import reference_of
from schema import faults, millis

TEXT, DURATION = {"type": "string", "minLength": 1, "maxLength": 4000}, {"type": "string", "pattern": "^[0-9]{1,9}(ms|s|m|h|d)$"}
ROLES = {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"enum": ["operator", "approver", "owner", "system"]}}
MANUAL = {
    "type": "object", "required": ["task"], "additionalProperties": False,
    "properties": {"task": TEXT, "roles": ROLES, "independent": {"type": "boolean"}, "within": DURATION},
}  # fmt: skip
WAIT = {
    "type": "object", "additionalProperties": False,
    "properties": {
        "until": {"type": "string", "format": "date-time"}, "after": DURATION, "within": DURATION,
        "publicKey": {"type": "string", "pattern": "^[A-Za-z0-9+/]{58,60}=*$"},
    },
}  # fmt: skip


def awaited_of(contract, action, budget):
    """What an action waits for, or None (spec/contract.md, Calls that wait)."""
    adapter = contract["execution"]["adapter"]
    if adapter not in ("manual", "wait"):
        return None
    names = {"inputs": action["inputs"], "idempotencyKey": action["idempotencyKey"]}
    given = evaluate_tree(contract["execution"]["with"], names, budget)
    given = {name: value for name, value in given.items() if value is not None}
    if faults(MANUAL if adapter == "manual" else WAIT, given):
        raise CelError("what it waits for cannot be computed")
    if adapter == "manual":
        default = {"roles": ["operator", "approver", "owner"], "independent": False}
        return {"what": "answer", **default, **given}
    if sum(name in given for name in ("until", "after", "publicKey")) != 1:
        raise CelError("exactly one of `until`, `after` and `publicKey` is given")
    return {"what": "signal" if "publicKey" in given else "time", **given}


class Words:
    """Checks of one run's words, shared by its receipts."""

    def __init__(self, run, layer, trust, statuses, budget, ledger):
        self.run, self.layer, self.trust, self.statuses = run, layer, trust, statuses
        self.budget, self.ledger, self.reading = budget, ledger, run.reading
        self.principals = run.principals["principals"]
        self.trusted = trusted_principals(self.principals, trust) if trust is not None else None

    def fail(self, receipt, code, text):
        self.layer.fail(code, text, receipt.where)

    def stored(self, kind, digest):
        return self.reading.envelopes[kind].get(digest)

    # What a receipt records.

    def check_recorded(self, receipt, found):
        kinds = {"approval-recorded": "approval", "break-glass-recorded": "break-glass", "answer-recorded": "answer"}
        if receipt.event == "signal-recorded":
            self.check_signal(receipt, found)
        if receipt.event not in kinds:
            return
        kind = kinds[receipt.event]
        stored = self.stored(kind, receipt.subjects[0][1])
        if stored is None:
            self.fail(receipt, "COMPLETENESS", f"what `{receipt.event}` records is absent")
            return
        try:
            signed = signed_statement(stored, self.principals, receipt.at)
        except Refused as why:
            self.fail(receipt, "SIGNATURE_INVALID", f"what `{receipt.event}` records does not hold: {why}")
            return
        says = self.says(receipt, kind, signed, found)
        if says is None:
            self.fail(receipt, "COMPLETENESS", "the list that an approval is about is absent")
        elif not says:
            self.fail(receipt, "DIGEST_MISMATCH", f"what `{receipt.event}` records is about something else")

    def says(self, receipt, kind, signed, found):
        p, detail, statement = receipt.predicate, receipt.detail, signed.payload
        action = found.pauses[-1][0] if found is not None and found.pauses else None
        fits = p["actor"]["principal"] == statement["principal"]
        if kind == "approval":
            entry = {
                "digest": signed.digest, "principal": statement["principal"], "decision": statement["decision"],
                "keyId": signed.key_id,
            }  # fmt: skip
            fits = fits and detail.get("decision") == statement["decision"] and p.get("approvals") == [entry]
            if "list" not in detail:
                return fits and statement["actionDigest"] == action
            listed = self.reading.documents["action-list"].get(detail["list"])
            if listed is None:
                return None
            place = (listed["run"], listed["step"]) == (self.run.id, receipt.step)
            return fits and statement["actionDigest"] == detail["list"] and place
        invocation = self.run.invocation_id(receipt.step, receipt.key)
        fits = fits and statement["invocation"] == invocation and statement["actionDigest"] == action
        if kind == "break-glass":
            fits = fits and (statement["breakGlass"], statement["reason"]) == (detail.get("id"), detail.get("reason"))
        return fits

    def check_signal(self, receipt, found):
        signal = self.reading.documents["signal"].get(receipt.detail.get("signal"))
        if signal is None:
            self.fail(receipt, "COMPLETENESS", "what `signal-recorded` records is absent")
            return
        try:
            awaited = self.awaited_by(found)
            if awaited is None or awaited["what"] != "signal":
                raise Refused("the step waits for no webhook")
            signal_body(signal, awaited["publicKey"], self.run.invocation_id(receipt.step, receipt.key), receipt.at)
        except Refused as why:
            self.fail(receipt, "SIGNATURE_INVALID", f"what `signal-recorded` records does not hold: {why}")
            return
        if signal["id"] != receipt.detail.get("id"):
            self.fail(receipt, "DIGEST_MISMATCH", "what `signal-recorded` records is about something else")

    def awaited_by(self, found):
        """What an invocation last paused for."""
        record = self.reading.record(found.paused_record) if found is not None and found.paused_record else None
        if record is None:
            return None
        contract = self.run.contracts.get(reference_of(record["action"]["contract"]))
        try:
            return awaited_of(contract, record["action"], self.budget) if contract else None
        except CelError:
            return None

    # What a gate record saw.

    def approvals(self, receipt, found, record, contract):
        """The facts of a record's approvals, as the statements give them."""
        facts, invalid = [], lambda text: self.fail(receipt, "APPROVAL_INVALID", text)
        decided_at = millis(record["decidedAt"])
        for stated in record["approvals"]:
            who, stored = f"the approval of `{stated['principal']}`", self.stored("approval", stated["digest"])
            if stored is None:
                self.fail(receipt, "COMPLETENESS", f"{who} that a gate saw is absent")
                continue
            try:
                fact = self.approval_fact(stored, self.principals, decided_at)
            except Refused as why:
                invalid(f"{who} does not hold: {why}")
                continue
            covers = self.covers(record, stored[1]["actionDigest"])
            if covers is None:
                invalid(f"{who} is for another action")
                continue
            fact.update(covers)
            if not same(fact, stated):
                invalid(f"the gate saw another approval than {who}")
            recorded = next((one for one in found.approvals if one[0] == stated["digest"]), None)
            if recorded is None:
                invalid(f"no receipt before the call records {who}")
            elif recorded[1] > decided_at:
                invalid(f"{who} was recorded after the gates had decided")
            facts.append(fact)
            if record["decision"] == "allow" and stated["decision"] == "approve":
                once = (stated["digest"],) if "list" not in stated else (stated["digest"], record["actionDigest"])
                if self.ledger.setdefault(once, record["action"]["invocation"]) != record["action"]["invocation"]:
                    invalid(f"{who} was used for two invocations")
        self.omitted_rejections(receipt, found, record, contract, decided_at)
        return facts

    def approval_fact(self, stored, principals, at):
        signed = signed_statement(stored, principals, at)
        statement = signed.payload
        fact = {
            "digest": signed.digest, "principal": statement["principal"], "decision": statement["decision"],
            "keyId": signed.key_id, "custody": signed.custody, "notAfter": statement["notAfter"],
        }  # fmt: skip
        if "reason" in statement:
            fact["reason"] = statement["reason"]
        return fact

    def covers(self, record, approved):
        if approved == record["actionDigest"]:
            return {}
        listed, action = self.reading.documents["action-list"].get(approved), record["action"]
        if listed is None or (listed["run"], listed["step"]) != (action["run"], action["step"]):
            return None
        return {"list": approved} if record["actionDigest"] in listed["actions"] else None

    def omitted_rejections(self, receipt, found, record, contract, decided_at):
        """A rejection that was recorded before may not be left out of what the gates saw."""
        ordered = not (contract["effect"] == "read" and contract["execution"]["idempotency"] == "safe")
        seen = {one["digest"] for one in record["approvals"]}
        for digest, at, _ in found.approvals:
            if digest in seen or (not ordered and at > decided_at):
                continue
            stored = self.stored("approval", digest)
            try:
                fact = self.approval_fact(stored, self.principals, decided_at) if stored else None
            except Refused:
                continue
            if fact and fact["decision"] == "reject" and self.covers(record, stored[1]["actionDigest"]) is not None:
                self.fail(receipt, "APPROVAL_INVALID", f"the gates did not see the rejection by `{fact['principal']}`")

    def glass(self, receipt, found, record):
        stated = record.get("breakGlass")
        if stated is None:
            return None
        invalid = lambda text: self.fail(receipt, "APPROVAL_INVALID", text)
        stored = self.stored("break-glass", stated["digest"])
        if stored is None:
            self.fail(receipt, "COMPLETENESS", "the word by which somebody acted without approval is absent")
            return None
        try:
            fact = self.glass_fact(stored, self.principals, millis(record["decidedAt"]), stated["use"])
        except Refused as why:
            return invalid(f"the word by which somebody acted without approval does not hold: {why}")
        action = record["action"]
        if (stored[1]["actionDigest"], stored[1]["invocation"]) != (record["actionDigest"], action["invocation"]):
            return invalid("the word by which somebody acted without approval is about another action")
        if not same(fact, stated):
            return invalid("the gate saw another word than was signed")
        if found.break_glass is None or found.break_glass[0] != stated["digest"]:
            return invalid("no receipt before the call records that somebody acts without approval")
        stood = any(one["gate"] == "approval" and "breakGlass" in one["facts"] for one in record["gates"])
        if record["decision"] == "allow" and stood:
            use = ("use", action["engagement"]["id"], stated["breakGlass"], stated["use"])
            if self.ledger.setdefault(use, action["invocation"]) != action["invocation"]:
                invalid(f"use {stated['use']} of `{stated['breakGlass']}` was taken by another call")
        return fact

    def glass_fact(self, stored, principals, at, use):
        signed = signed_statement(stored, principals, at)
        return {
            "digest": signed.digest, "breakGlass": signed.payload["breakGlass"], "principal": signed.payload["principal"],
            "keyId": signed.key_id, "custody": signed.custody, "use": use,
        }  # fmt: skip

    def given(self, receipt, found, record, awaited):
        """The facts of what was given to an action that waits."""
        stated, facts = record.get("given", []), []
        invalid = lambda text: self.fail(receipt, "APPROVAL_INVALID", text)
        digests = [one["digest"] for one in stated]
        if [digest for _, digest, _ in found.given if digest in digests] != digests:
            invalid("the gate saw what was given in another order than it was recorded, or twice")
        for one in stated:
            recorded = next((each for each in found.given if each[:2] == (one["what"], one["digest"])), None)
            if recorded is None:
                invalid(f"no receipt before the call records the {one['what']} that the gate saw")
                continue
            try:
                checked = self.given_one(record, awaited, recorded)
            except Refused as why:
                invalid(f"the {one['what']} does not hold: {why}")
                continue
            if checked is None:
                self.fail(receipt, "COMPLETENESS", f"the {one['what']} that a gate saw is absent")
            elif not same(checked[0], one):
                invalid(f"the gate saw another {one['what']} than was recorded")
            else:
                facts.append(checked[0])
        for recorded in found.given:
            if recorded[1] in digests or millis(recorded[2]) > millis(record["decidedAt"]):
                continue
            try:
                if self.given_one(record, awaited, recorded) is not None:
                    invalid(f"the gate did not see an {recorded[0]} that was there")
            except Refused:
                continue
        return facts

    def given_one(self, record, awaited, recorded):
        """(fact, result) of one answer or webhook; None when the bundle lacks it."""
        what, digest, at = recorded
        if what != awaited["what"]:
            raise Refused("the step waits for something else")
        invocation = record["action"]["invocation"]
        if what == "signal":
            signal = self.reading.documents["signal"].get(digest)
            if signal is None:
                return None
            body = signal_body(signal, awaited["publicKey"], invocation, millis(at))
            result = {"id": signal["id"], "sentAt": gates.utc(signal["timestamp"] * 1000), "signal": body}
            return {"what": "signal", "digest": digest, "id": signal["id"], "at": at}, result
        stored = self.stored("answer", digest)
        if stored is None:
            return None
        fact = self.answer_fact(stored, self.principals, millis(record["decidedAt"]), at)
        statement = stored[1]
        if (statement["invocation"], statement["actionDigest"]) != (invocation, record["actionDigest"]):
            raise Refused("it is about another action")
        result = {
            "task": awaited["task"], "answer": statement["answer"], "by": statement["principal"],
            "signedAt": statement["signedAt"],
        }  # fmt: skip
        return fact, result

    def answer_fact(self, stored, principals, decided_at, recorded_at):
        signed = signed_statement(stored, principals, decided_at)
        return {
            "what": "answer", "digest": signed.digest, "principal": signed.payload["principal"], "keyId": signed.key_id,
            "custody": signed.custody, "at": recorded_at,
        }  # fmt: skip

    def given_result(self, found, record, awaited):
        """What an allowed call was given: its captured result must be just that. None when it is not there."""
        decided = record["gates"][-1]
        if record["decision"] != "allow" or decided["gate"] != "input":
            return None
        if awaited["what"] == "time":
            return {"due": decided["facts"].get("due"), "decidedAt": record["decidedAt"]}
        recorded = next((one for one in found.given if one[1] == decided["facts"].get("input")), None)
        try:
            checked = self.given_one(record, awaited, recorded) if recorded else None
        except Refused:
            return None
        return checked[1] if checked else None

    # The same by the trust file.

    def anchored_approvals(self, receipt, facts):
        if facts.action["approvalRule"] == "none" or self.trust is None:
            return
        trusted, unlisted, at = [], [], millis(facts.now)
        for fact in facts.approvals:
            if not is_listed(self.trust, fact["principal"]):
                unlisted.append(fact["principal"])
                continue
            try:
                trusted.append(self.approval_fact(self.stored("approval", fact["digest"]), self.trusted, at))
            except Refused as why:
                text = f"the approval of `{fact['principal']}` does not hold by the trust file: {why}"
                self.fail(receipt, "APPROVAL_INVALID", text)
        glass = None
        if facts.break_glass is not None:
            if not is_listed(self.trust, facts.break_glass["principal"]):
                unlisted.append(facts.break_glass["principal"])
            try:
                stored = self.stored("break-glass", facts.break_glass["digest"])
                glass = self.glass_fact(stored, self.trusted, at, facts.break_glass["use"])
            except Refused:
                glass = None
        then = gates.Facts(**{**facts.__dict__, "principals": self.trusted, "approvals": trusted, "break_glass": glass})
        decided = gates.run_gate("approval", gates.approval, then)
        if decided["decision"] == "allow":
            return
        if unlisted:
            self.layer.doubt(f"the trust file does not list `{unlisted[0]}`, whose approval was needed")
        else:
            text = f"`{facts.action['invocation']}` was called without the approvals that the trust file accepts"
            self.fail(receipt, "APPROVAL_INVALID", text)

    def anchored_answer(self, receipt, facts, record):
        if self.trust is None or facts.awaited is None or facts.awaited["what"] != "answer" or not facts.given:
            return
        given, unlisted = [], []
        for fact in facts.given:
            if not is_listed(self.trust, fact["principal"]):
                unlisted.append(fact["principal"])
                continue
            try:
                stored = self.stored("answer", fact["digest"])
                given.append(self.answer_fact(stored, self.trusted, millis(facts.now), fact["at"]))
            except Refused:
                continue
        then = gates.Facts(**{**facts.__dict__, "principals": self.trusted, "given": given})
        decided = gates.run_gate("input", gates.input_gate, then)
        if decided["decision"] == "allow" and decided["facts"].get("input") == record["gates"][-1]["facts"].get("input"):
            return
        if unlisted:
            self.layer.doubt(f"the trust file does not list `{unlisted[0]}`, who answered a step")
        else:
            text = f"`{facts.action['invocation']}` was answered by nobody whom the trust file accepts"
            self.fail(receipt, "APPROVAL_INVALID", text)

    # Resolutions and reviews.

    def check_resolution(self, receipt, found):
        detail, stored = receipt.detail, self.stored("resolution", receipt.detail.get("resolution"))
        if stored is None:
            self.fail(receipt, "COMPLETENESS", "the resolution that the receipt records is absent")
            return
        try:
            signed = signed_statement(stored, self.principals, receipt.at)
        except Refused as why:
            self.fail(receipt, "SIGNATURE_INVALID", f"the resolution does not hold: {why}")
            return
        said, who = signed.payload, signed.payload["principal"]
        fits = who == receipt.predicate["actor"]["principal"]
        fits = fits and said["invocation"] == self.run.invocation_id(receipt.step, receipt.key, receipt.read_back)
        fits = fits and (said["finding"], said["attempt"]) == (detail.get("finding"), detail.get("attempt"))
        if found.attempt is not None:
            number, action = found.attempt
            fits = fits and said["actionDigest"] == action
            fits = fits and (said["finding"] in ("continue", "hand-over") or said["attempt"] == number)
        if not fits:
            self.fail(receipt, "DIGEST_MISMATCH", "the resolution is about something else than its receipt")
        disabled = self.statuses.disabled(receipt.at)
        refused = may_not_resolve(self.run, self.principals, signed, disabled)
        if refused is not None:
            self.fail(receipt, "APPROVAL_INVALID", f"`{who}` may not settle this: {refused}")
        if self.trust is None:
            return
        if not is_listed(self.trust, who):
            self.layer.doubt(f"the trust file does not list `{who}`, who settled a doubt")
            return
        try:
            untrusted = may_not_resolve(self.run, self.trusted, signed_statement(stored, self.trusted, receipt.at), disabled)
        except Refused as why:
            untrusted = str(why)
        if untrusted is not None:
            self.fail(receipt, "APPROVAL_INVALID", f"the resolution by `{who}` does not hold by the trust file: {untrusted}")

    def check_review(self, receipt):
        """(digest of the use, finding) of a review that the reviewer trusts, or None."""
        detail, stored = receipt.detail, self.stored("review", receipt.detail.get("review"))
        if stored is None:
            self.fail(receipt, "COMPLETENESS", "the review that the receipt records is absent")
            return None
        try:
            signed = signed_statement(stored, self.principals, receipt.at)
        except Refused as why:
            self.fail(receipt, "SIGNATURE_INVALID", f"the review does not hold: {why}")
            return None
        said = signed.payload
        use = next((one for one in self.run.receipts if one.digest == said["receipt"]), None)
        fits = use is not None and use.event == "break-glass-recorded"
        fits = fits and said["principal"] == receipt.predicate["actor"]["principal"] and said["run"] == self.run.id
        fits = fits and said["engagement"] == self.run.engagement["id"]
        if not fits or (detail.get("receipt"), detail.get("finding")) != (said["receipt"], said["finding"]):
            self.fail(receipt, "DIGEST_MISMATCH", "the review is about something else than its receipt")
            return None
        once = ("review", said["receipt"])
        if self.ledger.setdefault(once, receipt.digest) != receipt.digest:
            self.fail(receipt, "APPROVAL_INVALID", "a use of break-glass is reviewed once")
        try:
            word = self.stored("break-glass", use.detail.get("breakGlass"))
            acted = signed_statement(word, self.principals, use.at).payload if word else None
        except Refused:
            acted = None
        if acted is None:
            self.fail(receipt, "COMPLETENESS", "the use of break-glass that is reviewed was signed by nobody")
            return None
        involved = {acted["principal"], self.run.document["requester"]}
        disabled = self.statuses.disabled(receipt.at)
        refused = may_not_review(self.run, self.principals, signed, acted["breakGlass"], involved, disabled)
        if refused is not None:
            self.fail(receipt, "APPROVAL_INVALID", f"`{said['principal']}` may not review this: {refused}")
            return None
        if self.trust is None:
            return said["receipt"], said["finding"]
        if not is_listed(self.trust, said["principal"]):
            return None
        try:
            again = signed_statement(stored, self.trusted, receipt.at)
            refused = may_not_review(self.run, self.trusted, again, acted["breakGlass"], involved, disabled)
        except Refused as why:
            refused = str(why)
        if refused is not None:
            self.fail(receipt, "APPROVAL_INVALID", f"the review does not hold by the trust file: {refused}")
            return None
        return said["receipt"], said["finding"]
