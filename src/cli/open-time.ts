import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { rootCertificates } from "node:tls";
import { certificatesFromPem } from "../format/pem.ts";
import { openAuthority } from "../infrastructure/tsa/open-authority.ts";
import type { TrustedTime } from "../run/trusted-time.ts";
import { readText } from "../store/document-files.ts";
import type { WorkspaceDefinitions } from "../store/workspace-definitions.ts";

/**
 * The time stamping authorities that `witnessops.yaml` names; undefined when it names none.
 *
 * @throws DefinitionsError, FormatError for a certificate file that is not one.
 */
export function openTime(definitions: WorkspaceDefinitions): TrustedTime | undefined {
  const { time, network } = definitions.workspace();
  if (time === undefined) return undefined;
  const { root } = definitions;
  const extraCa =
    network?.extraCa === undefined ? undefined : readFileSync(resolve(root, network.extraCa), "utf8");
  return {
    authorities: time.authorities.map(({ name, url, certificates }) =>
      openAuthority({
        name,
        url,
        certificates:
          certificates === undefined
            ? undefined
            : certificatesFromPem(readText(resolve(root, certificates), root)),
        ca: extraCa === undefined ? undefined : [...rootCertificates, extraCa],
      }),
    ),
    threshold: time.threshold ?? 1,
    promise: time.promise ?? false,
  };
}
