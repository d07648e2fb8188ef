import type { LayerName, Verdict, ViewElement } from "../verifier/index.ts";

/** What the page asks its worker to check. Files are handed over by reference: nothing is copied. */
export interface Order {
  readonly subject: Subject;
  readonly trust: File | undefined;
  /** Issuer certificates, for a single receipt. */
  readonly certificates: readonly File[];
}

/** A bundle in a tar or a receipt; or the files of a folder by their paths in it. */
export type Subject =
  | { readonly kind: "file"; readonly name: string; readonly file: File }
  | {
      readonly kind: "folder";
      readonly name: string;
      readonly files: readonly { readonly path: string; readonly file: File }[];
    };

/** What the worker says. */
export type Answer =
  | { readonly kind: "reading"; readonly done: number; readonly total: number }
  | { readonly kind: "layer"; readonly layer: LayerName }
  | {
      readonly kind: "report";
      readonly verdict: Verdict;
      readonly view: ViewElement;
      readonly json: Blob;
      readonly html: Blob;
    }
  | {
      readonly kind: "refused";
      readonly code: string;
      readonly message: string;
      readonly hint: string | undefined;
    };
