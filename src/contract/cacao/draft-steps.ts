import { canonicalJson } from "../../format/canonical-json.ts";
import { isJsonObject, type JsonObject } from "../../format/json.ts";
import { pathText } from "../fault.ts";
import { draftCommand, scopeOf } from "./draft-command.ts";
import { draftContract } from "./draft-contract.ts";
import { draftTask } from "./draft-task.ts";
import { waitContract } from "./draft-wait.ts";
import type { ImportReport } from "./import-report.ts";
import { loseMembers } from "./lose-members.ts";
import { MAX_TARGETS, targetsOf } from "./playbook-targets.ts";
import { celString, durationText, listOf, shortText, slug, textOf, unique } from "./playbook-text.ts";
import type { PlaybookVariables, VariableReference } from "./playbook-variables.ts";
import { translateCondition } from "./translate-condition.ts";
import { variableNamed, wholeVariable } from "./variable-names.ts";
import type { Edge, WorkflowGraph } from "./workflow-graph.ts";

export interface DraftedSteps {
  readonly steps: readonly JsonObject[];
  readonly contracts: readonly JsonObject[];
  readonly scope: readonly (string | JsonObject)[];
  /** Ids of credentials that a contract carries, or that are listed as lost. */
  readonly credentials: ReadonlySet<string>;
}

/** What a playbook's step became: the condition under which it is reached, and those of the edges out of it. */
interface Reached {
  /** CEL; undefined when it is always reached. */
  readonly when: string | undefined;
  edge(kind: Edge["kind"]): string | undefined | "never";
  /** Runbook steps that give a variable. */
  readonly gives: ReadonlyMap<string, { step: string; mayBeSkipped: boolean }>;
}

const MAX_STEPS = 500;
const MAX_CEL = 4000;

/**
 * Drafts the steps in the order of the graph. A step runs when one of the edges into it is taken: `when` reads the outcomes
 * of the steps before, so that branches, failures and what follows both need no order of their own.
 */
export function draftSteps(
  playbook: JsonObject,
  graph: WorkflowGraph,
  variables: PlaybookVariables,
  prefix: string,
  sensitivity: string,
  to: ImportReport,
): DraftedSteps {
  const steps: JsonObject[] = [];
  const contracts = new Map<string, JsonObject>();
  const scope = new Map<string, string | JsonObject>();
  const ids = new Set<string>();
  // Kept for the delays, whichever step is named so.
  const contractIds = new Set(["wait"]);
  const reached = new Map<string, Reached>();
  const credentials = new Set<string>();
  const addScope = (entries: readonly (string | JsonObject)[]) => {
    for (const entry of entries) scope.set(canonicalJson(entry), entry);
  };
  const push = (step: JsonObject, path: string) => {
    if (steps.length === MAX_STEPS)
      to.refuse(path, `becomes more than ${MAX_STEPS} steps, which is what a runbook holds`);
    if (steps.length < MAX_STEPS) steps.push(step);
  };

  // Checked as conditions are made: where branches meet again and again, each could be twice as long as the one before.
  const bounded = (condition: string | undefined, path: string): string | undefined => {
    if ((condition ?? "").length <= MAX_CEL) return condition;
    to.refuse(path, "is reached in more ways than one condition can say");
    return "false";
  };

  for (const id of graph.order) {
    const step = graph.steps.get(id) as JsonObject;
    const path = pathText(["workflow", id]);
    const type = textOf(step, "type") ?? "";
    const title = shortText(textOf(step, "name") ?? textOf(step, "description") ?? type);
    loseMembers(id, path, step, to);
    // An end ends its branch: what comes then follows the step that branched.
    if (type === "end") continue;
    const entered = bounded(conditionOf(graph.into.get(id) ?? [], reached), path);
    let when = entered;
    const before = ancestorsOf(id, graph, reached);
    const read = (variable: string, at: string): VariableReference =>
      variables.read(variable, step, at, before(variable));
    const name = unique(slug(textOf(step, "name") ?? type, type === "" ? "step" : type), ids);
    const put = (stepId: string, uses: string, given: JsonObject, rest: JsonObject = {}) => {
      push({ id: stepId, title, uses, with: given, ...(when === undefined ? {} : { when }), ...rest }, path);
    };
    const millis = (member: "delay" | "timeout"): number | undefined => {
      const value = step[member];
      return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : undefined;
    };
    const delay = millis("delay");
    if (delay !== undefined) {
      const wait = waitContract(prefix, sensitivity);
      contracts.set(String(wait.id), wait);
      addScope(["delay:*"]);
      const stepId = unique(`${name}-delay`, ids);
      put(stepId, `${String(wait.id)}@1.0.0`, { after: celString(durationText(delay)) });
      if (when !== undefined) when = `steps['${stepId}'].outcome == 'executed'`;
    }
    const timeout = millis("timeout");
    const gives = new Map<string, { step: string; mayBeSkipped: boolean }>();
    const out = graph.outOf.get(id) ?? [];
    const handlesFailure = out.some(({ kind }) => kind === "failed");

    if (type === "action" || type === "single" || type === "playbook-action" || type === "playbook") {
      const made: { id: string; each: boolean }[] = [];
      const commands =
        type === "action" || type === "single"
          ? listOf(step, "commands").filter(isJsonObject)
          : [
              {
                type: "manual",
                description: `Run the playbook ${shortText(textOf(step, "playbook_id") ?? "that the step names", 120)}${textOf(step, "playbook_version") === undefined ? "" : `, version ${shortText(textOf(step, "playbook_version") ?? "", 40)}`}.`,
              },
            ];
      if (type.startsWith("playbook"))
        to.lose(
          id,
          path,
          "a playbook within the playbook; drafted as a person's task",
          "whether to import that playbook too, and who starts its run",
        );
      if (commands.length === 0) to.deviate(path, "has no commands");
      if (type === "action" && textOf(step, "agent") === undefined) to.deviate(path, "has no agent");
      const agent = targetsOf(playbook, [step.agent ?? step.target ?? []].flat(), `${path}.agent`, to)[0];
      const targets = targetsOf(
        playbook,
        [step.targets ?? step.target_ids ?? []].flat(),
        `${path}.targets`,
        to,
      );
      const about = targets.length > 0 ? targets : agent === undefined ? [] : [agent];
      if (about.length > MAX_TARGETS) to.refuse(`${path}.targets`, `are more than ${MAX_TARGETS}`);
      if (agent !== undefined && agent.type === "http-api") addScope(scopeOf(agent, read, to).scope);
      const kinds = [...new Set(about.map(({ kind }) => kind))];
      const outNames = listOf(step, "out_args").flatMap((one) => {
        const variable = typeof one === "string" ? (variableNamed(one) ?? wholeVariable(one)) : undefined;
        return variable === undefined ? [] : [variable];
      });
      for (const [index, command] of commands.entries())
        for (const kind of kinds.length > 0 ? kinds : [undefined]) {
          const group = about.filter((one) => one.kind === kind);
          const at = type.startsWith("playbook") ? path : `${path}.commands[${index}]`;
          const several = commands.length > 1 || kinds.length > 1;
          const stepId = several ? unique(`${name}-${made.length + 1}`, ids) : name;
          const contractId = `${prefix}.${unique(stepId, contractIds)}`;
          const isLast = index === commands.length - 1 && kind === kinds.at(-1);
          const drafted = draftCommand(
            {
              stepId: id,
              path: at,
              title,
              purpose: shortText(
                textOf(command, "description") ?? textOf(step, "description") ?? title,
                1000,
              ),
              contractId,
              command,
              agent,
              targets: group,
              gives: isLast ? outNames.map((one) => [one, typeOf(playbook, step, one)] as const) : [],
              timeout,
              sensitivity,
              playbook,
              read,
              credentials,
            },
            to,
          );
          contracts.set(contractId, drafted.contract);
          const places = group.map((one) => scopeOf(one, read, to));
          for (const place of places) addScope(place.scope);
          const values = [...new Set(places.map((place) => place.value(celString)))];
          const each = values.length > 1;
          if (values.length === 0)
            to.lose(
              id,
              path,
              "what the step is about: it has neither a target nor an agent",
              "the step's `with.target`, and the kind of its subject",
            );
          put(
            stepId,
            `${contractId}@1.0.0`,
            { target: each ? "each" : (values[0] ?? "decide: what the step is about"), ...drafted.with },
            {
              ...(each ? { forEach: { in: `[${values.join(", ")}]`, max: values.length } } : {}),
              ...(handlesFailure ? { onFailure: "continue" } : {}),
            },
          );
          made.push({ id: stepId, each });
          if (when !== undefined || handlesFailure) when = `steps['${stepId}'].outcome == 'executed'`;
          if (isLast && each && outNames.length > 0)
            to.lose(
              id,
              path,
              `what ${outNames.map((one) => `\`${one}\``).join(", ")} are: the step runs once for each target`,
              "which of the results later steps read",
            );
          if (isLast && !each)
            for (const one of outNames) gives.set(one, { step: stepId, mayBeSkipped: when !== undefined });
        }
      const guarded = entered !== undefined || handlesFailure;
      const last = made.at(-1);
      reached.set(id, {
        when: entered,
        gives,
        edge: (kind) => {
          if (kind === "failed")
            return made.length === 0
              ? "never"
              : made
                  .map((one) => `steps['${one.id}'].outcome == '${one.each ? "mixed" : "failed"}'`)
                  .join(" || ");
          if (last === undefined) return entered;
          return guarded ? `steps['${last.id}'].outcome == 'executed'` : undefined;
        },
      });
      continue;
    }

    if (timeout !== undefined)
      to.lose(
        id,
        `${path}.timeout`,
        "a timeout of a step that calls nothing",
        "whether the steps in it need shorter ones",
      );
    if (type === "parallel" && out.length > 0)
      to.lose(
        id,
        path,
        "that branches run at the same time; their steps run one after the other",
        "whether the order matters, and where `needs` lets a step overtake one that waits",
      );
    if (type === "while-condition")
      to.lose(
        id,
        path,
        "the loop; its steps were drafted to run once",
        "for what list to repeat (`forEach`), and how often at most; or a schedule outside of the runbook",
      );
    if (handlesFailure)
      to.lose(
        id,
        `${path}.on_failure`,
        "what follows when the branching itself fails",
        "`onFailure` of the steps in it",
      );
    reached.set(id, { when, gives, edge: branchesOf(type, step, id, path, when, read, put, name) });
  }
  return {
    steps,
    contracts: [...contracts.values()],
    scope: [...scope.values()],
    credentials,
  };

  /** Conditions of a branching step's edges: by CEL where its condition can be said so, else by a person's answer. */
  function branchesOf(
    type: string,
    step: JsonObject,
    id: string,
    path: string,
    when: string | undefined,
    read: (variable: string, at: string) => VariableReference,
    put: (stepId: string, uses: string, given: JsonObject) => void,
    name: string,
  ): Reached["edge"] {
    const both = (condition: string) => (when === undefined ? condition : `(${when}) && ${condition}`);
    if (type === "switch-condition") {
      const on = textOf(step, "switch") ?? "";
      const variable = wholeVariable(on);
      const reference = variable === undefined ? undefined : read(variable, `${path}.switch`);
      const cases = Object.keys(isJsonObject(step.cases) ? step.cases : {});
      if (reference === undefined) {
        const question = ask(
          `Which case holds for: ${shortText(on, 1000)}? One of: ${shortText(cases.join(", "), 1000)}.`,
          { type: "string", maxLength: 300 },
        );
        to.lose(
          id,
          path,
          "what the switch reads is no variable alone; a person answers which case holds",
          "an expression instead, if one can say it",
        );
        return caseEdges(
          cases,
          `steps['${question}'].outputs.answer`,
          (one) => `steps['${question}'].outcome == 'executed' && ${one}`,
          when,
        );
      }
      const value = reference.schema.type === "string" ? reference.cel : `string(${reference.cel})`;
      return caseEdges(cases, value, both, when);
    }
    if (type !== "if-condition" && type !== "while-condition") return () => when;
    const text = textOf(step, "condition") ?? "";
    const cel = translateCondition(text, (variable) => {
      const { cel, schema } = read(variable, `${path}.condition`);
      return { cel, text: schema.type === "string" };
    });
    if (cel !== undefined)
      return (kind) =>
        kind === "true" || kind === "loop" ? both(`(${cel})`) : kind === "false" ? both(`!(${cel})`) : when;
    const question = ask(`Does this hold: ${shortText(text, 2000)}`, { type: "boolean" });
    to.lose(
      id,
      `${path}.condition`,
      "the condition goes beyond comparing variables with values; a person answers it",
      "an expression over outputs of the steps before, if one can say it",
    );
    const asked = `steps['${question}'].outcome == 'executed' && `;
    return (kind) =>
      kind === "true" || kind === "loop"
        ? `${asked}steps['${question}'].outputs.answer`
        : kind === "false"
          ? `${asked}!steps['${question}'].outputs.answer`
          : when;

    function ask(task: string, answer: JsonObject): string {
      const contractId = `${prefix}.${unique(name, contractIds)}`;
      contracts.set(
        contractId,
        draftContract(
          {
            id: contractId,
            title: shortText(textOf(step, "name") ?? "Answer a question"),
            purpose: "A person decides how the run goes on.",
            inputs: { target: { type: "string", minLength: 1, maxLength: 2000 } },
            outputs: { answer, answeredBy: { type: "string" } },
            subject: { kind: "question", from: "inputs.target" },
            sensitivity,
            activity: undefined,
          },
          draftTask(task, new Map(), ["answer"], undefined),
        ),
      );
      addScope(["question:*"]);
      put(name, `${contractId}@1.0.0`, { target: celString(slug(name, "question")) });
      return name;
    }
  }
}

function caseEdges(
  cases: readonly string[],
  value: string,
  wrap: (condition: string) => string,
  otherwise: string | undefined,
): Reached["edge"] {
  const named = cases.filter((one) => one !== "default");
  return (kind) => {
    if (kind === "case:default") return wrap(`!(${value} in [${named.map(celString).join(", ")}])`);
    return kind.startsWith("case:") ? wrap(`${value} == ${celString(kind.slice(5))}`) : otherwise;
  };
}

/** One of the edges into a step is taken; undefined when one always is. */
function conditionOf(edges: readonly Edge[], reached: ReadonlyMap<string, Reached>): string | undefined {
  const conditions = new Set<string>();
  for (const { from, kind } of edges) {
    const condition = reached.get(from)?.edge(kind);
    if (condition === undefined) return undefined;
    if (condition !== "never") conditions.add(condition);
  }
  if (conditions.size === 0) return undefined;
  return conditions.size === 1 ? [...conditions][0] : [...conditions].map((one) => `(${one})`).join(" || ");
}

/** The runbook steps before a step, on a way to it, that give a variable. */
function ancestorsOf(id: string, graph: WorkflowGraph, reached: ReadonlyMap<string, Reached>) {
  return (variable: string): { step: string; mayBeSkipped: boolean }[] =>
    [...reached].flatMap(([other, { gives }]) => {
      const source = gives.get(variable);
      return source !== undefined && graph.before.get(id)?.has(other) === true ? [source] : [];
    });
}

function typeOf(playbook: JsonObject, step: JsonObject, variable: string): string | undefined {
  for (const dictionary of [step.step_variables, playbook.playbook_variables]) {
    if (!isJsonObject(dictionary)) continue;
    const found = Object.entries(dictionary).find(([key]) => variableNamed(key) === variable)?.[1];
    if (isJsonObject(found)) return textOf(found, "type");
  }
  return undefined;
}
