"""What a verification found, layer by layer (spec/verification.md)."""

LAYERS = (
    "artifact-set", "manifest", "signatures", "structure", "timestamps", "log",
    "continuity", "authorization", "re-decision", "proof-class", "conclusions",
)  # fmt: skip


class Layer:
    def __init__(self, name):
        self.name = name
        self.failures = []
        self.doubts = []
        self.present = True
        self.partial = False
        # `not-applicable` for layers in which trust has no part.
        self.anchored = "not-applicable"

    def fail(self, code, message, where=None):
        self.failures.append({"code": "FAILURE_" + code, "message": message, "where": where})

    def doubt(self, message):
        if message not in self.doubts:
            self.doubts.append(message)

    def as_json(self):
        internal = "failed" if self.failures else "indeterminate" if self.doubts else "partial" if self.partial else "ok"
        if not self.present and internal == "ok":
            internal = "not-present"
        anchored = "failed" if self.failures and self.anchored != "not-applicable" else self.anchored
        return {
            "layer": self.name,
            "internal": internal,
            "anchored": anchored,
            "failures": self.failures,
            "doubts": self.doubts,
        }


class Report:
    def __init__(self):
        self.layers = {name: Layer(name) for name in LAYERS}
        self.partial = False
        # What this implementation does not decide: never passed in silence.
        self.not_decided = []
        self.steps = []
        self.conclusions = []
        self.ignored = []

    def __getitem__(self, name):
        return self.layers[name]

    def leave_undecided(self, what):
        if what not in self.not_decided:
            self.not_decided.append(what)

    @property
    def codes(self):
        return sorted({failure["code"] for layer in self.layers.values() for failure in layer.failures})

    @property
    def verdict(self):
        if self.codes:
            return "invalid"
        return "indeterminate" if any(layer.doubts for layer in self.layers.values()) else "valid"

    def as_json(self):
        return {
            "verdict": self.verdict,
            "codes": self.codes,
            "partial": self.partial,
            "layers": [layer.as_json() for layer in self.layers.values()],
            "steps": self.steps,
            "conclusions": self.conclusions,
            "notDecided": self.not_decided,
            "ignoredFiles": self.ignored,
        }
