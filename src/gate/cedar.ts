/** The Cedar engine, compiled to WebAssembly. Only this file names the package; a browser build swaps it here. */
export type Cedar = typeof import("@cedar-policy/cedar-wasm/nodejs");

/** Loads the engine (about 100 ms the first time): ask for it only when a policy is evaluated. */
export function loadCedar(): Promise<Cedar> {
  return import("@cedar-policy/cedar-wasm/nodejs");
}
