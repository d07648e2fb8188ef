/** A folder that a log is published in, as static files (C2SP tlog-tiles). */
export interface LogFolder {
  /** What it is called in messages. */
  readonly name: string;
  /** A file's bytes, or undefined when there is none. @throws LogError `LOG_FOLDER`. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Writes files that appear under their names only when each is whole and synced. @throws LogError `LOG_FOLDER`. */
  write(files: readonly { readonly path: string; readonly bytes: Uint8Array }[]): Promise<void>;
  /** Removes a folder of partial tiles that a full one replaces; one that is not there is no matter. */
  remove(path: string): Promise<void>;
  /** Moves the whole folder aside, to its own name with a suffix: what it holds is of an earlier log. */
  setAside(suffix: string): Promise<void>;
  /** Keeps others, copies of the workspace too, from publishing meanwhile. @throws LogError `LOG_BUSY`, `LOG_FOLDER`. */
  lock(): Promise<() => Promise<void>>;
}
