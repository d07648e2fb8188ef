"""What the gates decide, from recorded facts alone (spec/gates.md)."""

import os
import re

import scope
from runs import reference_of
from schema import duration, millis

SPEC = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "spec", "gates.md")
ROLES = ["operator", "approver", "owner", "system"]
CLASSES = ["public", "internal", "confidential", "restricted"]
_free_mail = None


def free_mail():
    """The domains that spec/gates.md lists."""
    global _free_mail
    if _free_mail is None:
        with open(SPEC, encoding="utf-8") as file:
            _free_mail = set(re.findall("`([a-z0-9.-]+)`", file.read().split("## Free mail")[1]))
    return _free_mail


class Gate(Exception):
    """A decision: raised by a gate where it is made."""

    def __init__(self, decision, reason, facts):
        super().__init__(reason)
        self.decision, self.reason, self.facts = decision, reason, facts


class Facts:
    """Everything the gates may look at; plain attributes."""

    def __init__(self, **given):
        self.__dict__.update(given)

    def at(self, now):
        return Facts(**{**self.__dict__, "now": now})

    def principal(self, name):
        """(principal, in the engagement, disabled, roles), or None."""
        found = [one for one in self.principals if one["id"] == name]
        if len(found) != 1:
            return None
        entries = [one for one in self.engagement["principals"] if one["id"] == name]
        entry = entries[0] if len(entries) == 1 else None
        roles = sorted(role for role in found[0]["roles"] if entry is not None and role in entry["roles"])
        return found[0], entry is not None, name in self.live["disabledPrincipals"], roles


def no(reason, facts):
    raise Gate("deny", reason, facts)


def catalog(f):
    reference, locked = reference_of(f.contract), f.lock["contracts"].get(reference_of(f.contract))
    seen = {
        "contract": reference, "digest": f.contract_digest, "locked": locked, "status": f.live["contract"], "draft": f.draft,
    }  # fmt: skip
    named = f.action["contract"]
    if reference_of(named) != reference or named["digest"] != f.contract_digest:
        no("contract-mismatch", seen)
    if f.draft and f.engagement["environment"] != "lab":
        no("draft-outside-lab", seen)
    if locked is None and not f.draft:
        no("not-in-lock", seen)
    if locked is not None and locked != f.contract_digest:
        no("digest-differs", seen)
    if f.live["contract"] in ("revoked", "suspended"):
        no("contract-" + f.live["contract"], seen)
    return seen


def identity(f):
    name, who = f.action["requester"], f.principal(f.action["requester"])
    required = sorted(f.contract["authority"]["roles"])
    seen = {
        "requester": name, "type": who[0]["type"] if who else None, "roles": who[3] if who else [], "required": required,
    }  # fmt: skip
    if who is None:
        no("principal-unknown", seen)
    principal, inside, disabled, roles = who
    if disabled:
        no("principal-disabled", seen)
    if not inside:
        no("not-in-engagement", seen)
    entry = next(one for one in f.engagement["principals"] if one["id"] == name)
    if principal["type"] == "agent" and {"owner", "approver"} & {*principal["roles"], *entry["roles"]}:
        no("agent-holds-authority", seen)
    if not set(roles) & set(required):
        no("role-missing", seen)
    if f.engagement.get("identityFloor", {}).get("refuseFreeMail"):
        email = principal.get("email")
        if email is None:
            if principal["type"] == "human":
                no("email-missing", seen)
        else:
            domain = scope.host(email.rpartition("@")[2])
            if not isinstance(domain, scope.Name):
                no("email-missing", seen)
            if domain.name in free_mail():
                no("free-mail", seen)
    return seen


def patterns(texts):
    """Pairs of text and pattern, and the texts that are none."""
    pairs = [(text, scope.pattern(text)) for text in texts]
    return [pair for pair in pairs if pair[1] is not None], [text for text, found in pairs if found is None]


def text_of(subject):
    return f"{subject['kind']}:{subject['value']}"


def scope_gate(f):
    sides = [
        ("engagement", f.engagement["scope"]["include"], f.engagement["scope"].get("exclude", [])),
        ("runbook", f.runbook_scope[0], f.runbook_scope[1]),
    ]
    read = [(by, patterns(include), patterns(exclude)) for by, include, exclude in sides]
    malformed = [text for _, include, exclude in read for text in include[1] + exclude[1]]
    if malformed:
        no("pattern-malformed", {"patterns": malformed[:20]})
    if not f.action["subjects"]:
        no("no-subject", {})
    subjects, endpoints = [], []
    for one in f.action["subjects"]:
        found = scope.subject(one["kind"], one["value"])
        if found is None:
            no("subject-malformed", {"subject": text_of(one)})
        subjects.append((text_of(one), found))
    for one in f.action["endpoints"]:
        text = f"{one['host']}:{one['port']}" if "port" in one else one["host"]
        found = scope.action_endpoint(one)
        if found is None:
            no("endpoint-malformed", {"endpoint": text})
        endpoints.append((text, found))
    for by, _, exclude in read:
        for reason, name, items in (("excluded", "subject", subjects), ("endpoint-excluded", "endpoint", endpoints)):
            for text, item in items:
                hit = next((source for source, one in exclude[0] if scope.touches(one, item)), None)
                if hit is not None:
                    no(reason, {name: text, "by": by, "pattern": hit})
    bypass = patterns(f.engagement.get("bypass", {}).get("boundary", []))
    if bypass[1]:
        no("pattern-malformed", {"patterns": bypass[1][:20]})
    matched = []
    for text, item in subjects:
        entry = {"subject": text}
        for by, include, _ in read:
            hit = next((source for source, one in include[0] if scope.covers(one, item)), None)
            beside = None
            if hit is None and by == "engagement":
                beside = next((source for source, one in bypass[0] if scope.covers(one, item)), None)
            if hit is None and beside is None:
                no(f"outside-{by}-scope", {"subject": text})
            entry[by if hit is not None else "bypass"] = hit if hit is not None else beside
        matched.append(entry)
    return {"subjects": matched}


def within(entry, now):
    at = millis(now)
    low = millis(entry["notBefore"]) if "notBefore" in entry else at
    high = millis(entry["notAfter"]) if "notAfter" in entry else at
    return low <= at <= high


def proved(f, authorization):
    if authorization["kind"] != "domain-control":
        return True
    if f.action["effect"] == "read" and f.action["contract"]["id"] in ("dns.control", "http.control"):
        return True
    return any(
        one["authorization"] == authorization["id"] and millis(f.now) <= millis(one["expiresAt"]) for one in f.proofs or []
    )


def target_authorization(f):
    refuse = lambda reason, text, lapsed: no(reason, {"subject": text, "now": f.now, "lapsed": lapsed})
    if not f.action["subjects"]:
        refuse("target-not-authorized", "", [])
    bypass, granted = patterns(f.engagement.get("bypass", {}).get("boundary", []))[0], []
    for one in f.action["subjects"]:
        item, text = scope.subject(one["kind"], one["value"]), text_of(one)
        covering = [
            entry for entry in f.engagement["authorizations"]
            if item is not None and any(scope.covers(found, item) for _, found in patterns(entry["targets"])[0])
        ]  # fmt: skip
        timely = [entry for entry in covering if within(entry, f.now)]
        permits = next((entry for entry in timely if proved(f, entry)), None)
        if permits is None and timely:
            refuse("control-not-proved", text, [entry["id"] for entry in timely])
        if permits is not None:
            granted.append({"subject": text, "authorization": permits["id"]})
            continue
        beside = next((source for source, found in bypass if item is not None and scope.covers(found, item)), None)
        if beside is None or covering:
            lapsed = [entry["id"] for entry in covering]
            refuse("authorization-not-in-force" if lapsed else "target-not-authorized", text, lapsed)
        granted.append({"subject": text, "bypass": beside})
    return {"granted": granted}


def environment(f):
    e, live = f.engagement, f.live
    seen = {
        "now": f.now, "window": e["window"], "environment": e["environment"], "status": live["engagement"],
        "freeze": live["freeze"], "classification": {"engagement": e["classification"], "runbook": f.classification},
    }  # fmt: skip
    if (f.action["engagement"]["id"], f.action["engagement"]["version"]) != (e["id"], e["version"]):
        no("engagement-mismatch", seen)
    if live["engagement"] != "open":
        no("engagement-" + live["engagement"], seen)
    if live["freeze"]:
        no("change-freeze", seen)
    at = millis(f.now)
    if at < millis(e["window"]["notBefore"]):
        no("before-window", seen)
    if at > millis(e["window"]["notAfter"]):
        no("after-window", seen)
    if CLASSES.index(f.classification) > CLASSES.index(e["classification"]):
        no("classification-exceeded", seen)
    if e["environment"] == "lab" and "lab" not in e:
        no("lab-terms-missing", seen)
    if e["environment"] != "lab" and "lab" in e:
        no("lab-terms-in-production", seen)
    secret = any(rule["sensitivity"] == "secret" for rule in f.contract["evidence"]["artifacts"])
    if secret and "evidence" not in e:
        no("no-recipients", seen)
    held = isinstance(f.adapter["isolation"], dict) and f.adapter["egress"] == "kernel-held"
    if f.contract["execution"].get("isolation") == "required" and not held:
        no("isolation-unavailable", {**seen, "isolation": live.get("isolation", {"refused": "not-offered"})})
    return seen


def policy(f):
    """Cedar's part is taken from the record, and said to be so: `recorded` is the gate as it was recorded."""
    who, rule, isolation = f.principal(f.action["requester"]), f.action["approvalRule"], f.adapter["isolation"]
    seen = {
        "principal": {"id": f.action["requester"], "kind": who[0]["type"] if who else "unknown", "roles": who[3] if who else []},
        "resource": {
            "id": reference_of(f.contract), "adapter": f.adapter["id"], "approval": rule if isinstance(rule, str) else "quorum",
            "effect": f.contract["effect"], "egress": f.adapter["egress"],
            "idempotency": f.contract["execution"]["idempotency"],
            "isolation": isolation if isinstance(isolation, str) else "kernel",
        },
        "context": {
            "classification": f.classification, "draft": f.draft, "engagement": f.engagement["id"],
            "environment": f.engagement["environment"],
        },
    }  # fmt: skip
    recorded = f.recorded_policy or {"decision": "allow", "reason": "ok", "facts": {}}
    f.undecided.add("policy")
    facts = recorded["facts"]
    determining = facts.get("determining")
    known = set(f.policies["policies"])
    if not isinstance(determining, list) or determining != sorted(set(determining)) or set(determining) - known:
        determining = []
    seen["determining"] = determining
    if recorded["decision"] == "allow":
        # Cedar allows only what a policy permits.
        return seen
    if recorded["reason"] == "policy-error":
        seen["errors"] = facts.get("errors")
    no(recorded["reason"] if recorded["reason"] in ("policy-error", "policy-denied") else "policy-denied", seen)


def groups_of(rule):
    if isinstance(rule, str):
        return [{"quorum": 1, "roles": ["approver"]}]
    return rule["groups"] if "groups" in rule else [{"quorum": rule["quorum"], "roles": rule["roles"]}]


def fill(groups, people):
    """How far each group can be filled, one place a person: a largest matching by augmenting paths."""
    places = [index for index, group in enumerate(groups) for _ in range(group["quorum"])]
    holder = {}

    def seat(person, tried):
        for place, index in enumerate(places):
            if place in tried or not set(groups[index]["roles"]) & set(people[person]):
                continue
            tried.add(place)
            if place in holder and not seat(holder[place], tried):
                continue
            holder[place] = person
            return True
        return False

    for person in range(len(people)):
        seat(person, set())
    return [sum(places[place] == index for place in holder) for index in range(len(groups))]


def is_revoked(f, fact):
    return fact["keyId"] in f.live.get("revokedKeys", [])


def break_glass_refusal(f, fact):
    found = [one for one in f.engagement.get("breakGlass", []) if one["id"] == fact["breakGlass"]]
    if len(found) != 1:
        return "not-permitted"
    glass, who = found[0], f.principal(fact["principal"])
    if who is None or not who[1]:
        return "principal-unknown"
    if who[2]:
        return "principal-disabled"
    if is_revoked(f, fact):
        return "key-revoked"
    if who[0]["type"] != "human":
        return "not-human"
    if fact["principal"] not in glass["people"]:
        return "not-named"
    if fact["custody"] != "held":
        return "custody-local"
    if reference_of(f.action["contract"]) not in glass["contracts"]:
        return "other-contract"
    targets = [found for _, found in patterns(glass["targets"])[0]]
    items = [scope.subject(one["kind"], one["value"]) for one in f.action["subjects"]]
    if not items or not all(item is not None and any(scope.covers(one, item) for one in targets) for item in items):
        return "wider"
    if not within(glass["window"], f.now):
        return "outside-window"
    return "used-up" if fact["use"] > glass["uses"] else None


def approval(f):
    rule = f.action["approvalRule"]
    if rule == "none":
        return {"rule": rule}
    groups, self_rule = groups_of(rule), rule == "self"
    asked = {role for group in groups for role in group["roles"]}
    requester = f.action["requester"]

    def roles(name, own_serves):
        if own_serves and name == requester:
            return sorted(asked)
        who = f.principal(name)
        return [role for role in (who[3] if who else []) if role in asked]

    def entitled(fact, own_serves):
        who = f.principal(fact["principal"])
        if who is None or not who[1]:
            return "principal-unknown"
        if who[2]:
            return "principal-disabled"
        if is_revoked(f, fact):
            return "key-revoked"
        if who[0]["type"] != "human":
            return "not-human"
        return None if roles(fact["principal"], own_serves) else "role-missing"

    def why_not(fact):
        reason = entitled(fact, self_rule)
        if reason is not None:
            return reason
        if millis(f.now) > millis(fact["notAfter"]):
            return "expired"
        if self_rule:
            return None
        if fact["custody"] != "held":
            return "custody-local"
        if fact["principal"] == requester:
            f.undecided.add("self-approve")
            return "own-request"
        return None

    approvals = sorted(f.approvals, key=lambda one: one["digest"])
    for fact in approvals:
        if fact["decision"] == "reject" and entitled(fact, True if fact["principal"] == requester else self_rule) is None:
            facts = {"rule": rule, "principal": fact["principal"], "approval": fact["digest"]}
            no("approval-rejected", {**facts, **({"why": fact["reason"]} if "reason" in fact else {})})
    counted, discounted, keys = [], [], set()
    for fact in approvals:
        if fact["decision"] != "approve" or any(one["principal"] == fact["principal"] for one in counted):
            continue
        entry = {"principal": fact["principal"], "approval": fact["digest"]}
        because = "same-key" if fact["keyId"] in keys else why_not(fact)
        if because is not None:
            discounted.append({**entry, "because": because})
            continue
        keys.add(fact["keyId"])
        counted.append(entry)
    filled = fill(groups, [roles(one["principal"], self_rule) for one in counted])
    required = sum(group["quorum"] for group in groups)
    missing = required - sum(filled)
    glass = f.break_glass
    against = break_glass_refusal(f, glass) if glass is not None else None
    if missing and glass is not None and against is None:
        permission = next(one for one in f.engagement["breakGlass"] if one["id"] == glass["breakGlass"])
        stands = {
            "id": glass["breakGlass"], "principal": glass["principal"], "statement": glass["digest"], "use": glass["use"],
            "reviewWithin": permission["reviewWithin"],
        }  # fmt: skip
        return {"rule": rule, "breakGlass": stands}
    seen = {"rule": rule, "required": required, "have": counted, "missing": missing}
    if len(groups) != 1:
        seen["filled"] = filled
    if discounted:
        seen["discounted"] = discounted
    if against is not None:
        seen["breakGlassRefused"] = against
    paused = f.paused_at.get("approval")
    if isinstance(rule, dict) and "expiresIn" in rule and paused is not None:
        if millis(f.now) - millis(paused) > duration(rule["expiresIn"]):
            no("approval-expired", {**seen, "pausedAt": paused, "now": f.now})
    if missing:
        raise Gate("pause", "approval-required", seen)
    return seen


def late(f, instant):
    term, paused = f.awaited.get("within"), f.paused_at.get("input")
    if term is None or paused is None:
        return False
    return millis(instant) - millis(paused) > duration(term)


def answer_refusal(f, fact):
    """Why a person's answer does not count; None when it does, and for a webhook."""
    if fact["what"] != "answer":
        return None
    who = f.principal(fact["principal"])
    if who is None or not who[1]:
        return "principal-unknown"
    if who[2]:
        return "principal-disabled"
    if is_revoked(f, fact):
        return "key-revoked"
    if not set(who[3]) & set(f.awaited["roles"]):
        return "role-missing"
    if fact["custody"] != "held":
        return "custody-local"
    own = f.awaited["independent"] and fact["principal"] == f.action["requester"]
    return "own-request" if own else None


def due_at(f):
    if "until" in f.awaited:
        return millis(f.awaited["until"])
    paused = f.paused_at.get("input")
    return None if paused is None else millis(paused) + duration(f.awaited["after"])


def input_gate(f):
    what = f.awaited["what"]
    if what == "time":
        due = due_at(f)
        seen = {"awaits": "time", "due": None if due is None else utc(due), "now": f.now}
        if due is not None and millis(f.now) >= due:
            return seen
        raise Gate("pause", "not-yet", seen)
    given = [one for one in f.given if one["what"] == what]
    why = [(one, "late" if late(f, one["at"]) else answer_refusal(f, one)) for one in given]
    seen = {"awaits": what}
    if any(because for _, because in why):
        seen["discounted"] = [{"input": one["digest"], "because": because} for one, because in why if because]
    counted = next((one for one, because in why if because is None), None)
    if counted is not None:
        return {**seen, "input": counted["digest"]}
    if late(f, f.now):
        no("overdue", {**seen, "pausedAt": f.paused_at.get("input"), "now": f.now})
    raise Gate("pause", f"{what}-required", seen)


def utc(at):
    import datetime

    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=at)
    return f"{moment.year:04d}" + moment.strftime("-%m-%dT%H:%M:%S.") + f"{at % 1000:03d}Z"


GATES = [
    ("catalog", catalog), ("identity", identity), ("scope", scope_gate), ("target-authorization", target_authorization),
    ("environment", environment), ("policy", policy), ("approval", approval),
]  # fmt: skip


def run_gate(name, decide, facts):
    try:
        return {"gate": name, "decision": "allow", "reason": "ok", "facts": decide(facts)}
    except Gate as made:
        return {"gate": name, "decision": made.decision, "reason": made.reason, "facts": made.facts}


def decide_gates(facts):
    """The gates' decisions in order, up to the first that does not allow."""
    decided = []
    for name, decide in GATES + ([("input", input_gate)] if facts.awaited is not None else []):
        decided.append(run_gate(name, decide, facts))
        if decided[-1]["decision"] != "allow":
            break
    return decided


KNOWN = {
    **dict.fromkeys(["dns", "http", "ldap", "mcp", "openapi", "s3", "smtp", "sql", "tcp", "tls"], ("in-process", "guarded")),
    **dict.fromkeys(["file", "manual", "wait"], ("in-process", "none")),
    **dict.fromkeys(["git", "ssh"], ("none", "guarded")),
    **dict.fromkeys(["exec", "mcp-stdio"], ("none", "unguarded")),
}


def held_adapter(contract, adapter, live):
    """How the tool of a call is held."""
    wants = contract["execution"].get("isolation") in ("required", "preferred")
    offer = live.get("isolation") if wants else None
    if offer is not None and "held" in offer:
        return {**adapter, "isolation": offer["held"], "egress": "kernel-held"}
    if adapter["id"] in KNOWN:
        isolation, egress = KNOWN[adapter["id"]]
        return {**adapter, "isolation": isolation, "egress": egress}
    if isinstance(adapter["isolation"], dict) or adapter["egress"] == "kernel-held":
        return {**adapter, "isolation": "none", "egress": "unguarded"}
    return adapter


class Incompatible(Exception):
    """Two approval rules that have no role in common."""


def tighten(rule, step):
    """The contract's approval rule, tightened by the step's."""
    words = ["none", "self", "designated"]
    if step is None:
        return rule
    if isinstance(rule, str) and isinstance(step, str):
        return step if words.index(step) > words.index(rule) else rule
    quorum = lambda one: {"quorum": 1, "roles": ["approver"]} if one == "designated" else None if isinstance(one, str) else one
    a, b = quorum(rule), quorum(step)
    if a is None:
        return step
    if b is None:
        return rule
    terms = [one["expiresIn"] for one in (a, b) if "expiresIn" in one]
    term = {"expiresIn": min(terms, key=duration)} if terms else {}
    if "groups" in a or "groups" in b:
        merged = by_roles(groups_of(a))
        for name, group in by_roles(groups_of(b)).items():
            most = max(group["quorum"], merged.get(name, {"quorum": 0})["quorum"])
            merged[name] = {"quorum": most, "roles": group["roles"]}
        if len(merged) > 10:
            raise Incompatible("more than 10 groups")
        return {"groups": list(merged.values()), **term}
    common = [role for role in ROLES if role in a["roles"] and role in b["roles"]]
    if not common:
        raise Incompatible("no role in common")
    return {"quorum": max(a["quorum"], b["quorum"]), "roles": common, **term}


def by_roles(groups):
    out = {}
    for group in groups:
        name = ",".join(sorted(group["roles"]))
        out[name] = {"quorum": group["quorum"] + out.get(name, {"quorum": 0})["quorum"], "roles": list(group["roles"])}
    return out
