"""The order of a run (spec/verification.md): what each receipt may follow, and what it leaves."""

from canonical import canonical_bytes
from cel import CelError, evaluate
from schema import millis

FOLLOWS = {
    "step-paused": {"pending", "paused"}, "step-denied": {"pending", "paused"}, "step-cancelled": {"pending", "paused"},
    "approval-recorded": {"paused"}, "answer-recorded": {"paused"}, "signal-recorded": {"paused"},
    "break-glass-recorded": {"paused"}, "step-skipped": {"pending"}, "step-escalated": {"failed", "denied"},
    "step-dispatched": {"pending", "paused", "dispatched"}, "step-in-doubt": {"pending", "paused", "dispatched"},
    "step-executed": {"pending", "paused", "dispatched", "resolved", "in-doubt"},
    "step-failed": {"pending", "paused", "dispatched", "resolved", "in-doubt"},
    "step-resolved": {"in-doubt", "failed", "denied"},
}  # fmt: skip
PHASES = {
    "step-executed": "executed", "step-failed": "failed", "step-denied": "denied", "step-skipped": "skipped",
    "step-cancelled": "cancelled", "step-paused": "paused", "step-dispatched": "dispatched", "step-in-doubt": "in-doubt",
}  # fmt: skip
OVER = {"executed", "failed", "denied", "skipped", "cancelled"}
READ_BACK = {"step-dispatched", "step-in-doubt", "step-executed", "step-failed", "step-denied"}
UNCALLED = {
    "step-expanded", "step-skipped", "step-cancelled", "step-resolved", "step-escalated", "approval-recorded",
    "break-glass-recorded", "answer-recorded", "signal-recorded",
}  # fmt: skip
RELEASES = {"continue", "hand-over"}
REFUSALS = {"not-resolved", "for-each-refused", "when-failed", "secret-unavailable"}


class Invoked:
    """One invocation as the receipts so far leave it."""

    def __init__(self, since, key=None, element=None, read_back_of=None):
        self.key, self.element, self.read_back_of = key, element, read_back_of
        self.phase, self.outputs, self.last_at = "pending", None, since
        self.pauses, self.approvals, self.given, self.break_glass = [], [], [], None
        self.paused_record = None
        self.dispatched, self.attempt, self.settled = {}, None, set()
        self.resolution = self.doubt = self.confirmed = None
        self.read_backs, self.released, self.handed_over, self.escalated = [], False, False, False
        self.decided = {}

    def take(self, receipt):
        p, detail, event = receipt.predicate, receipt.detail, receipt.event
        invocation = p.get("invocation")
        record = receipt.subjects[0][1]
        self.phase = PHASES.get(event, self.phase)
        self.last_at = receipt.at
        if invocation is not None:
            self.outputs = invocation.get("outputs", self.outputs)
            number = detail.get("attempt") if event == "step-dispatched" else None
            if number is None and invocation["attempts"]:
                number = invocation["attempts"][-1]["n"]
            if number is not None:
                self.attempt = (number, invocation["actionDigest"])
        if event == "step-paused" and invocation is not None:
            self.paused_record = record
            gate = p["gates"][-1]["gate"] if p.get("gates") else ""
            self.pauses.append((invocation["actionDigest"], gate, p["time"]["claimedUtc"]))
        elif event == "approval-recorded":
            self.approvals.append((detail.get("approval"), receipt.at, detail.get("decision")))
        elif event == "break-glass-recorded":
            self.break_glass = (detail.get("breakGlass"), receipt)
        elif event in ("answer-recorded", "signal-recorded"):
            what = event.partition("-")[0]
            self.given.append((what, detail.get(what), p["time"]["claimedUtc"]))
        elif event == "step-dispatched":
            self.dispatched[detail.get("attempt")] = record
        elif event == "step-escalated":
            self.escalated = True
        elif event == "step-in-doubt":
            attempts = invocation["attempts"] if invocation else []
            self.doubt = (record, attempts[-1]["startedAt"] if attempts else p["time"]["claimedUtc"])
        elif event == "step-resolved":
            self.settle(detail)

    def settle(self, detail):
        finding = detail.get("finding")
        if finding in RELEASES:
            self.released, self.handed_over = True, finding == "hand-over"
        elif finding == "retry":
            self.phase = "pending"
            self.settled.add(detail.get("attempt"))
        else:
            self.phase, self.resolution = "resolved", (detail.get("resolution"), finding)


class Step:
    def __init__(self, run, definition, index):
        self.definition, self.index, self.id = definition, index, definition["id"]
        contract = run.contract_of(definition)
        self.on_failure = definition.get("onFailure") or (contract["failure"]["onFailure"] if contract else None)
        opened = millis(run.document["openedAt"])
        self.invocations = None if "forEach" in definition else {None: Invoked(opened)}

    def count(self, *phases):
        return sum(one.phase in phases for one in (self.invocations or {}).values())

    @property
    def over(self):
        return self.invocations is not None and self.count(*OVER) == len(self.invocations)

    @property
    def executed(self):
        return self.invocations is not None and self.count("executed") == len(self.invocations)

    @property
    def broken(self):
        return self.count("failed", "denied")

    @property
    def held(self):
        released = sum(one.released for one in (self.invocations or {}).values())
        return self.on_failure in ("hold", "escalate") and self.over and self.broken > released

    def seen(self):
        """What expressions see of it."""
        one = lambda found: {"outcome": found.phase, **({} if found.outputs is None else {"outputs": found.outputs})}
        found = list((self.invocations or {}).values())
        if "forEach" not in self.definition:
            return one(found[0])
        outcome = "executed" if all(each.phase == "executed" for each in found) else "mixed"
        return {"outcome": outcome, "results": [{"key": each.key or "", **one(each)} for each in found]}


class Flow:
    """A run as far as its receipts were read."""

    def __init__(self, run, budget):
        self.run, self.budget = run, budget
        self.steps = {one["id"]: Step(run, one, index) for index, one in enumerate(run.runbook["steps"])}
        self.requested = self.handed_over = False

    def find(self, receipt):
        step = self.steps.get(receipt.step)
        found = step.invocations.get(receipt.key) if step and step.invocations is not None else None
        if receipt.read_back is None or found is None:
            return found
        if receipt.read_back == len(found.read_backs) + 1:
            found.read_backs.append(Invoked(found.last_at, found.key, found.element, found))
        return found.read_backs[receipt.read_back - 1] if receipt.read_back <= len(found.read_backs) else None

    def names(self, invoked=None):
        steps = {step.id: step.seen() for step in self.steps.values() if step.invocations is not None}
        names = {"inputs": self.run.document["inputs"], "steps": steps}
        if invoked is not None and invoked.key is not None:
            names["each"] = invoked.element
        return names

    def stopped(self):
        return any(step.on_failure == "stop" and step.broken for step in self.steps.values())

    def misplaced(self, receipt):
        """Why a receipt cannot stand where it stands; None when it can."""
        event, p, detail = receipt.event, receipt.predicate, receipt.detail
        step = self.steps.get(receipt.step)
        if step is None:
            return "the run has no such step"
        if receipt.read_back is not None and event not in READ_BACK:
            return f"`{event}` is about no read-back"
        if event in UNCALLED and "invocation" in p:
            return f"`{event}` is about no call"
        if event == "step-denied" and "invocation" not in p and detail.get("reason") not in REFUSALS:
            return "it was denied without a gate record and without a reason"
        if event == "step-expanded":
            if "forEach" not in step.definition or receipt.key is not None:
                return "it has no `forEach`"
            return None if step.invocations is None else "it was expanded or ended before"
        if step.invocations is None:
            if receipt.read_back is not None:
                return "a read-back is about a doubt, and there is none"
            ends = event in ("step-denied", "step-skipped", "step-cancelled")
            ends = ends and receipt.key is None and "invocation" not in p
            return None if ends else "it was never expanded, and only then has invocations"
        if event == "approval-recorded" and "list" in detail:
            waits = receipt.key is None and step.count("paused") and "forEach" in step.definition
            return None if waits else "no list of it waits for an approval"
        found = self.find(receipt)
        return "it has no such invocation" if found is None else out_of_turn(found, receipt)

    def check_turn(self, step, wrong):
        """Whether it was the step's turn."""
        needs = step.definition.get("needs")
        for need in needs or []:
            if need not in self.steps or not self.steps[need].executed:
                wrong(f"it was taken up, and `{need}`, which it needs, was not executed")
        for other in self.steps.values():
            if other.broken and other.on_failure == "stop":
                wrong(f"it was taken up after `{other.id}` had stopped the run")
            if other.index >= step.index:
                continue
            if needs is None and other.count("paused", "in-doubt"):
                wrong(f"it was taken up while `{other.id}` waited")
            if other.held:
                wrong(f"it was taken up while `{other.id}` was held")
        if self.requested or self.handed_over:
            wrong("it was taken up after the run was cancelled or handed over")

    def when(self, definition):
        """Whether a step's `when` holds; fails as CEL does."""
        if "when" not in definition:
            return True
        value = evaluate(definition["when"], self.names(), self.budget)
        if not isinstance(value, bool):
            raise CelError("`when` is neither true nor false")
        return value

    def expansion(self, definition):
        """Keys and elements of a `forEach`."""
        names, each = self.names(), definition["forEach"]
        elements = evaluate(each["in"], names, self.budget)
        if not isinstance(elements, list) or len(elements) > each["max"]:
            raise CelError("`forEach.in` is no list of at most `max` elements")
        keys = []
        for index, element in enumerate(elements):
            if "key" in each:
                key = evaluate(each["key"], {**names, "each": element}, self.budget)
                if not is_key(key):
                    raise CelError("`forEach.key` is no short text")
            else:
                key = element if is_key(element) else str(index)
            if key in keys:
                raise CelError("`forEach` has a key twice")
            keys.append(key)
        return keys, elements

    def check_flow(self, receipt, wrong):
        """Whether it was the step's turn, and its skip, cancellation or expansion follows."""
        event, detail, step = receipt.event, receipt.detail, self.steps.get(receipt.step)
        found = self.find(receipt)
        if step is None or (found is not None and found.read_back_of is not None):
            return
        phase = found.phase if found is not None else "pending"
        if event == "step-expanded":
            self.check_expansion(step, detail, wrong)
            self.check_turn(step, wrong)
        elif event == "step-skipped":
            self.check_skip(step, detail, wrong)
        elif event == "step-cancelled":
            reason = detail.get("reason")
            follows = reason == "requested" or (reason == "handed-over" and self.handed_over)
            if not follows and (reason != "stopped" or not self.stopped() or self.requested):
                wrong("it was cancelled, and nothing had stopped the run")
        elif "invocation" in receipt.predicate and phase in ("pending", "paused"):
            if "forEach" not in step.definition and phase == "pending" and not holds(self.when, step.definition):
                wrong("it was called, and its `when` does not hold")
            self.check_turn(step, wrong)

    def check_skip(self, step, detail, wrong):
        if detail.get("reason") == "when":
            if holds(self.when, step.definition) is not False or detail.get("when") != step.definition.get("when"):
                wrong("it was skipped, and its `when` holds")
            self.check_turn(step, wrong)
            return
        needs = [self.steps.get(need) for need in step.definition.get("needs", [])]
        if detail.get("reason") != "needs" or not any(need is None or (need.over and not need.executed) for need in needs):
            wrong("it was skipped, and all it needs was executed")

    def check_expansion(self, step, detail, wrong):
        if holds(self.when, step.definition) is not True:
            wrong("it was expanded, and its `when` does not hold")
        try:
            keys, elements = self.expansion(step.definition)
        except CelError as error:
            wrong(f"its `forEach` does not expand: {error}")
            return
        if canonical_bytes([keys, elements]) != canonical_bytes([detail.get("keys"), detail.get("elements")]):
            wrong("its `forEach` expands to other elements than recorded")

    def apply(self, receipt):
        step, detail = self.steps.get(receipt.step), receipt.detail
        if step is None:
            return
        if receipt.event == "step-cancelled" and detail.get("reason") == "requested":
            self.requested = True
        if receipt.event == "step-expanded":
            keys = [str(key) for key in detail["keys"]] if isinstance(detail.get("keys"), list) else []
            elements = detail["elements"] if isinstance(detail.get("elements"), list) else []
            padded = elements + [None] * (len(keys) - len(elements))
            step.invocations = {key: Invoked(receipt.at, key, element) for key, element in zip(keys, padded)}
            return
        if receipt.event == "approval-recorded" and "list" in detail:
            for one in (step.invocations or {}).values():
                one.approvals.append((detail.get("approval"), receipt.at, detail.get("decision")))
            return
        if step.invocations is None:
            step.invocations = {None: Invoked(millis(self.run.document["openedAt"]))}
        found = self.find(receipt)
        if found is not None:
            found.take(receipt)
            self.handed_over = self.handed_over or found.handed_over

    def check_outcome(self, fail):
        """How a closed run ended."""
        if self.run.closed is None:
            return
        recorded = self.run.closed.detail.get("outcome")
        due = "stopped" if self.stopped() else "completed"
        due = "cancelled" if self.requested else "handed-over" if self.handed_over else due
        cancelled = any(step.count("cancelled") for step in self.steps.values())
        held = any(step.held for step in self.steps.values())
        fits = recorded in ("cancelled", due)
        if not fits or (recorded == "completed" and (cancelled or held)):
            fail(f"run `{self.run.id}` ended `{due}`, recorded is `{recorded}`")


def holds(when, definition):
    try:
        return when(definition)
    except CelError:
        return None


def is_key(value):
    allowed = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:@-")
    return isinstance(value, str) and 0 < len(value) <= 128 and set(value) <= allowed


def out_of_turn(found, receipt):
    event, detail, phase = receipt.event, receipt.detail, found.phase
    if found.read_back_of is not None:
        if found.read_back_of.phase != "in-doubt":
            return "a read-back is about a doubt, and there is none"
        if found.read_back_of.confirmed is not None:
            return "a read-back before it had settled the doubt"
        if "resolution" in detail or "readBack" in detail:
            return "a read-back ends as its own call did"
    if phase not in FOLLOWS.get(event, ()):
        return f"`{event}` cannot follow on `{phase}`"
    if event == "step-dispatched" and detail.get("attempt") != len(found.dispatched) + 1:
        return "an attempt was dispatched out of turn"
    if event == "step-resolved":
        if phase == "in-doubt" and found.confirmed is not None:
            return "a read-back had settled the doubt"
        releases = detail.get("finding") in RELEASES
        fits = phase != "in-doubt" and not found.released if releases else phase == "in-doubt"
        return None if fits else "the finding settles nothing there"
    if event == "step-escalated" and (found.escalated or found.released):
        return "it was escalated or released before"
    if event in ("step-executed", "step-failed"):
        return end_out_of_turn(found, receipt)
    return None


def end_out_of_turn(found, receipt):
    detail, outcome = receipt.detail, receipt.event[5:]
    if found.phase == "in-doubt" or "readBack" in detail:
        due = found.confirmed is not None and found.phase == "in-doubt" and (detail.get("readBack"), outcome) == found.confirmed
        return None if due else "it does not end as a read-back before it found"
    if found.phase != "resolved":
        return "it ends by a resolution that no receipt records" if "resolution" in detail else None
    return None if (detail.get("resolution"), outcome) == found.resolution else "it does not end as the resolution says"
