"""The claimed runs of a bundle, each with what it pins."""


from lifecycle import Lifecycle


class Run:
    def __init__(self, reading, run_id, layer):
        self.id, self.reading = run_id, reading
        self.opened = self.closed = self.document = None
        self.receipts = [one for one in reading.receipts if one.usable and one.stream == f"run:{run_id}"]
        for receipt in reading.receipts:
            if not receipt.usable or receipt.detail.get("run") != run_id:
                continue
            if receipt.event == "run-opened":
                self.opened = self.opened or receipt
            elif receipt.event == "run-closed":
                self.closed = self.closed or receipt
        if self.opened is None:
            # Without a claim nobody says that there is such a run.
            if reading.claim is not None:
                layer.fail("COMPLETENESS", f"no receipt opens the run `{run_id}`")
            return
        digest = self.opened.detail.get("document")
        self.document = reading.documents["run"].get(digest)
        if self.document is None:
            if reading.claim is not None:
                layer.fail("COMPLETENESS", f"the document of run `{run_id}` is absent")
            return
        self.lifecycle = Lifecycle(self)
        self.pin(layer)

    def pin(self, layer):
        doc, documents = self.document, self.reading.documents
        pins = {
            "runbook": doc["runbook"]["digest"], "engagement": doc["engagement"]["digest"],
            "principals": doc["principals"], "policies": doc["policies"], "catalog-lock": doc["catalogLock"],
        }  # fmt: skip
        self.pins = pins
        found = {kind: documents[kind].get(digest) for kind, digest in pins.items()}
        for kind, digest in pins.items():
            if found[kind] is None:
                layer.fail("COMPLETENESS", f"the {kind} of run `{self.id}` is absent")
        self.runbook, self.engagement, self.principals = found["runbook"], found["engagement"], found["principals"]
        self.policies, self.lock = found["policies"], found["catalog-lock"]
        self.authorization = self.reading.envelopes["authorization"].get(doc["authorization"])
        self.reading.cite("authorization", doc["authorization"])
        if ("authorization", doc["authorization"]) not in self.reading.present:
            layer.fail("COMPLETENESS", f"the authorization of run `{self.id}` is absent")
        self.contracts, self.contract_digests = {}, {}
        for one in doc["contracts"]:
            reference = f"{one['id']}@{one['version']}"
            self.contract_digests[reference] = one["digest"]
            contract = self.reading.contracts.get(one["digest"])
            if contract is None or reference_of(contract) != reference:
                others = [other for other in self.reading.contracts.values() if reference_of(other) == reference]
                if others:
                    layer.fail("DIGEST_MISMATCH", f"the contract `{reference}` is not the one that the run pins")
                else:
                    layer.fail("COMPLETENESS", f"the contract `{reference}` is absent")
            else:
                self.contracts[reference] = contract

    @property
    def runbook_read(self):
        return self.document is not None and self.runbook is not None

    @property
    def whole(self):
        """Whether all documents that the run pins can be read."""
        if self.document is None or None in (self.runbook, self.engagement, self.principals, self.policies, self.lock):
            return False
        return len(self.contracts) == len(self.contract_digests)

    def step(self, step_id):
        if self.runbook is None:
            return None
        return next((one for one in self.runbook["steps"] if one["id"] == step_id), None)

    def contract_of(self, step, read_back=None):
        contract = self.contracts.get(step["uses"])
        if read_back is None or contract is None:
            return contract
        confirm = contract["execution"].get("confirm")
        return self.contracts.get(confirm["uses"]) if confirm else None

    def invocation_id(self, step_id, key=None, read_back=None):
        text = f"{self.id}/{step_id}" + ("" if key is None else f"[{key}]")
        return text if read_back is None else f"{text}/read-back-{read_back}"

    def events(self, stream):
        return [one for one in self.reading.receipts if one.usable and one.stream == stream]


def reference_of(document):
    return f"{document['id']}@{document['version']}"
