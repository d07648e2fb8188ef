#!/usr/bin/env python3
"""verify.py <bundle folder or tar> [--trust trust.json] [--json]
verify.py --batch: for each line `{"bundle", "trust", "identity"?}` of standard input one line of JSON, a report or `{"error"}`

A second, independent implementation of spec/verification.md: Python's standard library and `cryptography`. It says
what it does not decide (`notDecided`), and exits 0 for valid, 1 for invalid, 3 for indeterminate, 2 for unusable input."""

import argparse
import json
import os
import sys

from authorization import check_authority
from cel import Budget, OutOfBudget
from compromise import Compromise
from conclusions import check_conclusions, check_steps, set_classes, set_supported
from container import read_bundle
from continuity import check_continuity
from decide import Decider
from dsse import Malformed
from log import LogLayer
from people import Statuses
from proofs import Proofs
from reading import Reading
from report import Report
from runs import Run
from signatures import check_artifacts, check_manifest, check_signatures
from structure import check_structure
from timestamps import TimeLayer
from trust import Unusable, read_trust
from words import Words


# The version of the policy language whose decisions the specification speaks of.
CEDAR = "4.5"


def verify(files, trust, identity=None):
    """The report on a bundle's files; `trust` is a checked trust file, or None."""
    report = Report()
    if trust is None:
        report["signatures"].doubt("without a trust file nothing is anchored")
    reading = Reading(files, report, identity)
    reading.claim_signed = False
    check_artifacts(reading, report)
    check_manifest(reading, report)
    roots, certificates = check_signatures(reading, report, trust)
    claimed = reading.claim["runs"] if reading.claim else run_streams(reading)
    runs = {run: Run(reading, run, report["structure"]) for run in claimed}
    check_structure(reading, report, runs)
    check_continuity(reading, report, runs, trust)
    time = TimeLayer(reading, report, runs, trust)
    time.check()
    log = LogLayer(reading, report, runs, trust)
    log.check()
    time.check_bounds(log)
    Compromise(reading, report, runs, trust, roots, certificates, time, log).check()
    reviews = check_people(reading, report, runs, trust)
    check_steps(reading, report, runs, trust, reviews)
    check_conclusions(reading, report, runs, trust)
    set_classes(report)
    set_supported(report)
    return report


def check_people(reading, report, runs, trust):
    """Layers 8 and 9, which look at the same receipts; the reviews that the reviewer trusts."""
    authority, decisions, reviews = report["authorization"], report["re-decision"], {}
    authority.anchored = decisions.anchored = "untested"
    if not reading.claim_signed:
        # Nothing is decided again for whoever made this up; what is pinned is looked at all the same.
        for run in runs.values():
            if run.document is not None:
                check_authority(run, authority, trust)
        for layer in (authority, decisions):
            layer.doubt("no certified key signed the claim")
        return reviews
    budget = Budget(100_000_000 + 2_000 * len(reading.receipts))
    statuses, proofs, ledger = Statuses(reading), Proofs(reading, runs), {}
    established = bool(runs)
    for run in runs.values():
        if run.document is None:
            continue
        authorized = check_authority(run, authority, trust)
        established = established and authorized
        if not run.whole:
            decisions.doubt(f"run `{run.id}` cannot be decided again: not all that it pins can be read")
            continue
        language = run.policies["language"]["version"]
        if language != CEDAR:
            decisions.doubt(f"the policies are of Cedar `{language}`, not `{CEDAR}`")
        words = Words(run, authority, trust, statuses, budget, ledger)
        try:
            Decider(run, report, words, statuses, budget, proofs).decide()
        except OutOfBudget as error:
            decisions.doubt(str(error))
        run.lifecycle.check(words, statuses)
        for receipt in reading.receipts:
            if receipt.usable and receipt.event == "break-glass-reviewed" and receipt.run == run.id:
                review = words.check_review(receipt)
                if review is not None:
                    reviews[review[0]] = review[1]
    if established:
        authority.anchored = decisions.anchored = "established"
    return reviews


def run_streams(reading):
    """The runs of a bundle whose claim cannot be read: those that were opened with a document."""
    opened = [one for one in reading.receipts if one.usable and one.event == "run-opened"]
    fine = [one for one in opened if one.detail.get("document") in reading.documents["run"]]
    return list(dict.fromkeys(str(one.detail.get("run")) for one in fine))


def verify_path(path, trust, identity=None):
    """The report on a bundle at a path: what is no bundle at all is malformed."""
    try:
        return verify(read_bundle(path), trust, identity)
    except Malformed as error:
        report = Report()
        report["artifact-set"].fail("BUNDLE_MALFORMED", str(error))
        return report


def judge(bundle, trust_path, identity=None):
    """The report on files of the disk."""
    trust = None
    if trust_path:
        if os.path.realpath(trust_path).startswith(os.path.realpath(bundle) + os.sep):
            raise Unusable("FAILURE_INPUT_MALFORMED", "the trust file is one of the bundle that it should judge")
        with open(trust_path, "rb") as file:
            trust = read_trust(file.read())
    return verify_path(bundle, trust, identity)


def batch():
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = judge(asked["bundle"], asked["trust"], asked.get("identity")).as_json()
        except Unusable as error:
            answer = {"error": error.code}
        print(json.dumps(answer), flush=True)
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", nargs="?")
    parser.add_argument("--trust")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--batch", action="store_true")
    options = parser.parse_args()
    if options.batch:
        return batch()
    if options.bundle is None:
        parser.error("name a bundle")
    try:
        report = judge(options.bundle, options.trust)
    except Unusable as error:
        print(f"{error.code}: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {error.strerror}: {error.filename}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(report.as_json(), ensure_ascii=False, indent=2))
    else:
        print(report.verdict)
        for layer in report.as_json()["layers"]:
            print(f"  {layer['layer']:14} {layer['internal']:14} {layer['anchored']}")
            for fault in layer["failures"]:
                print(f"    {fault['code']}: {fault['message']}" + (f" ({fault['where']})" if fault["where"] else ""))
            for doubt in layer["doubts"]:
                print(f"    open: {doubt}")
        for what in report.not_decided:
            print(f"  not decided here: {what}")
    return {"valid": 0, "invalid": 1, "indeterminate": 3}[report.verdict]


if __name__ == "__main__":
    sys.exit(main())
