/** The passphrase for key files, from `WITNESSOPS_KEY_PASSPHRASE`; an empty one counts as none. */
export function passphrase(): string | undefined {
  return process.env.WITNESSOPS_KEY_PASSPHRASE || undefined;
}
