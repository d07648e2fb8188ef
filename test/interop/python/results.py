"""What a contract makes of a captured result (spec/contract.md, Error classes; spec/receipt.md, Result)."""

from canonical import NotCanonical, parse_canonical, same
from cel import CelError, evaluate, evaluate_tree
from schema import faults

OURS = {"EGRESS_REFUSED", "SIZE_EXCEEDED", "EVIDENCE_INCOMPLETE", "OUTPUT_CONTRACT_VIOLATION"}
RESERVED = {"AUTH_REJECTED", "RATE_LIMITED", "UNAVAILABLE", "TIMEOUT", "UNDECLARED_ERROR", *OURS}
BY_CODE = {
    **dict.fromkeys(["ETIMEDOUT", "ESOCKETTIMEDOUT", "TIMEOUT"], "TIMEOUT"),
    **dict.fromkeys(
        ["ECONNREFUSED", "ECONNRESET", "EPIPE", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND", "EAI_AGAIN"], "UNAVAILABLE"
    ),
}
BY_NUMBER = {
    "HTTP_STATUS": ("status", {401: "AUTH_REJECTED", 403: "AUTH_REJECTED", 429: "RATE_LIMITED",
                               **dict.fromkeys([502, 503, 504], "UNAVAILABLE")}),
    "LDAP_RESULT": ("resultCode", {3: "TIMEOUT", 4: "SIZE_EXCEEDED", 51: "UNAVAILABLE", 52: "UNAVAILABLE",
                                   **dict.fromkeys([7, 8, 13, 48, 49, 50], "AUTH_REJECTED")}),
    "SMTP_REPLY": ("reply", {**dict.fromkeys([421, 450, 451, 452, 454], "UNAVAILABLE"),
                             **dict.fromkeys([530, 534, 535, 538], "AUTH_REJECTED")}),
}  # fmt: skip
SIDES = {
    **dict.fromkeys(["CANCELLED", "PARAMETERS_INVALID", "SECRET_MISSING"], "operator"),
    **dict.fromkeys(["ADAPTER_DEFECT", "RESULT_UNMASKABLE"], "witnessops"),
}
ANSWERED = {
    "HTTP_STATUS", "EXIT_STATUS", "EGRESS_REFUSED", "EVIDENCE_INCOMPLETE", "OUTPUT_CONTRACT_VIOLATION", "SQL_ERROR",
    "LDAP_RESULT", "SMTP_REPLY", "TOOL_ERROR", "PROTOCOL_ERROR", "PAGE_REFUSED", "PAGE_LOOP",
}  # fmt: skip
UNSENT = {
    "PARAMETERS_INVALID", "BODY_AMBIGUOUS", "HEADER_REFUSED", "URL_MALFORMED", "PATH_REFUSED", "SECRET_MISSING",
    "DEFINITION_CHANGED", "TOOL_MISSING", "ORIGIN_REFUSED", "HOST_KEY_CHANGED", "KEY_UNREADABLE", "FILTER_MALFORMED",
    "DN_MALFORMED", "CLEARTEXT_REFUSED", "INPUT_REFUSED", "PLACES_EXCEEDED", "PORTS_MISSING", "PROTOCOL_REFUSED",
}  # fmt: skip
BEFORE_SENDING = {"prepare", "resolve", "connect", "tls", "spawn", "login", "envelope", "message"}


def classify(contract, inputs, error, budget):
    """(class, side) of a captured error."""
    code = error["code"]
    if code not in OURS:
        for declared in contract["errors"]:
            try:
                if evaluate(declared["when"], {"inputs": inputs, "error": error}, budget) is True:
                    return declared["class"], declared["side"]
            except CelError:
                continue
    if code in BY_NUMBER and type(error.get(BY_NUMBER[code][0])) is int:
        name = BY_NUMBER[code][1].get(error[BY_NUMBER[code][0]], "UNDECLARED_ERROR")
    else:
        name = BY_CODE.get(code, code if code in RESERVED else "UNDECLARED_ERROR")
    if name == "UNDECLARED_ERROR":
        return name, SIDES.get(code, "external")
    return name, "witnessops" if name == "EGRESS_REFUSED" else "external"


def outputs_of(contract, inputs, result, budget):
    """The declared outputs of a result, or None when it does not give them."""
    try:
        outputs = evaluate_tree(contract["execution"]["outputs"], {"inputs": inputs, "result": result}, budget)
    except CelError:
        return None
    return None if faults(contract["outputs"], outputs) else outputs


def check_results(run, receipt, contract, given_of, budget, layer):
    """Whether outputs and error classes of a receipt's attempts follow from what was captured."""
    invocation = receipt.predicate["invocation"]
    for attempt in invocation["attempts"]:
        def wrong(text, code="DECISION_MISMATCH", n=attempt["n"]):
            layer.fail(code, f"`{invocation['id']}` attempt {n}: {text}", receipt.where)

        record = run.reading.record(attempt["dispatchDigest"])
        captured = captured_of(run, receipt, attempt, layer, wrong)
        if record is None:
            continue
        waits, due = given_of(record)
        inputs = record["action"]["inputs"]
        if captured is None:
            if due is not None and attempt["exit"] == "executed":
                check_outputs(contract, inputs, due, attempt, receipt, budget, wrong)
            continue
        if attempt["exit"] == "in-doubt" and "errorClass" not in attempt and "side" not in attempt:
            continue
        if isinstance(captured.get("error"), dict):
            check_error(contract, inputs, captured["error"], attempt, budget, wrong)
        elif isinstance(captured.get("result"), dict):
            if waits and not (due is not None and same(due, captured["result"])):
                wrong("its captured result is not what it waited for and was given")
            check_outputs(contract, inputs, captured["result"], attempt, receipt, budget, wrong)
        else:
            wrong("the captured result is neither a result nor an error")


def captured_of(run, receipt, attempt, layer, wrong):
    place = f"{receipt.predicate['invocation']['id']}/{attempt['n']}/result"
    artifact = next((one for one in receipt.predicate.get("artifacts", []) if one["id"] == place), None)
    data = run.reading.artifact(artifact["digest"]) if artifact else None
    if data is None:
        return None
    if "sealed" in artifact:
        data = run.reading.opened.get(artifact["digest"])
        if data is None:
            layer.doubt(f"`{place}` is sealed: the outcome was not computed again")
            return None
    try:
        value = parse_canonical(data)
        if isinstance(value, dict) and value.get("schema") == "witnessops/result/v1":
            return value
    except NotCanonical:
        pass
    wrong("it has no captured result of the known form", "BUNDLE_MALFORMED")
    return None


def check_outputs(contract, inputs, result, attempt, receipt, budget, wrong):
    outputs = outputs_of(contract, inputs, result, budget)
    if attempt["exit"] == "executed":
        if outputs is None:
            wrong("its captured result does not give the declared outputs")
        elif not same(outputs, receipt.predicate["invocation"].get("outputs")):
            wrong("its captured result gives other outputs than recorded")
        return
    if outputs is None and attempt.get("errorClass") == "OUTPUT_CONTRACT_VIOLATION":
        return
    if outputs is not None and attempt.get("errorClass") == "EVIDENCE_INCOMPLETE" and lacks_evidence(contract, receipt, attempt):
        return
    wrong("its captured result does not explain its error class")


def lacks_evidence(contract, receipt, attempt):
    found = {one["id"]: one for one in receipt.predicate.get("artifacts", [])}
    for rule in contract["evidence"]["artifacts"]:
        artifact = found.get(f"{receipt.predicate['invocation']['id']}/{attempt['n']}/{rule['name']}")
        if rule["required"] and (artifact is None or artifact.get("truncated")):
            return True
    return False


def check_error(contract, inputs, error, attempt, budget, wrong):
    unsafe = contract["execution"]["idempotency"] == "unsafe"
    unanswered = attempt["exit"] == "in-doubt" and unsafe
    code = error.get("code")
    if not (attempt["exit"] == "failed" or unanswered) or not isinstance(code, str):
        wrong("an error without a code was captured, or one of what is recorded as executed")
        return
    unsent = code in UNSENT
    # How many addresses were dialled is the host's word: each rule by the number that asks less.
    if not unanswered and unsafe and not unsent and error.get("phase") not in BEFORE_SENDING and code not in ANSWERED:
        wrong("its captured error is no answer, and leaves an unsafe call in doubt")
    if unanswered and (unsent or code in ANSWERED):
        wrong("its captured error is an answer, and leaves no doubt")
    if classify(contract, inputs, error, budget) != (attempt.get("errorClass"), attempt.get("side")):
        wrong("its captured error is of another class than recorded")
