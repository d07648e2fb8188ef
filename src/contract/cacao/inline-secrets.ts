import { isJsonObject, type Json, type JsonObject } from "../../format/json.ts";
import { type Path, pathText } from "../fault.ts";
import type { ImportReport } from "./import-report.ts";
import { objectOf, textOf } from "./playbook-text.ts";
import { isSecretHeader, isSecretName, isSecretParameter } from "./secret-names.ts";
import { splitVariables, variableNamed, wholeVariable } from "./variable-names.ts";

const SECRET_MEMBER =
  /pass(word|phrase|wd)?$|token$|secret$|private_?key$|api_?key$|credentials?$|^oauth_header$|^pin$/i;
/** Names of variables that hold secrets. */
export const SECRET_NAME = /pass(word|phrase|wd)|token|secret|private[_-]?key|api[_-]?key|credential/i;
const SECRET_TEXT =
  /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----|\bauthorization:\s{0,5}[a-z][a-z-]{1,20}\s{1,5}(?!__|\$)[A-Za-z0-9+/=._~-]{8}|\b(AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_[A-Za-z0-9]{30}|\bxox[abprs]-[A-Za-z0-9-]{10}|\/\/[^/\s:@]{1,100}:[^/\s:@]{1,100}@|\/\/(?![_$])[^/\s:@]{16,200}@|\s(-u\s?|--user[= ])["']?[^\s:"'/]{1,100}:(?![_$"'\s])[^\s"']{4}|\bmysql\w{0,10}\s(.{0,200}\s)?-p(?![_$"'\s])[^\s"']{4}|--?(password|passwd|token|secret|api-?key)[= ]["']?(?![_$"'\s])[^\s"']{4}|\b(password|passwd|api_?key|secret|token)["']?(\s?=\s?|:\s?(?=["'])|:)["']?(?![_$"'\s])[^\s"']{4}/i;

/** A name and a value in text: `name=value`, `"name": "value"`, `Name-Of-Header: value`. */
const PAIR =
  /([?&]?)([A-Za-z][A-Za-z0-9_.-]{0,100})(["']?(?:\s?=\s?|:\s?(?=["'])|:)["']?|:\s)(?![_$"'\s{])[^\s"'&]{4}/g;

/**
 * Refuses secrets that stand in a playbook: they are in whatever it was sent through. Names the path, and never the value.
 * Whoever wrote the value somewhere unexpected is not caught; the report says that this is no proof of absence.
 */
export function refuseInlineSecrets(playbook: JsonObject, to: ImportReport): void {
  const told = new Set<string>();
  const refuse = (path: Path) => {
    const text = pathText(path);
    if (!told.has(text)) to.refuse(text, SAYS);
    told.add(text);
  };
  const credentials = objectOf(playbook, "authentication_info_definitions");
  for (const [id, info] of Object.entries(credentials)) {
    if (!isJsonObject(info)) continue;
    for (const [name, value] of Object.entries(info)) {
      if (name === "kms_key_identifier" || !SECRET_MEMBER.test(name) || !isGiven(value)) continue;
      const at = ["authentication_info_definitions", id, name];
      const variable = typeof value === "string" ? wholeVariable(value) : undefined;
      if (variable === undefined) refuse(at);
      for (const [path, holder] of variable === undefined ? [] : declarations(playbook, variable))
        if (isGiven(holder.value)) refuse([...path, "value"]);
    }
  }
  for (const [path, name, variable] of allVariables(playbook)) {
    const bare = variableNamed(name) ?? name;
    if ((SECRET_NAME.test(name) || isSecretName(bare)) && isGiven(variable.value)) refuse([...path, "value"]);
    else if (hasSecretMember(variable.value)) refuse([...path, "value"]);
  }
  walk(playbook, [], refuse);
}

const SAYS =
  "a secret stands here; take it out of the playbook, change it where it is used, and refer to it by a variable";

function walk(value: Json, path: Path, refuse: (path: Path) => void): void {
  if (typeof value === "string") {
    if (hasSecret(value.slice(0, 100_000)) || hasSecret(decodedCommand(path, value))) refuse(path);
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) walk(item, [...path, index], refuse);
  } else if (isJsonObject(value)) {
    for (const [name, item] of Object.entries(value)) {
      const at = [...path, name];
      if (path.at(-1) === "headers" && isSecretHeader(name))
        for (const [index, one] of [item].flat().entries())
          if (typeof one === "string" && isGiven(one) && !hasVariable(one)) refuse([...at, index]);
      if (at.length !== 1 || name !== "signatures") walk(item, at, refuse);
    }
  }
}

function hasSecret(text: string): boolean {
  if (SECRET_TEXT.test(text) || hasSecretMember(text)) return true;
  // A form starts without `?`.
  const isForm = /^[A-Za-z0-9_.-]{1,100}=\S*&\S*$/.test(text);
  for (const [, before, name = "", sign = ""] of text.matchAll(PAIR)) {
    if (before !== "" || isForm ? isSecretParameter(name) : isSecretName(name)) {
      // In prose a word and a colon introduce anything.
      if (sign !== ": " || /[_-]/.test(name)) return true;
    }
  }
  return false;
}

/** Whether a member of this JSON, or of the JSON that this text is, has a secret's name and a value of its own. */
function hasSecretMember(value: Json | undefined, depth = 0): boolean {
  if (depth > 50) return true;
  if (typeof value === "string") {
    if (!/^\s*[[{]/.test(value)) return false;
    try {
      const json = JSON.parse(value) as Json;
      return typeof json !== "string" && hasSecretMember(json, depth + 1);
    } catch {
      return false;
    }
  }
  if (Array.isArray(value)) return value.some((one: Json) => hasSecretMember(one, depth + 1));
  if (!isJsonObject(value)) return false;
  return Object.entries(value).some(
    ([name, one]) => (isSecretName(name) && isLiteral(one)) || hasSecretMember(one, depth + 1),
  );
}

/** A text with no use of a variable, or a number. */
function isLiteral(value: Json): boolean {
  if (typeof value === "number") return true;
  return (
    typeof value === "string" && value !== "" && splitVariables(value).every((part) => "literal" in part)
  );
}

/** What base64 of a command says, so that encoding hides nothing. */
function decodedCommand(path: Path, value: string): string {
  if (!String(path.at(-1)).endsWith("_b64") || value.length > 200_000) return "";
  try {
    return atob(value.replace(/\s+/g, ""));
  } catch {
    return "";
  }
}

function isGiven(value: Json | undefined): boolean {
  return value !== undefined && value !== null && value !== "" && typeof value !== "boolean";
}

function hasVariable(text: string): boolean {
  return text
    .split(/\s+/)
    .every((word) => wholeVariable(word) !== undefined || /^(basic|bearer|token|apikey)$/i.test(word));
}

function* allVariables(playbook: JsonObject): Generator<[Path, string, JsonObject]> {
  const holders: [Path, JsonObject][] = [[["playbook_variables"], objectOf(playbook, "playbook_variables")]];
  for (const [id, step] of Object.entries(objectOf(playbook, "workflow")))
    if (isJsonObject(step))
      holders.push([["workflow", id, "step_variables"], objectOf(step, "step_variables")]);
  for (const [path, variables] of holders)
    for (const [name, variable] of Object.entries(variables))
      if (isJsonObject(variable)) yield [[...path, name], name, variable];
}

function declarations(playbook: JsonObject, name: string): [Path, JsonObject][] {
  return [...allVariables(playbook)].flatMap(([path, declared, variable]) =>
    variableNamed(declared) === name ? [[path, variable] as [Path, JsonObject]] : [],
  );
}

/** What a credential refers to: a variable's or a key management system's name; undefined for nothing. */
export function credentialHint(info: JsonObject): string | undefined {
  const kms = textOf(info, "kms_key_identifier");
  if (kms !== undefined) return `key \`${kms.slice(0, 100)}\` of a key management system`;
  for (const name of ["password", "token"]) {
    const variable = wholeVariable(textOf(info, name) ?? "");
    if (variable !== undefined) return `variable \`${variable}\``;
  }
  return undefined;
}
