"""Layer 7: streams are chains, as long as the claim says, and every step has its one end (spec/verification.md)."""

from schema import millis

ENDS = {"step-executed", "step-failed", "step-denied", "step-skipped", "step-cancelled"}
WHOLE_ENDS = {"step-denied", "step-skipped", "step-cancelled"}


def check_continuity(reading, report, runs, trust):
    layer = report["continuity"]
    layer.anchored = "untested"
    streams = {}
    for receipt in reading.receipts:
        streams.setdefault(receipt.stream, []).append(receipt)
    events = {f"{one.event} {one.detail.get('run')}" for one in reading.receipts if one.usable}
    for stream, receipts in streams.items():
        check_chain(stream, receipts, runs, events, layer)
        check_times(stream, receipts, layer)
    if reading.claim is not None:
        check_heads(streams, reading.claim["streams"], layer)
    check_order(reading, layer)
    check_doubles(reading, layer)
    if trust is not None:
        due = {"workspace"} | {f"run:{run}" for run in runs}
        due |= {f"engagement:{run.document['engagement']['id']}" for run in runs.values() if run.document}
        check_pins(streams, due, trust.get("streams", {}), layer)
    for run in runs.values():
        if run.opened is not None:
            check_opening(run, layer)
            check_closing(run, layer)
        if run.document is not None:
            check_ends(run, layer)
    layer.partial = report.partial


def check_chain(stream, receipts, runs, events, layer):
    run = runs.get(stream[4:]) if stream.startswith("run:") else None
    prev = run.opened.digest if run is not None and run.opened is not None else None
    known = not stream.startswith("run:") or prev is not None
    if not known and f"run-opened {stream[4:]}" not in events:
        layer.fail("CONTINUITY_BROKEN", f"`{stream}` continues from no `run-opened`")
    for seq, receipt in enumerate(receipts):
        if receipt.seq != seq:
            layer.fail("CONTINUITY_BROKEN", f"`{stream}` has {receipt.seq} where {seq} belongs", receipt.where)
            return
        if known and receipt.prev != prev:
            layer.fail("CONTINUITY_BROKEN", "the receipt names another one before it", receipt.where)
        prev, known = receipt.digest, True


def check_times(stream, receipts, layer):
    slack = 0 if stream.startswith("run:") else 10_000
    latest = None
    for receipt in receipts:
        if not receipt.usable:
            continue
        if latest is not None and receipt.at < latest - slack:
            layer.fail("CONTINUITY_BROKEN", "the receipt is older than the one before it", receipt.where)
        latest = receipt.at


def check_order(reading, layer):
    """Whole streams: workspace, engagements, runs."""
    order = []
    for receipt in reading.receipts:
        if not order or order[-1] != receipt.stream:
            order.append(receipt.stream)
    ranks = [("workspace", "engagement", "run").index(stream.partition(":")[0]) for stream in order]
    if len(set(order)) != len(order) or ranks != sorted(ranks):
        layer.fail("CONTINUITY_BROKEN", "the receipts are not in the order of their streams")


def check_doubles(reading, layer):
    seen = set()
    for receipt in reading.receipts:
        if receipt.usable and receipt.event in ("run-opened", "run-closed"):
            place = (receipt.event, str(receipt.detail.get("run")))
            if place in seen:
                layer.fail("COMPLETENESS", f"`{receipt.event}` stands twice for one run", receipt.where)
            seen.add(place)


def check_heads(streams, claimed, layer):
    for stream in sorted(set(claimed) | set(streams)):
        head, receipts = claimed.get(stream), streams.get(stream)
        if head is None or receipts is None:
            layer.fail("COMPLETENESS", f"`{stream}` is not both in the claim and in the bundle")
        elif head["count"] != len(receipts):
            layer.fail("COMPLETENESS", f"`{stream}` is not as long as the claim says")
        elif (head["seq"], head["digest"]) != (receipts[-1].seq, receipts[-1].digest):
            layer.fail("CONTINUITY_BROKEN", f"`{stream}` does not end where the claim says")


def check_pins(streams, due, pins, layer):
    for stream, pin in pins.items():
        receipts = streams.get(stream, [])
        if not receipts and stream not in due:
            continue
        layer.anchored = "established"
        if not any(one.seq == pin["seq"] and one.digest == pin["digest"] for one in receipts):
            layer.fail("CONTINUITY_BROKEN", f"`{stream}` does not have the head that the reviewer has seen")


def check_opening(run, layer):
    if run.document is None:
        return
    opened_at = millis(run.document["openedAt"])
    if not run.opened.at - 300_000 <= opened_at <= run.opened.at:
        layer.fail("CONTINUITY_BROKEN", f"run `{run.id}` was opened at another time than its document says")
    if run.receipts and run.receipts[0].at < opened_at:
        layer.fail("CONTINUITY_BROKEN", f"run `{run.id}` has a receipt that is older than its opening")


def check_closing(run, layer):
    if run.closed is None:
        return
    last = run.receipts[-1] if run.receipts else None
    head = run.closed.detail.get("head")
    if last is None or head != {"seq": last.seq, "digest": last.digest} or run.closed.detail.get("count") != len(run.receipts):
        layer.fail("COMPLETENESS", f"`run-closed` names another head of run `{run.id}`")
    elif run.closed.at < last.at - 10_000:
        layer.fail("CONTINUITY_BROKEN", f"run `{run.id}` was closed before its last receipt")


def name_of(step, key):
    return step if key is None else f"{step}[{key}]"


def check_ends(run, layer):
    """Every step of a closed run has exactly one end, and nothing else has one."""
    expansions = {}
    for receipt in run.receipts:
        keys = receipt.detail.get("keys")
        if receipt.event == "step-expanded" and isinstance(keys, list):
            expansions.setdefault(receipt.step, [key for key in keys if isinstance(key, str)])
    expected = set()
    for step in run.document["steps"]:
        if step in expansions:
            expected |= {(step, key) for key in expansions[step]}
        else:
            expected.add((step, None))
    ends = {}
    for receipt in run.receipts:
        if receipt.event in ENDS and receipt.read_back is None:
            ends.setdefault((receipt.step, receipt.key), []).append(receipt)
    for place, receipts in ends.items():
        if place not in expected:
            layer.fail("COMPLETENESS", f"`{name_of(*place)}` ends, and no step or expansion has it", receipts[0].where)
        elif len(receipts) > 1:
            layer.fail("COMPLETENESS", f"`{name_of(*place)}` ends more than once", receipts[1].where)
    if run.closed is not None:
        for place in sorted(expected - set(ends), key=str):
            layer.fail("COMPLETENESS", f"`{name_of(*place)}` has no end")
