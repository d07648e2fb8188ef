import { isJsonObject, type JsonObject } from "../../format/json.ts";
import { pathText } from "../fault.ts";
import { parseScopePattern } from "../scope-pattern.ts";
import { DECIDE } from "../undecided.ts";
import { type DraftCall, draftContract } from "./draft-contract.ts";
import { draftExec } from "./draft-exec.ts";
import { draftHttp, secretOf, type TakeInput } from "./draft-http.ts";
import { draftTask } from "./draft-task.ts";
import type { ImportReport } from "./import-report.ts";
import { credentialHint } from "./inline-secrets.ts";
import type { PlaybookTarget } from "./playbook-targets.ts";
import { objectOf, shortText, textOf } from "./playbook-text.ts";
import { inputName, schemaOf, type VariableReference } from "./playbook-variables.ts";
import { isHarmlessHeader, isSecretHeader } from "./secret-names.ts";
import { splitVariables, wholeVariable } from "./variable-names.ts";

/** Command types of CACAO 2.0 section 5. */
const COMMANDS = [
  "manual",
  "bash",
  "caldera-cmd",
  "elastic",
  "http-api",
  "jupyter",
  "kestrel",
  "openc2-http",
  "powershell",
  "sigma",
  "ssh",
  "yara",
];

/** One command of one step, with all that its draft depends on. */
export interface CommandSite {
  readonly stepId: string;
  readonly path: string;
  readonly title: string;
  readonly purpose: string;
  readonly contractId: string;
  readonly command: JsonObject;
  readonly agent: PlaybookTarget | undefined;
  /** Of one kind; empty when the step is about its agent. */
  readonly targets: readonly PlaybookTarget[];
  /** Variables that the command gives, with their types. */
  readonly gives: readonly (readonly [name: string, type: string | undefined])[];
  readonly timeout: number | undefined;
  readonly sensitivity: string;
  readonly playbook: JsonObject;
  /** Ids of the credentials that drafts carry or that are listed as lost; grows. */
  readonly credentials: Set<string>;
  readonly read: (variable: string, path: string) => VariableReference;
}
export interface DraftedCommand {
  readonly contract: JsonObject;
  /** The step's `with`, without `target`. */
  readonly with: Readonly<Record<string, string>>;
}

/** Drafts the contract of a command, and lists what of it the draft does not keep. */
export function draftCommand(site: CommandSite, to: ImportReport): DraftedCommand {
  const { command, path, stepId } = site;
  const type = textOf(command, "type") ?? "";
  const inputs: Record<string, JsonObject> = { target: { type: "string", minLength: 1, maxLength: 2000 } };
  const given: Record<string, string> = {};
  const take: TakeInput = (variable, pattern) => {
    const { cel, schema, name } = site.read(variable, path);
    const before = Object.hasOwn(inputs, name) ? inputs[name] : undefined;
    inputs[name] = pattern === undefined ? (before ?? schema) : { ...(before ?? schema), pattern };
    given[name] = cel;
    return name;
  };
  const gives = new Map(site.gives.map(([name, kind]) => [inputName(name), schemaOf(kind)]));
  const done = (call: DraftCall, own: Readonly<Record<string, JsonObject>>): DraftedCommand => ({
    contract: draftContract(
      {
        id: site.contractId,
        title: site.title,
        purpose: site.purpose,
        inputs,
        outputs: { ...own, ...Object.fromEntries(gives) },
        subject: { kind: site.targets[0]?.kind ?? site.agent?.kind ?? "host", from: "inputs.target" },
        sensitivity: site.sensitivity,
        activity: textOf(command, "playbook_activity"),
      },
      call,
    ),
    with: given,
  });
  const loseOutputs = () => {
    if (gives.size > 0 || site.gives.length > 0)
      to.lose(
        stepId,
        path,
        `how ${[...gives.keys()].map((name) => `\`${name}\``).join(", ")} come out of the answer`,
        "the contract's `execution.outputs`",
      );
  };

  if (type === "http-api" || type === "openc2-http") {
    const server =
      site.agent?.type === "http-api"
        ? site.agent
        : (site.targets.find((one) => one.type === "http-api") ?? site.agent);
    const call = draftHttp(
      command,
      server,
      secretFor(site, server, to),
      [...gives.keys()],
      site.timeout,
      take,
    );
    if (typeof call !== "string") {
      if (server?.kind === "host")
        to.lose(
          stepId,
          server.path,
          "whether the address is reached by `http` or `https`; drafted as `https`",
          "the scheme and the port",
        );
      const left = Object.keys(objectOf(command, "headers")).filter(
        (name) =>
          !isHarmlessHeader(name) && !/^(host|content-length|connection|transfer-encoding)$/i.test(name),
      );
      for (const name of left) {
        const isSecret = isSecretHeader(name);
        to.lose(
          stepId,
          `${path}.headers`,
          `the header \`${shortText(name, 60)}\`, which ${isSecret ? "carries" : "may carry"} a credential`,
          isSecret ? "the contract's `execution.secrets`" : "the contract's `execution.with.headers`",
        );
      }
      loseOutputs();
      return done(call, { status: { type: "integer" } });
    }
    to.lose(
      stepId,
      path,
      `the request as a call: ${call}; drafted as a person's task`,
      "who does it, or the contract over `http`",
    );
  } else if (type === "bash") {
    const line = textOf(command, "command") ?? decode(command) ?? "";
    const isLocal = site.agent === undefined || site.agent.all.every(([kind]) => kind === site.agent?.type);
    const call = isLocal ? draftExec(line, [...gives.keys()], site.timeout, take) : undefined;
    if (call !== undefined) {
      to.lose(
        stepId,
        path,
        "where the command runs: `exec` runs it on the host of the workspace",
        "whether that is the right host, and what the program may do there",
      );
      loseOutputs();
      return done(call, { lines: { type: "array", items: { type: "string" } } });
    }
    const why = isLocal ? "a shell would do more with it than run one program" : "it runs on another host";
    to.lose(
      stepId,
      path,
      `the command as a call: ${why}; drafted as a person's task`,
      "who does it, or the contract over `exec`, with a program that does this one thing",
    );
  } else if (COMMANDS.includes(type)) {
    if (type !== "manual")
      to.lose(
        stepId,
        path,
        `\`${type}\` as a call: there is no adapter for it; drafted as a person's task`,
        "who does it, or the contract over `http` or `exec` that does",
      );
  } else {
    to.deviate(`${path}.type`, `there is no command type \`${shortText(type, 40)}\` in the standard`);
    to.lose(
      stepId,
      path,
      "a command of a type that is not known here; drafted as a person's task",
      "who does it, and how",
    );
  }
  return done(taskOf(site, type, take, [...gives.keys()]), {
    done: { type: "boolean" },
    answeredBy: { type: "string" },
  });
}

/** The command as a task; base64 is told as what it stands for where it is text. */
function taskOf(site: CommandSite, type: string, take: TakeInput, fields: readonly string[]): DraftCall {
  const { command, agent } = site;
  const body = [textOf(command, "command"), decode(command), textOf(command, "content")].filter(
    (one) => one !== undefined,
  );
  const text = [
    textOf(command, "description") ?? site.title,
    ...(agent === undefined || type === "manual" ? [] : [`on ${agent.type} ${agent.name}, as \`${type}\``]),
    ...body,
  ].join(": ");
  const names = [
    ...new Set(splitVariables(text).flatMap((part) => ("variable" in part ? [part.variable] : []))),
  ];
  const reads = new Map(
    names.map((variable) => {
      const { schema } = site.read(variable, site.path);
      return [variable, { name: take(variable), isText: schema.type === "string" }] as const;
    }),
  );
  reads.set("target", { name: "target", isText: true });
  return draftTask(text, reads, ["done", ...fields], site.timeout);
}

function decode(command: JsonObject): string | undefined {
  const encoded = textOf(command, "command_b64") ?? textOf(command, "content_b64");
  if (encoded === undefined) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(
      Uint8Array.from(atob(encoded), (one) => one.charCodeAt(0)),
    );
  } catch {
    return "(base64 of something that is no text; see the playbook)";
  }
}

/** The agent's credential as a reference to a secret; what is no header is a loss. */
function secretFor(
  site: CommandSite,
  server: PlaybookTarget | undefined,
  to: ImportReport,
): JsonObject | undefined {
  const id = server === undefined ? undefined : textOf(server.object, "authentication_info");
  if (id === undefined) return undefined;
  site.credentials.add(id);
  const info = objectOf(site.playbook, "authentication_info_definitions")[id];
  const secret = isJsonObject(info) ? secretOf(info, credentialHint(info)) : undefined;
  if (secret === undefined)
    to.lose(
      id,
      pathText(["authentication_info_definitions", id]),
      "a credential that is no HTTP header, or is not defined",
      "how the call authenticates",
    );
  return secret;
}

/** The CEL of a target's value in the runbook, and its entries in the runbook's scope. */
export function scopeOf(
  target: PlaybookTarget,
  read: (variable: string, path: string) => VariableReference,
  to: ImportReport,
): {
  readonly value: (literal: (text: string) => string) => string;
  readonly scope: readonly (string | JsonObject)[];
} {
  const scope: (string | JsonObject)[] = [];
  let cel: string | undefined;
  for (const [kind, text] of target.all) {
    const variable = wholeVariable(text);
    const reference = variable === undefined ? undefined : read(variable, target.path);
    if (text === target.value) cel ??= reference?.cel;
    if (reference?.isInput === true) scope.push({ kind, from: reference.cel });
    else if (variable === undefined && parseScopePattern(`${kind}:${text}`).ok) scope.push(`${kind}:${text}`);
    else {
      scope.push(`${DECIDE} which ${kind} the runbook may be about`);
      to.lose(
        target.id,
        target.path,
        `the ${kind} of \`${shortText(target.name, 60)}\` as scope`,
        "an entry of `scope.include` that bounds it",
      );
    }
  }
  return { value: (literal) => cel ?? literal(target.value), scope };
}
