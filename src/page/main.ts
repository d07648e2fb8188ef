import { visibleText } from "../format/visible-text.ts";
import { chosenFolder, dropped, type NotTaken } from "./dropped.ts";
import type { Answer, Order, Subject } from "./messages.ts";
import { nodesOf } from "./nodes.ts";

const form = find("form", HTMLFormElement);
const bundleFile = find("bundle-file", HTMLInputElement);
const bundleFolder = find("bundle-folder", HTMLInputElement);
const trustFile = find("trust-file", HTMLInputElement);
const certificates = find("certificates", HTMLInputElement);
const certificatesRemove = find("certificates-remove", HTMLButtonElement);
const verifyButton = find("verify", HTMLButtonElement);
const cancelButton = find("cancel", HTMLButtonElement);
const progress = find("progress", HTMLElement);
const bar = find("bar", HTMLProgressElement);
const phase = find("phase", HTMLElement);
const status = find("status", HTMLElement);
const problem = find("problem", HTMLElement);
const downloads = find("downloads", HTMLElement);
const result = find("result", HTMLElement);

let subject: Subject | undefined;
let trust: File | undefined;
let worker: Worker | undefined;
/** One that has ended an order well and is warm for the next. */
let idle: Worker | undefined;
let saved: string[] = [];
/** How often each zone was given something: of what takes long to be read, only the newest counts. */
const given = new Map<string, number>();

const workerUrl = scriptUrl();

bundleFile.addEventListener("change", () => {
  const [file] = bundleFile.files ?? [];
  if (file !== undefined) takeSubject({ kind: "file", name: file.name, file });
});
bundleFolder.addEventListener("change", () => {
  if (bundleFolder.files !== null) takeSubject(chosenFolder(bundleFolder.files));
});
trustFile.addEventListener("change", () => takeTrust(trustFile.files?.[0]));
find("trust-remove", HTMLButtonElement).addEventListener("click", () => {
  takeTrust(undefined);
  trustFile.focus();
});
certificates.addEventListener("change", takeCertificates);
certificatesRemove.addEventListener("click", () => {
  certificates.value = "";
  takeCertificates();
  certificates.focus();
});
dropZone("bundle-drop", takeSubject);
dropZone("trust-drop", (taken) => {
  if ("kind" in taken && taken.kind === "file") takeTrust(taken.file);
  else complain("a trust file is one file");
});
// A file dropped beside a zone would replace this page.
for (const name of ["dragover", "drop"]) addEventListener(name, (event) => event.preventDefault());

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (subject !== undefined) start({ subject, trust, certificates: Array.from(certificates.files ?? []) });
});
cancelButton.addEventListener("click", () => {
  stop();
  say("Cancelled: nothing was decided.");
});

function takeSubject(taken: Subject | NotTaken): void {
  given.set("bundle-drop", (given.get("bundle-drop") ?? 0) + 1);
  // Empty again: the same file, changed meanwhile, can be chosen again.
  bundleFile.value = "";
  bundleFolder.value = "";
  if ("refused" in taken) {
    complain(taken.refused);
    return;
  }
  forget();
  subject = taken;
  verifyButton.disabled = false;
  const what =
    taken.kind === "folder"
      ? `folder, ${taken.files.length} files`
      : `${taken.file.size.toLocaleString("en")} bytes`;
  find("bundle-chosen", HTMLElement).textContent = visibleText(`${taken.name} (${what})`);
}

function takeTrust(file: File | undefined): void {
  given.set("trust-drop", (given.get("trust-drop") ?? 0) + 1);
  forget();
  trust = file;
  trustFile.value = "";
  find("trust-chosen", HTMLElement).textContent =
    file === undefined ? "None: nothing can be better than indeterminate." : visibleText(file.name);
  find("trust-remove", HTMLButtonElement).hidden = file === undefined;
}

function takeCertificates(): void {
  forget();
  certificatesRemove.hidden = (certificates.files?.length ?? 0) === 0;
}

function start(order: Order): void {
  forget();
  verifyButton.hidden = true;
  cancelButton.hidden = false;
  cancelButton.focus();
  progress.hidden = false;
  bar.removeAttribute("value");
  phase.textContent = "Starting …";
  say("Verifying.");
  const mine = idle ?? new Worker(workerUrl);
  idle = undefined;
  worker = mine;
  mine.onmessage = ({ data }: MessageEvent<Answer>) => {
    if (worker === mine) hear(data, order.subject.name);
  };
  mine.onerror = (event) => {
    event.preventDefault();
    if (worker === mine)
      hear(
        {
          kind: "refused",
          code: "UNEXPECTED",
          message: event.message || "the browser did not run the check",
          hint: undefined,
        },
        "",
      );
  };
  mine.postMessage(order);
}

function hear(answer: Answer, name: string): void {
  if (answer.kind === "reading") {
    bar.value = answer.total === 0 ? 0 : answer.done / answer.total;
    phase.textContent = `Reading and hashing: ${megabytes(answer.done)} of ${megabytes(answer.total)} MB`;
  } else if (answer.kind === "layer") {
    bar.removeAttribute("value");
    phase.textContent = `Checking: ${answer.layer}`;
  } else if (answer.kind === "refused") {
    stop();
    complain(`${answer.code}: ${answer.message}${answer.hint === undefined ? "" : ` (${answer.hint})`}`);
  } else {
    idle = worker;
    worker = undefined;
    stop();
    show(answer, name);
  }
}

function show({ verdict, view, json, html }: Answer & { kind: "report" }, name: string): void {
  result.replaceChildren(nodesOf(view));
  document.title = `${verdict}: WitnessOps verifier`;
  for (const [id, blob, end] of [
    ["save-json", json, "report.json"],
    ["save-html", html, "report.html"],
  ] as const) {
    const url = URL.createObjectURL(blob);
    saved.push(url);
    const link = find(id, HTMLAnchorElement);
    link.href = url;
    link.download = `${name.replace(/\.tar$/, "").replace(/[^A-Za-z0-9._-]/g, "_")}.${end}`;
  }
  downloads.hidden = false;
  say(`Verdict: ${verdict}.`);
  document.getElementById("verdict")?.focus();
}

/** Ends the worker; whatever it was doing is gone. */
function stop(): void {
  worker?.terminate();
  worker = undefined;
  const held = document.activeElement === cancelButton;
  progress.hidden = true;
  cancelButton.hidden = true;
  verifyButton.hidden = false;
  if (held) verifyButton.focus();
}

/** Nothing of an earlier verdict stays beside other files. */
function forget(): void {
  stop();
  result.replaceChildren();
  downloads.hidden = true;
  for (const url of saved) URL.revokeObjectURL(url);
  saved = [];
  problem.textContent = "";
  say("");
  document.title = "WitnessOps verifier";
}

function complain(message: string): void {
  forget();
  problem.textContent = message
    .split("\n")
    .map((line) => visibleText(line))
    .join("\n");
}

function say(message: string): void {
  status.textContent = message;
}

function dropZone(id: string, take: (taken: Subject | NotTaken) => void): void {
  const zone = find(id, HTMLElement);
  zone.addEventListener("dragover", () => zone.classList.add("over"));
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    zone.classList.remove("over");
    if (event.dataTransfer === null) return;
    const mine = (given.get(id) ?? 0) + 1;
    given.set(id, mine);
    dropped(event.dataTransfer.items)
      .catch((error: unknown) => ({
        refused: `the folder could not be read: ${(error as Error).message}; choose it with the button`,
      }))
      .then((taken) => {
        if (given.get(id) === mine) take(taken);
      });
  });
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toLocaleString("en", { maximumFractionDigits: 1, minimumFractionDigits: 1 });
}

/** The worker's code lies in this page as text; a browser takes a worker by address only. */
function scriptUrl(): string {
  const source = find("worker", HTMLScriptElement).textContent ?? "";
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  // The page's policy refuses every other text as code, where the browser knows such policies.
  const types = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes;
  return types?.createPolicy("witnessops-worker", { createScriptURL: () => url }).createScriptURL("") ?? url;
}

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL(text: string): string },
  ): { createScriptURL(text: string): string };
}

function find<T extends HTMLElement>(id: string, type: new () => T): T {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`the page has no ${id}`);
  return element;
}
