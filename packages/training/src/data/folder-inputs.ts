import { readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { parseJson, TesseraError } from '@tessera/errors';
import type { Split } from './data-set.ts';
import { pickFields } from './input-fields.ts';

/** Its name in a folder of images, as `tessera data` and others write it. */
export const METADATA = 'metadata.jsonl';

/**
 * Inputs of the images of a folder, in the order of `files`: these fields of its `metadata.jsonl`, which has a JSON object a line
 * with the path of an image in the folder as `file_name`. Several lines of one image say the same in other words; an image without
 * a line has no input.
 * @throws TesseraError `inputs-missing`, `inputs-malformed`
 */
export async function readFolderInputs(
  folder: string,
  files: readonly { readonly path: string }[],
  fields: readonly string[],
): Promise<NonNullable<Split['inputs']>> {
  const rows = await readRows(join(folder, METADATA));
  return files.map(({ path }) => {
    const name = relative(folder, path).split(sep).join('/');
    return (rows.get(name) ?? []).map((row) => pickFields(row, fields));
  });
}

type Row = Readonly<Record<string, unknown>>;

async function readRows(path: string): Promise<ReadonlyMap<string, readonly Row[]>> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    const expected = 'what data.input names, a JSON object a line';
    const next = 'Write it, or remove data.input.';
    throw new TesseraError({ code: 'inputs-missing', who: path, got: 'no such file', expected, next, cause });
  });
  const rows = new Map<string, Row[]>();
  for (const [n, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const who = `${path}, line ${n + 1}`;
    const next = 'Correct the line.';
    const expected = 'a JSON object with file_name';
    const row = parseJson(new TextEncoder().encode(line), { code: 'inputs-malformed', who, expected, next });
    if (!isRow(row)) throw new TesseraError({ code: 'inputs-malformed', who, got: line.slice(0, 80), expected, next });
    const name = row.file_name.replace(/^\.\//, '');
    rows.set(name, [...(rows.get(name) ?? []), row]);
  }
  return rows;
}

function isRow(row: unknown): row is Row & { readonly file_name: string } {
  return typeof row === 'object' && row !== null && 'file_name' in row && typeof row.file_name === 'string';
}
