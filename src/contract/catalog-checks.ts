import Type, { type Static } from "typebox";
import { type DocumentKind, readDocument } from "./inspect-document.ts";
import * as word from "./vocabulary.ts";

/**
 * How contracts of a catalog were checked: `live` against a real server, or by `schema` against the vendor's own
 * machine-readable description. A mark is about one digest: a contract that changed has none until it is checked again.
 */
export const catalogChecksSchema = Type.Object(
  {
    apiVersion: word.apiVersion,
    kind: Type.Literal("CatalogChecks"),
    contracts: Type.Record(
      word.reference,
      Type.Object(
        {
          digest: word.digest,
          checked: Type.Enum(["live", "schema"]),
          /** The server or description that it was held against. */
          against: word.text,
        },
        word.closed,
      ),
      word.closed,
    ),
  },
  { ...word.closed, title: "WitnessOps catalog checks" },
);
export type CatalogChecks = Static<typeof catalogChecksSchema>;

/** What is known of how one contract was checked. */
export type CatalogCheck = CatalogChecks["contracts"][string];

const kind: DocumentKind<CatalogChecks> = { name: "catalog checks", schema: catalogChecksSchema };

/** Reads the checks of a catalog from JSON or YAML. @throws ContractError with every fault, each with path and line. */
export function parseCatalogChecks(text: string, options: { file?: string } = {}): CatalogChecks {
  return readDocument(kind, text, options);
}

/** How a contract was checked; undefined when it was not, or not as it is now. */
export function checkOf(
  checks: CatalogChecks | undefined,
  reference: string,
  digest: string,
): CatalogCheck | undefined {
  const contracts = checks?.contracts ?? {};
  const check = Object.hasOwn(contracts, reference) ? contracts[reference] : undefined;
  return check?.digest === digest ? check : undefined;
}
