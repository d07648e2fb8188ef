import { defaultLimits } from "../verifier/limits.ts";
import type { Subject } from "./messages.ts";

/** Why nothing could be taken. */
export type NotTaken = { readonly refused: string };

/** Deeper than any path of a bundle, which has 256 characters at most. */
const MAX_DEPTH = 128;
type Found = { path: string; file: File }[];

/** The files that a folder input holds, by their paths in the folder. */
export function chosenFolder(files: FileList): Subject | NotTaken {
  const [first] = files;
  if (first === undefined) return { refused: "the folder is empty" };
  const [name = ""] = first.webkitRelativePath.split("/");
  const inside = Array.from(files, (file) => ({
    path: file.webkitRelativePath.slice(name.length + 1),
    file,
  }));
  return { kind: "folder", name, files: inside };
}

/**
 * What was dropped: one file or one folder. Must be called while the event is handled: a browser forgets the items
 * after that. Pages that were saved to disk get no files from entries in some browsers, so that handles come first.
 */
export async function dropped(items: DataTransferItemList): Promise<Subject | NotTaken> {
  const [item, second] = Array.from(items).filter(({ kind }) => kind === "file");
  if (item === undefined || second !== undefined) return { refused: "drop one file or one folder" };
  const handle = "getAsFileSystemHandle" in item ? handleOf(item) : undefined;
  const entry = item.webkitGetAsEntry();
  const file = item.getAsFile();
  const found: Found = [];
  const directory = (await handle?.catch(() => undefined)) ?? undefined;
  if (directory?.kind === "directory") {
    await walkHandle(directory as FileSystemDirectoryHandle, "", 0, found);
    return { kind: "folder", name: directory.name, files: found };
  }
  if (entry?.isDirectory) {
    await walkEntry(entry as FileSystemDirectoryEntry, "", 0, found);
    return { kind: "folder", name: entry.name, files: found };
  }
  return file === null ? { refused: "drop one file or one folder" } : { kind: "file", name: file.name, file };
}

/** Not yet among the types of the DOM. */
type Handles = { getAsFileSystemHandle(): Promise<FileSystemHandle | null> };

function handleOf(item: DataTransferItem): Promise<FileSystemHandle | null> {
  return (item as DataTransferItem & Handles).getAsFileSystemHandle();
}

async function walkHandle(
  folder: FileSystemDirectoryHandle,
  prefix: string,
  depth: number,
  found: Found,
): Promise<void> {
  bound(depth, found);
  const children = (folder as unknown as { values(): AsyncIterable<FileSystemHandle> }).values();
  for await (const child of children) {
    const path = prefix + child.name;
    if (child.kind === "file") found.push({ path, file: await (child as FileSystemFileHandle).getFile() });
    else await walkHandle(child as FileSystemDirectoryHandle, `${path}/`, depth + 1, found);
  }
}

async function walkEntry(
  folder: FileSystemDirectoryEntry,
  prefix: string,
  depth: number,
  found: Found,
): Promise<void> {
  bound(depth, found);
  const reader = folder.createReader();
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (some.length === 0) return;
    for (const child of some) {
      const path = prefix + child.name;
      if (child.isDirectory) await walkEntry(child as FileSystemDirectoryEntry, `${path}/`, depth + 1, found);
      else {
        const file = await new Promise<File>((resolve, reject) =>
          (child as FileSystemFileEntry).file(resolve, reject),
        );
        found.push({ path, file });
      }
    }
  }
}

function bound(depth: number, found: Found): void {
  if (depth > MAX_DEPTH || found.length > defaultLimits.maxFiles)
    throw new RangeError("the folder is nested too deep or holds too many files for a bundle");
}
