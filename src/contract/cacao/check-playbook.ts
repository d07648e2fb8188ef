import { isJsonObject, type JsonObject } from "../../format/json.ts";
import { pathText } from "../fault.ts";
import type { ImportReport } from "./import-report.ts";
import { listOf, objectOf, shortText, textOf } from "./playbook-text.ts";

const ID =
  /^([a-z][a-z0-9-]{0,60})--([0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})$/;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
const TYPES = [
  "start",
  "end",
  "action",
  "playbook-action",
  "parallel",
  "if-condition",
  "while-condition",
  "switch-condition",
];
const OLD_TYPES = ["single", "playbook"];

/** Checks what the standard says about a playbook's own members and the ids of its parts (CACAO 2.0 sections 3, 4, 10). */
export function checkPlaybook(playbook: JsonObject, to: ImportReport): void {
  if (playbook.type !== "playbook") to.refuse("type", "must be `playbook`", "type");
  if (!isJsonObject(playbook.workflow)) to.refuse("workflow", "is missing: a playbook has steps", "required");
  if (playbook.spec_version !== "cacao-2.0") {
    const version = shortText(String(playbook.spec_version ?? "nothing"), 40);
    if (/^(cacao-)?(2\.0|1\.[01])$/.test(version))
      to.deviate("spec_version", `is \`${version}\`, not \`cacao-2.0\``);
    else to.refuse("spec_version", `is \`${version}\`; \`cacao-2.0\` is read here`);
  }
  checkId("id", playbook.id, "playbook", to);
  for (const name of ["name", "created_by", "created", "modified"])
    if (textOf(playbook, name) === undefined) to.deviate(name, "is missing");
  for (const name of ["created", "modified", "valid_from", "valid_until"]) {
    const time = playbook[name];
    if (time !== undefined && !(typeof time === "string" && TIME.test(time)))
      to.deviate(name, "is no time in UTC with milliseconds");
  }
  const [created, modified] = [textOf(playbook, "created"), textOf(playbook, "modified")];
  if (created !== undefined && modified !== undefined && Date.parse(created) > Date.parse(modified))
    to.deviate("modified", "is before `created`");
  if (playbook.revoked === true) to.deviate("revoked", "the playbook's creator revoked it");
  for (const [id, step] of Object.entries(objectOf(playbook, "workflow")))
    if (isJsonObject(step)) checkStep(playbook, id, step, to);
  for (const dictionary of [
    "agent_definitions",
    "target_definitions",
    "authentication_info_definitions",
    "data_marking_definitions",
  ])
    for (const [id, object] of Object.entries(objectOf(playbook, dictionary)))
      checkId(pathText([dictionary, id]), id, isJsonObject(object) ? textOf(object, "type") : undefined, to);
  checkExtensions(playbook, "playbook_extensions", "", playbook, to);
}

function checkStep(playbook: JsonObject, id: string, step: JsonObject, to: ImportReport): void {
  const path = pathText(["workflow", id]);
  const type = textOf(step, "type") ?? "";
  if (OLD_TYPES.includes(type)) to.deviate(`${path}.type`, `\`${type}\` is a step of CACAO 1.x`);
  else if (!TYPES.includes(type))
    to.refuse(`${path}.type`, `there is no step type \`${shortText(type, 40)}\``);
  checkId(path, id, type, to);
  if (step.on_completion !== undefined && (step.on_success !== undefined || step.on_failure !== undefined))
    to.deviate(path, "has `on_completion` beside `on_success` or `on_failure`");
  checkExtensions(step, "step_extensions", path, playbook, to);
}

function checkExtensions(
  object: JsonObject,
  member: string,
  path: string,
  playbook: JsonObject,
  to: ImportReport,
): void {
  const known = objectOf(playbook, "extension_definitions");
  for (const id of Object.keys(objectOf(object, member))) {
    const at = `${path === "" ? "" : `${path}.`}${member}${pathText([id]).startsWith("[") ? "" : "."}${pathText([id])}`;
    if (!Object.hasOwn(known, id)) to.deviate(at, "names no extension definition of the playbook");
    to.lose(id, at, "an extension, and what it says", "whether the steps mean the same without it");
  }
}

function checkId(path: string, id: unknown, type: string | undefined, to: ImportReport): void {
  const match = typeof id === "string" && id.length < 200 ? ID.exec(id) : null;
  if (match === null) to.deviate(path, "its id is not a type, `--` and a UUID of RFC 9562");
  else if (type !== undefined && match[1] !== type)
    to.deviate(path, `its id begins with \`${match[1]}\`, its type is \`${shortText(type, 60)}\``);
}

/** Members of a playbook that stand for nothing in a runbook. */
const IGNORED = [
  "type",
  "spec_version",
  "id",
  "name",
  "description",
  "created_by",
  "created",
  "modified",
  "revoked",
  "playbook_variables",
  "workflow_start",
  "workflow_exception",
  "workflow",
  "playbook_extensions",
  "extension_definitions",
  "authentication_info_definitions",
  "agent_definitions",
  "target_definitions",
  "targets",
  "data_marking_definitions",
  "markings",
  "signatures",
];

/** Lists the members that are read for nothing: priority, labels, references and whatever else there is. */
export function loseRest(playbook: JsonObject, to: ImportReport): void {
  const id = textOf(playbook, "id") ?? "playbook";
  for (const name of Object.keys(playbook)) {
    if (IGNORED.includes(name)) continue;
    const isTime = name.startsWith("valid_");
    to.lose(
      id,
      pathText([name]),
      `\`${shortText(name, 60)}\` of the playbook`,
      isTime
        ? "whether an engagement's window has to end or begin then"
        : "whether the objective or the title should say it",
    );
  }
  if (listOf(playbook, "signatures").some((one) => isJsonObject(one) && one.signature !== undefined))
    to.lose(id, "signatures", "countersignatures, which were not checked", "whether you need them");
}
