"""Layers 1 to 3: artifact set, manifest, signatures."""

import re

from canonical import MAX_MANIFEST, NotCanonical, parse_canonical
from container import check_path
from dsse import Malformed, sha256
from keys import PlainKey
from reading import CLAIM, DIGEST, MANIFEST
from roots import Root, roots_of
from schema import millis
from trust import in_force


def check_artifacts(reading, report):
    layer, prefix = report["artifact-set"], "artifacts/sha256/"
    for path, data in reading.files.items():
        if re.fullmatch(prefix + "[0-9a-f]{64}", path) and path in reading.listed and sha256(data) != "sha256:" + path[len(prefix) :]:
            layer.fail("HASH_MISMATCH", "the artifact is not what its name says", path)


def check_manifest(reading, report):
    layer, files = report["manifest"], reading.files
    data = files.get(MANIFEST)
    if data is None:
        layer.fail("COMPLETENESS", "the manifest is absent", MANIFEST)
        return
    if reading.claim is not None:
        subjects = reading.claim_subjects
        if len(subjects) != 1 or subjects[0]["name"] != MANIFEST:
            report["structure"].fail("BUNDLE_MALFORMED", "the claim is about the manifest and nothing else", CLAIM)
        elif "sha256:" + subjects[0]["digest"]["sha256"] != sha256(reading.files[MANIFEST]):
            report["structure"].fail("DIGEST_MISMATCH", "the claim is about another manifest", CLAIM)
    try:
        value = parse_canonical(data, MAX_MANIFEST)
        entries = manifest_entries(value)
    except Unsupported as error:
        layer.fail("SCHEMA_VERSION_UNSUPPORTED", str(error), MANIFEST)
        return
    except MissingMember as error:
        layer.fail("REQUIRED_FIELD_MISSING", str(error), MANIFEST)
        return
    except (NotCanonical, Malformed) as error:
        layer.fail("BUNDLE_MALFORMED", str(error), MANIFEST)
        return
    paths = [entry["path"] for entry in entries]
    if paths != sorted(set(paths)) or MANIFEST in paths or CLAIM in paths:
        layer.fail("BUNDLE_MALFORMED", "the paths are not sorted, each once, without manifest and claim", MANIFEST)
    for entry in entries:
        data = files.get(entry["path"])
        if data is None:
            layer.fail("COMPLETENESS", "a listed file is absent", entry["path"])
        elif len(data) != entry["size"] or sha256(data) != entry["digest"]:
            layer.fail("HASH_MISMATCH", "a file has another size or digest than listed", entry["path"])
    report.ignored = sorted(set(files) - set(paths) - {MANIFEST, CLAIM})


class Unsupported(Exception):
    pass


class MissingMember(Exception):
    pass


def manifest_entries(value):
    if not isinstance(value, dict):
        raise Malformed("no manifest")
    given = value.get("schema")
    if isinstance(given, str) and given != "witnessops/manifest/v1" and given.startswith("witnessops/manifest/v"):
        raise Unsupported(f"`{given}` is not known here")
    if {"schema", "files"} - set(value):
        raise MissingMember("a member is absent")
    if given != "witnessops/manifest/v1" or set(value) != {"schema", "files"} or not isinstance(value["files"], list):
        raise Malformed("no manifest")
    for entry in value["files"]:
        if not isinstance(entry, dict):
            raise Malformed("no entry of a manifest")
        if {"path", "size", "digest"} - set(entry):
            raise MissingMember("a member of an entry is absent")
        fine = set(entry) == {"path", "size", "digest"} and isinstance(entry["path"], str)
        fine = fine and type(entry["size"]) is int and entry["size"] >= 0
        if not fine or not isinstance(entry["digest"], str) or not DIGEST.fullmatch(entry["digest"]):
            raise Malformed("no entry of a manifest")
        check_path(entry["path"])
    return value["files"]


class Certificate:
    def __init__(self, digest, predicate, key, root):
        self.digest, self.predicate, self.key, self.root = digest, predicate, key, root


def certificates_of(reading, layer, roots):
    """Keys that a root certified, while it had not ended."""
    out = []
    certified = {
        one.detail.get("certificate"): one.seq
        for one in reading.receipts if one.usable and one.event == "key-certified" and one.stream == "workspace"
    }  # fmt: skip
    for digest, (envelope, statement) in reading.envelopes["key-certificate"].items():
        predicate = statement["predicate"]
        try:
            key = PlainKey(predicate["publicKey"])
        except Malformed as error:
            layer.fail("DIGEST_MISMATCH", str(error), digest)
            continue
        subject = statement["subject"]
        if (subject[0]["name"], subject[0]["digest"]["sha256"]) != ("issuer-key", sha256(key.spki)[7:]) or len(subject) != 1 or predicate["keyId"] != key.key_id:
            layer.fail("DIGEST_MISMATCH", "a certificate names another key than its own", digest)
            continue
        root = next((root for root in roots if root.key.signed(envelope)), None)
        if root is None:
            if any(root.key.key_id == envelope.key_id for root in roots):
                layer.fail("SIGNATURE_INVALID", "the issuer root did not sign this certificate", digest)
            else:
                layer.doubt("a certificate is signed by another root")
            continue
        if root.ended is not None and certified.get(digest, root.ended) >= root.ended:
            layer.fail("SIGNATURE_INVALID", "a root certified a key after it had ended", digest)
            continue
        out.append(Certificate(digest, predicate, key, root))
    return out


def check_signatures(reading, report, trust):
    layer = report["signatures"]
    layer.anchored = "untested"
    roots = roots_of(reading, layer, report["structure"].fail)
    declared = bool(roots)
    if not declared:
        layer.doubt("no receipt names the issuer root")
        if reading.claim is not None:
            report["structure"].fail("COMPLETENESS", "no receipt names the issuer root")
        # What the reviewer's own roots certified is signed all the same.
        roots = [Root(PlainKey(one["publicKey"])) for one in (trust or {}).get("issuerRoots", [])]
    certificates = certificates_of(reading, layer, roots)
    if reading.claim_envelope is not None and reading.claim is not None:
        if declared and reading.claim["workspace"] != roots[0].key.key_id:
            report["structure"].fail("DIGEST_MISMATCH", "the claim names another issuer root", CLAIM)
        at = millis(reading.claim["exportedAt"])
        reading.claim_signed = signed(reading.claim_envelope, at, certificates, layer, "the claim")
        made = next((one for one in certificates if one.key.signed(reading.claim_envelope)), None)
        # Nothing else in the bundle holds the claim's own words.
        if reading.claim_signed and made.key.key_id != reading.claim_envelope.key_id:
            layer.fail("DIGEST_MISMATCH", "the claim names another key than signed it", CLAIM)
    for receipt in reading.receipts:
        if receipt.usable:
            receipt.signed = signed(receipt.envelope, receipt.at, certificates, layer, receipt.where)
    anchor(roots, certificates, layer, trust)
    return roots, certificates


def signed(envelope, at, certificates, layer, where):
    """Whether a certified key, in force, made the signature; the key id says where to look first."""
    ordered = sorted(certificates, key=lambda one: one.key.key_id != envelope.key_id)
    made = next((one for one in ordered if one.key.signed(envelope)), None)
    if made is None:
        if any(one.key.key_id == envelope.key_id for one in certificates):
            layer.fail("SIGNATURE_INVALID", "the signature does not verify", where)
        else:
            layer.doubt(f"{where} is signed by a key that nobody certified")
        return False
    if not in_force(made.predicate, at):
        layer.fail("SIGNATURE_INVALID", "the key was not in force", where)
        return False
    return True


def anchor(roots, certificates, layer, trust):
    """The roots of the trust file, and those that follow from one of them: never one before it."""
    if trust is None:
        return
    trusted = False
    for root in roots:
        listed = [one for one in trust["issuerRoots"] if PlainKey(one["publicKey"]).identity == root.key.identity]
        trusted = trusted or bool(listed)
        root.trusted = trusted
        made = [one.predicate["issuedAt"] for one in certificates if one.root is root]
        made += [other.made_at for other in roots[1:] if other.maker is root]
        if listed and not all(any(in_force(one, millis(at)) for one in listed) for at in made):
            layer.fail("SIGNATURE_INVALID", "the issuer root was not valid when it certified a key", root.key.key_id)
            return
    if all(one.root.trusted for one in certificates) and trusted:
        layer.anchored = "established"
    else:
        layer.doubt("the trust file does not list the issuer root")
