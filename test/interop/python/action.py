"""The action document that follows from runbook, contract and earlier outcomes (spec/action-document.md)."""

import hashlib

import gates
import scope
from canonical import canonical_bytes
from cel import CelError, evaluate, evaluate_tree
from schema import faults, with_defaults


def step_inputs(step, contract, names, budget):
    """A step's inputs to its contract, with defaults, checked."""
    given = evaluate_tree(step.get("with", {}), names, budget)
    inputs = with_defaults(contract["inputs"], given)
    if faults(contract["inputs"], inputs):
        raise CelError("the inputs do not fit the contract")
    return inputs


def texts_of(expression, inputs, budget):
    value = evaluate(expression, {"inputs": inputs}, budget)
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) and 0 < len(text) <= 2000 for text in texts):
        raise CelError("no target")
    return texts


def target(kind, value):
    if "*" in value or scope.pattern(f"{kind}:{value}") is None:
        raise CelError(f"`{value}` is not a target")
    return value


def subjects_of(contract, inputs, budget):
    out = []
    for one in contract["scope"]["subjects"]:
        out += [{"kind": one["kind"], "value": target(one["kind"], text)} for text in texts_of(one["from"], inputs, budget)]
    if not out:
        raise CelError("the action has no subject")
    return unique(out)


def endpoints_of(contract, inputs, budget):
    out = []
    for one in contract["scope"]["endpoints"]:
        if "url" in one:
            for text in texts_of(one["url"], inputs, budget):
                url = scope.url(text)
                if url is None:
                    raise CelError("no URL")
                out.append({"host": host_text(url), "port": url.port, "protocol": "tcp"})
            continue
        for host in texts_of(one["host"], inputs, budget):
            if scope.host(host) is None:
                raise CelError("no host")
            for port in ports_of(one.get("port"), inputs, budget):
                entry = {"host": host, "protocol": one.get("protocol", "tcp")}
                out.append(entry if port is None else {**entry, "port": port})
    return unique(out)


def host_text(url):
    """A URL's host in normal form, without brackets."""
    if isinstance(url.host, scope.Name):
        return url.host.name + ("." if url.authority_host.endswith(".") else "")
    literal = url.authority_host.strip("[]")
    if ":" not in literal:
        return literal
    import ipaddress

    found = ipaddress.IPv6Address(literal)
    if found.ipv4_mapped is not None:
        number = int(found.ipv4_mapped)
        return f"::ffff:{number >> 16:x}:{number & 0xFFFF:x}"
    return found.compressed


def ports_of(port, inputs, budget):
    if port is None:
        return [None]
    value = port if isinstance(port, int) else evaluate(port, {"inputs": inputs}, budget)
    ports = value if isinstance(value, list) else [value]
    if not all(isinstance(one, int) and not isinstance(one, bool) and 1 <= one <= 65535 for one in ports):
        raise CelError("no port")
    return ports


def unique(items):
    if len(items) > 1000:
        raise CelError("an action has at most 1,000 subjects and endpoints")
    return list({canonical_bytes(item): item for item in items}.values())


def runbook_scope(run, budget):
    """The runbook's scope with its expressions resolved: (include, exclude)."""
    out = []
    for name in ("include", "exclude"):
        texts = []
        for entry in run.runbook["scope"].get(name, []):
            if isinstance(entry, str):
                texts.append(entry)
                continue
            found = texts_of(entry["from"], run.document["inputs"], budget)
            texts += [f"{entry['kind']}:{target(entry['kind'], text)}" for text in found]
        out.append(texts)
    return out


def build_action(run, step, key, read_back, contract, digest, inputs, nonce, budget):
    """The action document of an invocation."""
    doc, invocation = run.document, run.invocation_id(step["id"], key, read_back)
    try:
        rule = gates.tighten(contract["authority"]["approval"], step.get("gates", {}).get("approval"))
    except gates.Incompatible as error:
        raise CelError(str(error)) from error
    key_text = hashlib.sha256(f"witnessops/idempotency/v1\n{invocation}".encode()).hexdigest()[:32]
    action = {
        "schema": "witnessops/action/v1",
        "contract": {"id": contract["id"], "version": contract["version"], "digest": digest},
        "runbook": doc["runbook"], "engagement": doc["engagement"], "run": doc["run"], "step": step["id"],
        "invocation": invocation, "effect": contract["effect"], "inputs": inputs,
        "subjects": subjects_of(contract, inputs, budget), "endpoints": endpoints_of(contract, inputs, budget),
        "requester": doc["requester"], "objective": doc["objective"], "approvalRule": rule,
        "policyDigest": doc["policies"], "idempotencyKey": key_text, "nonce": nonce,
    }  # fmt: skip
    if key is not None:
        action["forEachKey"] = key
    for name in ("ticket", "technique"):
        if name in doc:
            action[name] = doc[name]
    return action
