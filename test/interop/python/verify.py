#!/usr/bin/env python3
"""verify.py <bundle folder or tar> [--trust trust.json] [--json]

A second, independent implementation of spec/verification.md: Python's standard library and `cryptography`. It says
what it does not decide (`notDecided`), and exits 0 for valid, 1 for invalid, 3 for indeterminate, 2 for unusable input."""

import argparse
import json
import sys

from container import read_bundle
from dsse import Malformed
from reading import Reading
from report import Report
from runs import Run
from signatures import check_artifacts, check_manifest, check_signatures
from structure import check_structure
from trust import Unusable, read_trust


def verify(files, trust):
    """The report on a bundle's files; `trust` is a checked trust file, or None."""
    report = Report()
    if trust is None:
        report["signatures"].doubt("without a trust file nothing is anchored")
    reading = Reading(files, report)
    reading.claim_signed = False
    check_artifacts(reading, report)
    check_manifest(reading, report)
    check_signatures(reading, report, trust)
    claimed = reading.claim["runs"] if reading.claim else []
    runs = {run: Run(reading, run, report["structure"]) for run in claimed}
    check_structure(reading, report, runs)
    return report


def verify_path(path, trust):
    """The report on a bundle at a path: what is no bundle at all is malformed."""
    try:
        return verify(read_bundle(path), trust)
    except Malformed as error:
        report = Report()
        report["artifact-set"].fail("BUNDLE_MALFORMED", str(error))
        return report


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle")
    parser.add_argument("--trust")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        trust = None
        if options.trust:
            with open(options.trust, "rb") as file:
                trust = read_trust(file.read())
        report = verify_path(options.bundle, trust)
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
