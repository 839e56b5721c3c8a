import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';

/** What pictures were made of, by their names, from run to run. */
export interface PictureNotes {
  /** Whether the file is, byte for byte, the picture that was made of this. */
  holds(path: string, madeOf: string): Promise<boolean>;
  write(path: string, madeOf: string): Promise<void>;
}

/** Reads the notes of a file, which is written with the first of them. */
export async function pictureNotes(file: string): Promise<PictureNotes> {
  const text = await readFile(file, 'utf8').catch(() => '{}');
  const notes = new Map(Object.entries(JSON.parse(text) as Record<string, string>));
  const noteOf = async (path: string, madeOf: string): Promise<string | null> => {
    const bytes = await readFile(path).catch(() => null);
    return bytes && digestOf(`${madeOf} ${digestOf(bytes)}`);
  };
  return {
    async holds(path, madeOf) {
      const found = notes.get(basename(path));
      return found !== undefined && found === (await noteOf(path, madeOf));
    },
    async write(path, madeOf) {
      const note = await noteOf(path, madeOf);
      if (note === null) return;
      notes.set(basename(path), note);
      await writeFile(file, JSON.stringify(Object.fromEntries(notes), null, 2));
    },
  };
}

/** SHA-256 in hexadecimal digits. */
export function digestOf(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
