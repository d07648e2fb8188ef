"""Layer 9: everything that followed is computed again (spec/verification.md)."""

import gates
from action import build_action, runbook_scope, step_inputs
from canonical import same
from cel import CelError, NotDecided, evaluate
from escalation import check_escalation
from flow import Flow
from results import check_results
from runs import reference_of
from schema import duration, faults, millis
from structure import is_described
from words import awaited_of

CALLED = {"step-executed", "step-failed", "step-in-doubt"}


class Decider:
    def __init__(self, run, report, words, statuses, budget, proofs):
        self.run, self.report, self.words, self.statuses = run, report, words, statuses
        self.budget, self.proofs, self.reading = budget, proofs, run.reading
        self.layer, self.people = report["re-decision"], report["authorization"]
        self.flow = Flow(run, budget)
        self.scope = None

    def wrong(self, receipt, text, code="DECISION_MISMATCH"):
        self.layer.fail(code, text, receipt.where)

    def decide(self):
        if faults(self.run.runbook["inputs"], self.run.document["inputs"]):
            self.wrong(self.run.opened, "the inputs of the run do not fit its runbook")
        try:
            self.scope = runbook_scope(self.run, self.budget)
        except CelError:
            self.scope = None
        except NotDecided as what:
            self.report.leave_undecided(f"re-decision: {what}")
        for receipt in self.run.receipts:
            if receipt.step is None and receipt.event == "artifact-imported":
                continue
            try:
                self.take(receipt)
            except NotDecided as what:
                self.report.leave_undecided(f"re-decision: {what}")
                self.flow.apply(receipt)
        self.flow.check_outcome(lambda text: self.wrong(self.run.closed, text))

    def take(self, receipt):
        flow = self.flow
        misplaced = flow.misplaced(receipt)
        if misplaced is not None:
            self.wrong(receipt, f"`{receipt.step}`: {misplaced}")
        found = flow.find(receipt)
        if flow.steps.get(receipt.step) is not None:
            flow.check_flow(receipt, lambda text: self.wrong(receipt, f"`{receipt.step}`: {text}"))
            self.check_refusal(receipt)
        self.words.check_recorded(receipt, found)
        if found is not None:
            if receipt.event == "step-resolved":
                self.words.check_resolution(receipt, found)
            check_escalation(self, receipt, found)
            if is_described(receipt) and "invocation" in receipt.predicate:
                self.check_call(receipt, found)
        flow.apply(receipt)
        if found is not None and found.read_back_of is not None and receipt.event == "step-executed":
            self.confirm(receipt, found.read_back_of)

    # A step that was denied before its gates has a reason that follows again.

    def check_refusal(self, receipt):
        if receipt.event != "step-denied" or "invocation" in receipt.predicate:
            return
        step, reason = self.flow.steps[receipt.step], receipt.detail.get("reason")
        contract = self.run.contract_of(step.definition)
        invented = False
        if reason == "when-failed":
            invented = self.computes(lambda: self.flow.when(step.definition))
        elif reason == "for-each-refused":
            invented = "forEach" not in step.definition or self.computes(lambda: self.flow.expansion(step.definition))
        elif reason == "secret-unavailable":
            invented = contract is None or not contract["execution"].get("secrets")
        elif contract is not None and receipt.detail.get("faults") != [f"no adapter `{contract['execution']['adapter']}`"]:
            found = self.flow.find(receipt)
            invented = found is not None and self.computes(lambda: self.describe(step.definition, contract, found))
        if invented:
            self.wrong(receipt, f"`{receipt.step}`: it was denied for a reason that does not follow")
        self.flow.check_turn(step, lambda text: self.wrong(receipt, f"`{receipt.step}`: {text}"))

    def computes(self, compute):
        try:
            compute()
            return True
        except CelError:
            return False

    def describe(self, step, contract, found):
        inputs = step_inputs(step, contract, self.flow.names(found), self.budget)
        runbook_scope(self.run, self.budget)
        return build_action(self.run, step, found.key, None, contract, "", inputs, "", self.budget)

    # A call.

    def check_call(self, receipt, found):
        p, invocation = receipt.predicate, receipt.predicate["invocation"]
        attempts, named = invocation["attempts"], receipt.subjects[0][1]
        step = self.flow.steps.get(receipt.step)
        held = self.run.contract_of(step.definition, receipt.read_back) if step else None
        for digest in dict.fromkeys([*(one["dispatchDigest"] for one in attempts), named]):
            record = self.reading.record(digest)
            if record is None or held is None:
                continue
            if digest not in found.decided:
                found.decided[digest] = self.decide_record(receipt, found, record, held)
                self.check_decided(receipt, found, record)
            self.check_times(receipt, found, record, digest)
        if held is None:
            return
        if receipt.event in CALLED:
            self.check_attempts(receipt, found, held, step.definition if receipt.read_back is None else {})
        check_results(self.run, receipt, held, lambda record: self.given_to(found, held, record), self.budget, self.layer)

    def check_decided(self, receipt, found, record):
        decided_at = millis(record["decidedAt"])
        if decided_at < found.last_at:
            self.wrong(receipt, f"`{receipt.step}`: its gates decided before what they had to see")
        elif decided_at > receipt.at:
            self.wrong(receipt, f"`{receipt.step}`: its gates decided after the receipt")

    def check_times(self, receipt, found, record, digest):
        attempts = receipt.predicate["invocation"]["attempts"]
        index = next((i for i, one in enumerate(attempts) if one["dispatchDigest"] == digest), None)
        facts, decided = found.decided.get(digest), millis(record["decidedAt"])
        if index is not None:
            attempt, before = attempts[index], attempts[index - 1] if index else None
            started = millis(attempt["startedAt"])
            ended = millis(attempt["endedAt"]) if "endedAt" in attempt else started
            after = millis(before.get("endedAt", before["startedAt"])) if before else decided
            if not (after <= decided <= started <= ended <= receipt.at) or started - decided > 300_000:
                self.wrong(receipt, f"`{receipt.step}`: the times of attempt {attempt['n']} contradict one another")
            if facts is not None and record["decision"] == "allow":
                self.check_start(receipt, facts, attempt["startedAt"])
        if receipt.event == "step-dispatched" and facts is not None and record["decision"] == "allow":
            self.check_start(receipt, facts, gates.utc(max(decided, receipt.at - 60_000)))

    def check_start(self, receipt, facts, at):
        """What was allowed must still have been allowed when the attempt started."""
        then = facts.at(at)
        if gates.run_gate("environment", gates.environment, then)["decision"] != "allow":
            self.wrong(receipt, f"`{receipt.step}`: it started outside the engagement's window")
        if gates.run_gate("approval", gates.approval, then)["decision"] != "allow":
            self.people.fail("APPROVAL_INVALID", f"`{receipt.step}`: it started after its approval had ended", receipt.where)

    def decide_record(self, receipt, found, record, contract):
        """Decides a gate record again; the facts, as far as they could be established."""
        wrong = lambda text: self.wrong(receipt, f"`{record['action']['invocation']}`: {text}")
        step = self.flow.steps[receipt.step].definition
        names = self.flow.names(found)
        if found.read_back_of is not None:
            step, names = self.read_back_step(step, found.read_back_of, record)
            if step is None:
                wrong("it reads back too early, or nothing that its step declares")
                return None
        digest = self.run.contract_digests[reference_of(contract)]
        try:
            inputs = step_inputs(step, contract, names, self.budget)
            nonce = record["action"]["nonce"]
            action = build_action(
                self.run, step, receipt.key, receipt.read_back, contract, digest, inputs, nonce, self.budget
            )
            awaited = awaited_of(contract, action, self.budget)
        except CelError as error:
            wrong(f"its action cannot be described: {error}")
            return None
        if not same(action, record["action"]):
            wrong("the action document is not the one that follows from the runbook")
            return None
        if self.scope is None:
            wrong("the runbook's scope cannot be computed")
            return None
        if record["adapter"]["id"] != contract["execution"]["adapter"]:
            wrong("it was called by another adapter than the contract's")
        ignored = self.statuses.ignored(self.run, record)
        if ignored is not None:
            wrong(ignored)
        first = {}
        for paused_action, gate, at in found.pauses:
            if paused_action == record["actionDigest"] and gate in ("approval", "input"):
                first.setdefault(gate, at)
        facts = gates.Facts(
            action=action, attempt=record["attempt"], now=record["decidedAt"], draft=self.run.document["draft"],
            contract=contract, contract_digest=digest, lock=self.run.lock, engagement=self.run.engagement,
            principals=self.words.principals, policies=self.run.policies, runbook_scope=self.scope,
            classification=self.run.runbook["classification"], live=record["live"], paused_at=first, awaited=awaited,
            adapter=gates.held_adapter(contract, record["adapter"], record["live"]),
            approvals=self.words.approvals(receipt, found, record, contract),
            proofs=self.proofs.check(self.run, record, wrong), break_glass=self.words.glass(receipt, found, record),
            given=self.words.given(receipt, found, record, awaited) if awaited else [], undecided=set(),
            recorded_policy=next((one for one in record["gates"] if one["gate"] == "policy"), None),
        )  # fmt: skip
        self.compare(facts, record, wrong)
        if record["decision"] == "allow":
            self.words.anchored_approvals(receipt, facts)
            self.words.anchored_answer(receipt, facts, record)
        return facts

    def compare(self, facts, record, wrong):
        decided = gates.decide_gates(facts)
        for what in facts.undecided:
            reason = {
                "policy": "what Cedar decides of the recorded policy requests",
                "self-approve": "whether Cedar lets an approval of one's own request count",
            }[what]
            self.report.leave_undecided(f"re-decision: {reason}")
        if "self-approve" in facts.undecided and not same(decided, record["gates"]):
            return
        made = {
            "schema": "witnessops/gate-record/v1", "action": facts.action, "actionDigest": record["actionDigest"],
            "attempt": record["attempt"], "decidedAt": record["decidedAt"], "draft": facts.draft, "adapter": facts.adapter,
            "live": record["live"], "approvals": facts.approvals, "gates": decided, "decision": decided[-1]["decision"],
        }  # fmt: skip
        if facts.proofs is not None:
            made["proofs"] = facts.proofs
        if facts.break_glass is not None:
            made["breakGlass"] = facts.break_glass
        if facts.awaited is not None and facts.awaited["what"] != "time":
            made["given"] = facts.given
        if not same(made, record):
            pairs = zip(decided, record["gates"])
            gate = next((mine for mine, theirs in pairs if not same(mine, theirs)), decided[-1])
            wrong(f"gate `{gate['gate']}` decides `{gate['decision']}` ({gate['reason']}), recorded is another decision")

    # Read-backs.

    def reading_of(self, step, doubt):
        """The `confirm` of the step's contract and the inputs of the attempt in doubt."""
        contract = self.run.contract_of(step)
        confirm = contract["execution"].get("confirm") if contract else None
        record = self.reading.record(doubt.doubt[0]) if doubt.doubt else None
        return (confirm, record["action"]["inputs"]) if confirm and record else (None, None)

    def read_back_step(self, step, doubt, record):
        confirm, inputs = self.reading_of(step, doubt)
        if confirm is None:
            return None, None
        due = millis(doubt.doubt[1]) + duration(confirm["after"])
        if record["decision"] == "allow" and millis(record["decidedAt"]) < due:
            return None, None
        return {"id": step["id"], "uses": confirm["uses"], "with": confirm["with"]}, {"inputs": inputs, "steps": {}}

    def confirm(self, receipt, doubt):
        """What the outputs of a read-back say of the doubt."""
        confirm, inputs = self.reading_of(self.flow.steps[receipt.step].definition, doubt)
        outputs = receipt.predicate["invocation"].get("outputs")
        if confirm is None or outputs is None:
            return
        found = []
        for name in ("happened", "notHappened"):
            try:
                found.append(evaluate(confirm[name], {"inputs": inputs, "outputs": outputs}, self.budget))
            except CelError:
                found.append(None)
        if all(isinstance(one, bool) for one in found) and found[0] != found[1]:
            doubt.confirmed = (receipt.digest, "executed" if found[0] else "failed")

    # Attempts.

    def check_attempts(self, receipt, found, contract, step):
        execution, attempts = contract["execution"], receipt.predicate["invocation"]["attempts"]
        quiet = contract["effect"] == "read" and execution["idempotency"] == "safe"
        retry = execution.get("retry", {"attempts": 1, "on": []})
        most = min(retry["attempts"], step.get("retry", {"attempts": retry["attempts"]})["attempts"])
        failures = 0
        for index, attempt in enumerate(attempts, 1):
            name = f"`{receipt.step}` attempt {attempt['n']}"
            if attempt["n"] in found.dispatched:
                if found.dispatched[attempt["n"]] != attempt["dispatchDigest"]:
                    self.wrong(receipt, f"{name} was dispatched under another gate record")
            elif not quiet:
                self.wrong(receipt, f"{name} has no signed dispatch before it", "COMPLETENESS")
            failures += attempt["exit"] == "failed"
            if index == len(attempts):
                continue
            retried = attempt["exit"] == "failed" and attempt.get("errorClass") in retry["on"]
            repeatable = attempt["exit"] == "in-doubt" and execution["idempotency"] != "unsafe"
            if not retried and not repeatable and attempt["n"] not in found.settled:
                self.wrong(receipt, f"{name} was followed by another, which nothing allows")
            elif retried and failures >= most:
                self.wrong(receipt, f"{name} was followed by another, and no more than {most} may fail")
        if len(attempts) < max(len(found.dispatched), found.attempt[0] if found.attempt else 0):
            self.wrong(receipt, f"`{receipt.step}` leaves out an attempt that was dispatched", "COMPLETENESS")

    def given_to(self, found, contract, record):
        """(whether it waits, what it was given) of a call."""
        try:
            awaited = awaited_of(contract, record["action"], self.budget)
        except CelError:
            return False, None
        return (False, None) if awaited is None else (True, self.words.given_result(found, record, awaited))
