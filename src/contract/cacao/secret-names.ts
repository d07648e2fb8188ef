/** Words that a secret's name ends in, with whatever stands before them: `db_password`, `accessToken`, `PGPASSWORD`. */
const ENDING =
  /(password|passwd|passphrase|passcode|secret|token|credentials?|(api|access|account|auth|encryption|master|private|secret|shared|sign(ing)?|subscription)[_-]?keys?)$/i;
/** The same for words that end others as well (`bypass`, `spin`): only as a whole word. */
const WORD =
  /(^|[_.-])(pass|pwd|pw|pin|otp|jwt|sig|auth|authorization|bearer|cookie|session|sess(ion)?[_-]?id)$/i;
/** Names that are a secret's in queries, where they are anything's elsewhere. */
const IN_QUERY = /(^|[_.-])(key|signature|code)$/i;

/** Headers that say nothing secret; drafts take only these from a playbook. */
const HARMLESS = new Set(
  (
    "accept accept-charset accept-language cache-control content-language content-type date if-match " +
    "if-modified-since if-none-match if-unmodified-since pragma prefer range user-agent x-requested-with"
  ).split(" "),
);

/** Whether a member, variable, option or environment variable of this name holds a secret. `_`, `-`, `.` part words, and so do capitals. */
export function isSecretName(name: string): boolean {
  const parted = name.slice(-200).replace(/([a-z0-9])([A-Z])/g, "$1_$2");
  return ENDING.test(parted) || WORD.test(parted);
}

/** Whether a parameter of a query or a form holds a secret. */
export function isSecretParameter(name: string): boolean {
  return isSecretName(name) || IN_QUERY.test(name.slice(-200));
}

/** Whether a header's value may stand in a draft. */
export function isHarmlessHeader(name: string): boolean {
  return HARMLESS.has(name.toLowerCase());
}

/** Whether a header's value is a secret, as far as its name tells. */
export function isSecretHeader(name: string): boolean {
  return isSecretName(name) || /(^|-)key$|auth|cookie|session|api-?key|token|secret/i.test(name);
}
