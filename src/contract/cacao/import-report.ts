import type { Fault, FaultCode } from "../fault.ts";

/** Something of a playbook that the draft does not keep, and what a person has to decide about it. */
export interface Loss {
  /** Id of the step or definition; of the playbook itself otherwise. */
  readonly id: string;
  /** Where it stands: `workflow["action--…"].commands[0]`. */
  readonly path: string;
  readonly lost: string;
  readonly decide: string;
}

/** A departure from the standard that a tolerant import goes on after. */
export interface Deviation {
  readonly path: string;
  readonly message: string;
}

/** What an import says beside its drafts. */
export interface ImportReport {
  /** Any of these refuses the playbook. */
  readonly faults: readonly Fault[];
  readonly deviations: readonly Deviation[];
  readonly losses: readonly Loss[];
  /** Reports what is refused in every mode. */
  refuse(path: string, message: string, code?: FaultCode): void;
  /** Reports a departure from the standard: a fault when strict, a deviation when tolerant. */
  deviate(path: string, message: string): void;
  lose(id: string, path: string, lost: string, decide: string): void;
}

const MAX_FAULTS = 100;

/** An empty report. */
export function importReport(tolerant: boolean): ImportReport {
  const faults: Fault[] = [];
  const deviations: Deviation[] = [];
  const losses: Loss[] = [];
  const refuse = (path: string, message: string, code: FaultCode = "value") => {
    if (faults.length < MAX_FAULTS) faults.push({ path, code, message });
  };
  return {
    faults,
    deviations,
    losses,
    refuse,
    deviate(path, message) {
      if (tolerant) deviations.push({ path, message });
      else refuse(path, `${message}; a tolerant import goes on`);
    },
    lose: (id, path, lost, decide) => losses.push({ id, path, lost, decide }),
  };
}
