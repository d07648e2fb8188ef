"""Proofs of domain control that a gate record saw (spec/engagement.md, spec/verification.md)."""

from runs import reference_of
from schema import duration, millis


class Proofs:
    def __init__(self, reading, runs):
        self.reading, self.runs = reading, runs

    def check(self, run, record, wrong):
        """The proofs that hold; None when the record has none to have."""
        if "proofs" not in record:
            return None
        stream, hold = f"engagement:{run.engagement['id']}", []
        for proof in record["proofs"]:
            name = proof["authorization"]
            entry = next((one for one in run.engagement["authorizations"] if one["id"] == name), {})
            challenge = entry.get("challenge")
            recorded = next((one for one in run.events(stream) if self.records(one, proof, record)), None)
            if recorded is None or challenge is None:
                wrong(f"no receipt before the call records the proof of `{name}`")
            elif (recorded.detail.get("domain"), recorded.detail.get("method")) != (challenge["domain"], challenge["method"]):
                wrong(f"the proof of `{name}` is about another challenge")
            else:
                look_up = next((one for one in self.reading.receipts if one.digest == proof["receipt"]), None)
                since = (look_up or recorded).at
                if millis(proof["expiresAt"]) > since + duration(challenge["validFor"]):
                    wrong(f"the proof of `{name}` would hold for longer than the engagement says")
                elif look_up is not None and self.against(look_up, run, challenge):
                    wrong(f"the look-up for `{name}` {self.against(look_up, run, challenge)}")
                else:
                    hold.append(proof)
        return hold

    def records(self, receipt, proof, record):
        if receipt.event != "domain-control-proved" or receipt.at > millis(record["decidedAt"]):
            return False
        return all(receipt.detail.get(name) == proof[name] for name in ("authorization", "receipt", "expiresAt"))

    def against(self, look_up, run, challenge):
        """Why a receipt is no look-up that found the challenge's token; None when it is."""
        looked = self.runs.get(look_up.run)
        if looked is None or looked.document is None:
            return "is of a run that the bundle does not claim"
        if looked.document["engagement"]["id"] != run.engagement["id"]:
            return "was made for another engagement"
        if looked.document["draft"]:
            return "was made by a draft"
        if look_up.event != "step-executed":
            return "was not executed"
        record = self.reading.record(look_up.subjects[0][1])
        if record is None:
            return "is not whole"
        contract = record["action"]["contract"]["id"]
        wanted = {"dns-txt": "dns.control", "well-known": "http.control"}[challenge["method"]]
        inputs = record["action"]["inputs"]
        called = looked.contracts.get(reference_of(record["action"]["contract"]))
        if contract != wanted or called is None or not default_inputs(called, inputs, challenge["domain"]):
            return "asked for something else"
        values = look_up.predicate["invocation"].get("outputs", {}).get("values")
        found = isinstance(values, list) and challenge["token"] in values
        return None if found else "did not find its token"


def default_inputs(contract, inputs, domain):
    """Whether a look-up asked for the domain, and otherwise for the contract's defaults."""
    from schema import with_defaults

    return inputs == with_defaults(contract["inputs"], {"domain": domain})
