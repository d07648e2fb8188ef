"""Layers 10 and 11: proof class and conclusions (spec/verification.md)."""

from flow import PHASES
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
    required = "log" in run.document["requiredLayers"] or (trust is not None and "log" in trust.get("require", []))
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
    layer, found = report["conclusions"], False
    for receipt in reading.receipts:
        if not receipt.usable or receipt.event != "conclusion-recorded":
            continue
        stored = reading.envelopes["conclusion"].get(receipt.detail.get("conclusion"))
        run = runs.get(receipt.run)
        if run is None or run.document is None:
            if stored is not None and stored[1]["run"] != receipt.run:
                layer.fail("DIGEST_MISMATCH", "the conclusion is about another run than its receipt", receipt.where)
            continue
        found = True
        if receipt.stream != f"engagement:{run.document['engagement']['id']}":
            layer.fail("DIGEST_MISMATCH", "the conclusion stands in another engagement's stream", receipt.where)
        check_conclusion(run, receipt, stored, layer, trust, report)
    layer.present = found


def check_conclusion(run, receipt, stored, layer, trust, report):
    if stored is None:
        layer.fail("COMPLETENESS", "the conclusion that the receipt records is absent", receipt.where)
        return
    if run.principals is None:
        return
    principals, statement = run.principals["principals"], stored[1]
    try:
        signed_statement(stored, principals, receipt.at)
    except Refused as why:
        layer.fail("SIGNATURE_INVALID", f"the conclusion does not hold: {why}", receipt.where)
        return
    if statement["run"] != run.id:
        layer.fail("DIGEST_MISMATCH", "the conclusion is about another run", receipt.where)
        return
    for cite in statement["cites"]:
        cited = next((one for one in run.receipts if one.digest == cite["receipt"]), None)
        if cited is None:
            layer.fail("COMPLETENESS", "the conclusion cites a receipt that its run does not have", receipt.where)
        elif "artifact" in cite:
            digests = [one["digest"] for one in cited.predicate.get("artifacts", [])]
            if cite["artifact"] not in digests:
                layer.fail("DIGEST_MISMATCH", "the conclusion cites an artifact that the receipt does not bind", receipt.where)
    trusted = False
    if trust is not None:
        if not is_listed(trust, statement["principal"]):
            report.conclusions_untested = True
        else:
            try:
                signed_statement(stored, trusted_principals(principals, trust), receipt.at)
                trusted = True
            except Refused as why:
                layer.fail("SIGNATURE_INVALID", f"the conclusion does not hold by the trust file: {why}", receipt.where)
    report.conclusions.append({
        "statement": statement["statement"], "principal": statement["principal"], "confidence": statement["confidence"],
        "cites": statement["cites"], "trusted": trusted,
    })  # fmt: skip


def set_supported(report):
    """`high` stands only when a listed person signed it and nothing it cites is operational input."""
    classes = {step["receipt"]: step.get("proofClass") for step in report.steps}
    for one in report.conclusions:
        weak = any(classes.get(cite["receipt"]) != "strong-proof" for cite in one["cites"])
        one["supported"] = one["confidence"] != "high" or (one.pop("trusted") and not weak)
        one.pop("trusted", None)
