#!/usr/bin/env python3
"""check_vectors.py <vectors folder>: the vectors that are no bundles; prints a JSON list of those that are judged otherwise."""

import base64
import json
import os
import sys

import scope
from canonical import NotCanonical, canonical_bytes, parse_canonical, parse_json
from dsse import Envelope, Malformed
from keys import PlainKey, SshKey
from log import Tree, leaf_of
from notes import Checkpoint, Witnessed
from reading import digest_of, form_fault

root, wrong, judged = sys.argv[1], [], 0


def load(*path):
    place = os.path.join(root, *path)
    if not os.path.exists(place):
        return []
    with open(place, encoding="utf-8") as file:
        return json.load(file)


def expect(folder, about, found, due):
    global judged
    judged += 1
    if found != due:
        wrong.append({"folder": folder, "about": about, "found": repr(found), "expected": repr(due)})


def attempt(make):
    try:
        make()
        return True
    except (NotCanonical, Malformed):
        return False


for one in load("canonical-json", "accept.json"):
    value = parse_json(one["input"].encode())
    expect("canonical-json", one["input"], canonical_bytes(value).decode(), one["canonical"])
    expect("canonical-json", one["input"], digest_of(value), one["digest"])
for one in load("canonical-json", "reject.json"):
    expect("canonical-json", one["about"], attempt(lambda: parse_canonical(bytes.fromhex(one["hex"]))), False)


def envelope_of(one):
    signature = {"keyid": "", "sig": one["signature"]}
    return Envelope({"payload": one["payload"], "payloadType": one["payloadType"], "signatures": [signature]})


whole = load("dsse", "accept.json")
key = PlainKey(whole["publicKey"])
expect("dsse", "the whole one", (key.signed(envelope_of(whole)), key.key_id), (True, whole["keyId"]))
expect("dsse", "the whole one", envelope_of(whole).signed_bytes.hex(), whole["preAuthEncoding"])
expect("dsse", "the whole one", envelope_of(whole).digest, whole["digest"])
for one in load("dsse", "reject.json"):
    expect("dsse", one["about"], key.signed(envelope_of(one)), False)

for name in ("accept", "reject"):
    for one in load("sshsig", name + ".json"):
        ssh, message = SshKey(one["publicKey"]), base64.b64decode(one["message"])
        found = ssh.refuses(one["namespace"], message, base64.b64decode(one["signature"]))
        expect("sshsig", one["about"], found, one.get("expect"))

for one in load("scope", "matching.json"):
    kind, _, value = one["subject"].partition(":")
    pattern, target = scope.pattern(one["pattern"]), scope.subject(kind, value)
    found = pattern is not None and target is not None and scope.covers(pattern, target)
    expect("scope", f"{one['pattern']} {one['subject']}", found, one["covered"])

for name in sorted(os.listdir(os.path.join(root, "contract", "accept"))):
    one = load("contract", "accept", name)
    expect("contract", name, (form_fault("contract", one["document"]), digest_of(one["document"])), (None, one["digest"]))
for name in sorted(os.listdir(os.path.join(root, "contract", "reject"))):
    found = form_fault("contract", load("contract", "reject", name)["document"])
    expect("contract", name, found, "REQUIRED_FIELD_MISSING")

made = load("action", "accept.json")
expect("action", "the action document", digest_of(made["action"]), made["actionDigest"])


class Placed:
    """A receipt's place in the log, which is all that its entry says."""

    def __init__(self, one):
        self.digest, self.stream, self.seq = one["receipt"], one["stream"], one["seq"]


entry = load("log", "entry.json")
if entry:
    expect("log", "entry", leaf_of(Placed(entry)).hex(), entry["leafHash"])
for one in (load("log", "tiles.json") or {"sizes": []})["sizes"]:
    tree = Tree(one["size"])

    def name(level, number, tree=tree):
        width, groups = tree.width(level, number), f"{number:03d}"
        groups = groups.zfill(-(-len(groups) // 3) * 3)
        parts = [groups[at : at + 3] for at in range(0, len(groups), 3)]
        path = f"tile/{level}/" + "/".join(["x" + part for part in parts[:-1]] + parts[-1:])
        return path if width == 256 else f"{path}.p/{width}"

    partial = [name(level, number) for level, number, _ in tree.partials()]
    expect("log", f"partial tiles of {one['size']}", sorted(partial), sorted(one["partial"]))
    for above in one["above"]:
        found = [name(*place) for place in tree.chain(0, above["index"] >> 8)]
        expect("log", f"tiles above {above['index']} of {one['size']}", found, above["tiles"])

for name in ("accept", "reject"):
    for one in load("witnesses", name + ".json"):
        codes = []
        trust = {"witnesses": [{"key": text} for text in one["witnesses"]]}
        if one.get("quorum") is not None:
            trust["witnessQuorum"] = one["quorum"]
        trust["compromised"] = one.get("compromised", [])
        seen = Witnessed(Checkpoint(one["note"].encode()), trust, lambda code, text: codes.append("FAILURE_" + code))
        expect("witnesses", one["about"], sorted(set(codes)), sorted(one.get("codes", [])))
        if "reachedAt" in one:
            found = (seen.reached_at, seen.last_reached_at)
            expect("witnesses", one["about"], found, (one["reachedAt"], one["lastReachedAt"]))

print(json.dumps({"judged": judged, "wrong": wrong}))
