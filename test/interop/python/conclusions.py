"""Layers 10 and 11: proof class and conclusions (spec/verification.md)."""

from flow import PHASES
from log import requires_log
from schema import millis
from people import Refused, is_listed, signed_statement, trusted_principals
from structure import SCOPE_TEXT

SIGNALS = ("contract-identity", "invocation-outcome", "artifact-integrity", "receipt-linkage", "verification-scope")
CLASSED = {"executed", "failed", "in-doubt", "dispatched"}


def check_steps(reading, report, runs, trust, reviews):
    """The five signals of each step, and the reasons against strong proof."""
    for run in runs.values():
        last = {}
        for receipt in run.receipts:
            if receipt.step is not None and receipt.event in PHASES:
                last[run.invocation_id(receipt.step, receipt.key, receipt.read_back)] = receipt
        if run.document is not None:
            for invocation, receipt in last.items():
                report.steps.append(step_report(reading, run, invocation, receipt, trust, reviews))


def step_report(reading, run, invocation, receipt, trust, reviews):
    outcome = PHASES[receipt.event]
    step = {
        "id": receipt.step, "invocation": receipt.predicate.get("invocation", {}).get("id", invocation), "outcome": outcome,
        "receipt": receipt.digest, "missing": [], "reasons": [],
    }  # fmt: skip
    if outcome in CLASSED:
        present = signals_of(reading, run, receipt, trust)
        step["missing"] = [name for name in SIGNALS if not present[name]]
        step["reasons"] = reasons_of(run, receipt, outcome, reviews)
    return step


def signals_of(reading, run, receipt, trust):
    p = receipt.predicate
    contract, invocation = p.get("contract"), p.get("invocation", {})
    last = (invocation.get("attempts") or [None])[-1]
    pinned = contract is not None and contract in run.document["contracts"] and contract["digest"] in reading.contracts
    outcome = last is not None and "endedAt" in last
    outcome = outcome and (invocation["outcome"] == "executed" or (invocation["outcome"] == "failed" and "errorClass" in invocation))
    subjects = dict(receipt.subjects)
    linked = receipt.signed and receipt.prev is not None and receipt.subjects[0][0].endswith("/gate-record")
    linked = linked and all(subjects.get(one["id"]) == one["digest"] for one in p.get("artifacts", []))
    scope = p["verificationScope"]
    return {
        "contract-identity": pinned and p.get("runbook") == run.document["runbook"] and receipt.step is not None,
        "invocation-outcome": outcome,
        "artifact-integrity": has_artifacts(reading, run, receipt, last),
        "receipt-linkage": linked and not log_is_wanted(run, trust, reading),
        "verification-scope": scope["text"] == SCOPE_TEXT and "attests" in scope and "doesNotAttest" in scope,
    }


def log_is_wanted(run, trust, reading):
    """Whether a log is required and there is none that holds."""
    required = "log" in run.document["requiredLayers"] or requires_log(trust)
    return required and not getattr(reading, "log_holds", False)


def has_artifacts(reading, run, receipt, last):
    p = receipt.predicate
    if last is None:
        return False
    outcome = p["invocation"]["outcome"]
    contract = reading.contracts.get(p["contract"]["digest"]) if "contract" in p else None
    rules = contract["evidence"]["artifacts"] if contract else []
    names = ["result"]
    if outcome == "executed":
        names += [rule["name"] for rule in rules if rule["required"]]
        for entry in (run.runbook or {}).get("evidence", {}).get("require", []):
            step, _, name = entry.partition("/")
            names += [name] if step == receipt.step and name else []
    else:
        names += [rule["name"] for rule in rules if rule.get("requiredOnFailure")]
    found = {one["id"]: one for one in p.get("artifacts", [])}
    for name in names:
        artifact = found.get(f"{p['invocation']['id']}/{last['n']}/{name}")
        if artifact is None or (artifact.get("truncated") and outcome == "executed"):
            return False
        path = "artifacts/sha256/" + artifact["digest"][7:]
        if path not in reading.listed or path not in reading.files:
            return False
    return True


def reasons_of(run, receipt, outcome, reviews):
    p = receipt.predicate
    reasons = [one for one in p["exceptions"] if one != "break-glass"]
    if "break-glass" in p["exceptions"]:
        used = [
            one for one in run.receipts
            if one.event == "break-glass-recorded" and (one.step, one.key) == (receipt.step, receipt.key)
        ]  # fmt: skip
        finding = reviews.get(used[-1].digest) if used else None
        if finding != "justified":
            reasons.append("break-glass that nobody reviewed" if finding is None else "break-glass, found unjustified")
    if run.document["draft"] and "draft" not in reasons:
        reasons.append("draft")
    if run.engagement is not None and run.engagement["environment"] == "lab" and "lab" not in reasons:
        reasons.append("lab")
    if "resolution" in receipt.detail:
        reasons.append("the outcome is what a person found")
    if "readBack" in receipt.detail:
        reasons.append("the outcome is what a read-back found")
    if outcome in ("in-doubt", "dispatched"):
        reasons.append("the outcome is in doubt")
    if any((one["id"], one["digest"]) in run.lifecycle.retired for one in p.get("artifacts", [])):
        reasons.append("retired")
    contract = run.reading.contracts.get(p.get("contract", {}).get("digest"))
    harmless = contract is not None and (contract["effect"] == "read" or contract["execution"]["idempotency"] == "idempotent")
    earlier = p.get("invocation", {}).get("attempts", [])[:-1]
    if not harmless and any(attempt["exit"] == "in-doubt" for attempt in earlier):
        reasons.append("an earlier attempt is in doubt")
    return reasons


def set_classes(report):
    """The class of each step: only under a valid verdict, with all five signals and no reason."""
    for step in report.steps:
        if step["outcome"] not in CLASSED:
            continue
        if report.verdict != "valid":
            step["reasons"].append(f"the verdict is {report.verdict}")
        strong = not step["missing"] and not step["reasons"]
        step["proofClass"] = "strong-proof" if strong else "operational-input"


def check_conclusions(reading, report, runs, trust):
    layer, found, standing = report["conclusions"], False, {}
    for receipt in reading.receipts:
        if not receipt.usable or receipt.event not in ("conclusion-recorded", "conclusion-withdrawn"):
            continue
        kind = "conclusion" if receipt.event == "conclusion-recorded" else "withdrawal"
        stored = reading.envelopes[kind].get(receipt.detail.get(kind))
        run = runs.get(receipt.run)
        if run is None or run.document is None:
            if stored is not None and stored[1] is not None and stored[1]["run"] != receipt.run:
                layer.fail("DIGEST_MISMATCH", f"the {kind} is about another run than its receipt", receipt.where)
            continue
        found = True
        if receipt.stream != f"engagement:{run.document['engagement']['id']}":
            layer.fail("DIGEST_MISMATCH", f"the {kind} stands in another engagement's stream", receipt.where)
        check_conclusion(run, receipt, kind, stored, layer, trust, report, standing)
    layer.present = found


def check_conclusion(run, receipt, kind, stored, layer, trust, report, standing):
    fail = lambda code, text: layer.fail(code, text, receipt.where)
    if stored is None:
        fail("COMPLETENESS", f"the {kind} that the receipt records is absent")
        return
    if run.principals is None:
        return
    principals, statement = run.principals["principals"], stored[1]
    try:
        signed_statement(stored, principals, receipt.at, human=False)
    except Refused as why:
        fail("SIGNATURE_INVALID", f"the {kind} does not hold: {why}")
        return
    if statement["run"] != run.id or statement["principal"] != receipt.predicate["actor"]["principal"]:
        fail("DIGEST_MISMATCH", f"the {kind} is about another run or person")
        return
    trusted = is_trusted(run, receipt, kind, stored, layer, trust)
    if kind == "withdrawal":
        if statement["conclusion"] != receipt.detail.get("conclusion"):
            fail("DIGEST_MISMATCH", "the withdrawal is about another conclusion than its receipt")
            return
        end(run, statement["conclusion"], statement, receipt, standing, principals, fail)
        check_ender(run, statement["conclusion"], statement, trusted, layer, trust, standing, fail)
        return
    check_citations(run, statement, receipt, fail)
    if "supersedes" in statement:
        end(run, statement["supersedes"], statement, receipt, standing, principals, fail)
        check_ender(run, statement["supersedes"], statement, trusted, layer, trust, standing, fail)
    entry = {
        "statement": statement["statement"], "principal": statement["principal"], "confidence": statement["confidence"],
        "cites": statement["cites"], "trusted": trusted,
    }  # fmt: skip
    standing[stored[0].digest] = (run.id, statement["principal"], entry)
    report.conclusions.append(entry)


def check_citations(run, statement, receipt, fail):
    for cite in statement["cites"]:
        cited = next((one for one in run.receipts if one.digest == cite["receipt"]), None)
        if cited is not None and cited.event == "artifact-imported":
            before = {
                one.detail.get("artifact") for one in run.lifecycle.events
                if one.event == "artifact-classified" and one.number < receipt.number
            }  # fmt: skip
            if any("sensitivity" not in one and one["id"] not in before for one in cited.predicate.get("artifacts", [])):
                fail("APPROVAL_INVALID", "the conclusion cites what is in quarantine")
        if cited is None:
            fail("COMPLETENESS", "the conclusion cites a receipt that its run does not have")
        elif "artifact" in cite and cite["artifact"] not in [one["digest"] for one in cited.predicate.get("artifacts", [])]:
            fail("DIGEST_MISMATCH", "the conclusion cites an artifact that the receipt does not bind")


def is_trusted(run, receipt, kind, stored, layer, trust):
    name = stored[1]["principal"]
    if trust is None or not is_listed(trust, name):
        return False
    try:
        at = millis(stored[1]["signedAt"])
        signed_statement(stored, trusted_principals(run.principals["principals"], trust), at, human=False)
    except Refused as why:
        if str(why) == "key-not-valid":
            return False
        layer.fail("SIGNATURE_INVALID", f"the {kind} does not hold by the trust file: {why}", receipt.where)
        return False
    return next(one["type"] for one in trust["principals"] if one["id"] == name) == "human"


def end(run, digest, statement, receipt, standing, principals, fail):
    """A conclusion ends once, by who concluded it or by an owner."""
    found = standing.get(digest)
    if found is None or found[0] != run.id:
        fail("COMPLETENESS", "no conclusion of the run before it is the one that is to end")
        return
    by = statement["principal"]
    owner = any(one["id"] == by and one["type"] == "human" and "owner" in one["roles"] for one in principals)
    if "ended" in found[2] or (by != found[1] and not owner):
        fail("APPROVAL_INVALID", f"`{by}` may not end this conclusion, or it had ended")
        return
    found[2]["ended"] = {"by": by, "at": receipt.predicate["time"]["claimedUtc"]}


def check_ender(run, digest, statement, trusted, layer, trust, standing, fail):
    """The trust file, too, lets who ended a conclusion do so: it was theirs, or they are an owner."""
    found, by = standing.get(digest), statement["principal"]
    if trust is None or found is None or found[0] != run.id:
        return
    if not trusted:
        layer.doubt("no person whom the trust file lists ended this conclusion")
        return
    owner = any(one["id"] == by and one["type"] == "human" and "owner" in one["roles"] for one in trust["principals"])
    if by != found[1] and not owner:
        fail("APPROVAL_INVALID", f"`{by}` is no owner by the trust file, and ended a conclusion of another")


def set_supported(report):
    """`high` stands only when a listed person signed it and nothing it cites is operational input."""
    classes = {step["receipt"]: step.get("proofClass") for step in report.steps}
    for one in report.conclusions:
        weak = any(classes.get(cite["receipt"]) != "strong-proof" for cite in one["cites"])
        one["supported"] = one["confidence"] != "high" or (one.pop("trusted") and not weak)
        one.pop("trusted", None)
