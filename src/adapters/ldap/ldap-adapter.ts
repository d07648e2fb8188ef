import type { Adapter, AdapterOutcome, Call, Fault } from "../../adapter/adapter.ts";
import { abortedFault, faultOf } from "../../adapter/fault.ts";
import { NetworkFault } from "../../adapter/network.ts";
import { untilAborted } from "../../adapter/until-aborted.ts";
import { writeJsonArtifact } from "../../adapter/write-artifact.ts";
import { BerMalformed } from "./ber.ts";
import { bindDn, TextRefused } from "./bind-values.ts";
import { ANSWER, decodeResult, type LdapResult } from "./ldap-message.ts";
import { compareRequest, modifyRequest } from "./ldap-request.ts";
import { checkLogin, faultOfResult, LdapRefused, logIn, type Session } from "./log-in.ts";
import {
  type CompareParameters,
  type LdapParameters,
  type ModifyParameters,
  parameters,
} from "./parameters.ts";
import { resultName } from "./result-codes.ts";
import { prepareSearch, searchEntries } from "./search-entries.ts";

/**
 * One operation on a directory (LDAP, RFC 4511): a bounded search, a change of one entry, or a comparison. The password goes
 * only over TLS; values are never syntax; referrals are reported and never followed.
 */
export const ldap: Adapter = {
  id: "ldap",
  version: "1.0.0",
  egress: "guarded",
  isolation: "in-process",
  parameters,
  async run(call) {
    const asked = call.with as LdapParameters;
    const state = { phase: "prepare" };
    let session: Session | undefined;
    try {
      checkLogin(call, asked);
      const operation = prepare(asked);
      state.phase = "connect";
      session = await untilAborted(call.signal, logIn(call, asked, state));
      state.phase = "response";
      return await untilAborted(call.signal, operation(call, session));
    } catch (error) {
      return { ok: false, fault: faultOfError(error, state.phase, call.signal) };
    } finally {
      session?.leave();
    }
  },
};

type Operation = (call: Call, session: Session) => Promise<AdapterOutcome>;

/** Encodes what will be asked, so that what cannot be is refused before anything is sent. @throws TextRefused. */
function prepare(asked: LdapParameters): Operation {
  if (asked.bindDn !== undefined) bindDn(asked.bindDn, asked.values ?? {});
  if (asked.operation === "search") {
    const request = prepareSearch(asked);
    return async (call, session) => {
      const outcome = await searchEntries(call, session, asked, request);
      if (outcome.ok)
        await writeAnswer(call, { resultCode: 0, matchedDn: "", diagnosticMessage: "", referrals: [] });
      return outcome;
    };
  }
  return asked.operation === "modify" ? prepareModify(asked) : prepareCompare(asked);
}

function prepareModify({ dn, values = {}, changes }: ModifyParameters): Operation {
  const name = bindDn(dn, values);
  const request = modifyRequest(
    name,
    changes.map(({ op, attribute, values: list = [] }) => ({ op, attribute, values: list.map(bytesOf) })),
  );
  return async (call, session) => {
    const result = await resultTo(session, request, ANSWER.modify);
    await writeAnswer(call, result);
    if (result.resultCode !== 0) return { ok: false, fault: faultOfResult(result, "response") };
    return { ok: true, result: { dn: name, modified: true } };
  };
}

function prepareCompare({ dn, values = {}, attribute, value }: CompareParameters): Operation {
  const name = bindDn(dn, values);
  const request = compareRequest(name, attribute, bytesOf(value));
  return async (call, session) => {
    const result = await resultTo(session, request, ANSWER.compare);
    await writeAnswer(call, result);
    const { resultCode } = result;
    if (resultCode !== 5 && resultCode !== 6) return { ok: false, fault: faultOfResult(result, "response") };
    return { ok: true, result: { dn: name, attribute, matches: resultCode === 6 } };
  };
}

async function resultTo(session: Session, request: Buffer, tag: number): Promise<LdapResult> {
  const answer = await session.next(session.send(request));
  if (answer.tag !== tag) throw new BerMalformed(`an answer of type ${answer.tag}, which nobody waits for`);
  return decodeResult(answer.body);
}

function writeAnswer(call: Call, { resultCode, matchedDn, diagnosticMessage, referrals }: LdapResult) {
  const answer = { resultCode, resultName: resultName(resultCode), matchedDn, diagnosticMessage, referrals };
  return writeJsonArtifact(call.capture, "answer", answer, "ldap result");
}

function bytesOf(value: string | { base64: string }): Uint8Array {
  if (typeof value === "string") return Buffer.from(value, "utf8");
  const bytes = Buffer.from(value.base64, "base64");
  if (bytes.toString("base64") === value.base64) return bytes;
  const message = "`base64` of a value is not canonical base64";
  throw new LdapRefused({ code: "PARAMETERS_INVALID", phase: "prepare", message });
}

function faultOfError(error: unknown, phase: string, signal: AbortSignal): Fault {
  if (error instanceof LdapRefused) return error.fault;
  if (error instanceof TextRefused) return { code: error.code, phase: "prepare", message: error.message };
  if (error instanceof BerMalformed)
    return { code: "RESPONSE_MALFORMED", phase, message: `the server sent ${error.message}` };
  if (signal.aborted && !(error instanceof NetworkFault)) return abortedFault(signal, phase);
  // A connection that is lost is lost in the phase in which we are.
  if (error instanceof NetworkFault && error.phase === "request")
    return { code: error.code, phase, message: error.message };
  return faultOf(error, phase, signal);
}
