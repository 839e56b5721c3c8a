import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pixels } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { encodePng } from '@tessera/pictures';
import { splitImages, writeGrid } from './pictures.ts';
import type { DataSet, ShowProgress, Split } from '../data/data-set.ts';

interface WriteOptions {
  readonly out: string;
  /** The most pictures of each class in each split. */
  readonly count: number;
  readonly progress: ShowProgress;
}

/** What `writeDataFolder` has written: pictures, and the classes that they are of. */
interface WrittenFolder {
  readonly pictures: number;
  readonly classes: number;
}

const splits = ['train', 'validation', 'test'] as const;

/**
 * Writes pictures of a data set as PNG files, in a folder for each class, with `metadata.jsonl` (a line for each picture and input:
 * file, class, split, attributes, input) and `sheet.png`, a row for each class. Pictures without a class lie beside the class folders.
 * @throws TesseraError `folder-not-empty`
 */
export async function writeDataFolder(data: DataSet, { out, count, progress }: WriteOptions): Promise<WrittenFolder> {
  await requireEmpty(out);
  const rows = splits.flatMap((split) => chosen(data[split], count).map((member) => ({ split, member })));
  const folders = new Set(rows.map(({ split, member }) => folderOf(data, data[split].label_N[member]!)));
  for (const folder of folders) await mkdir(join(out, folder), { recursive: true });
  const bar = progress('data')(rows.length);
  const lines: string[] = [];
  let pictures = 0;
  for (const { split, member } of rows) {
    const label = data[split].label_N[member]!;
    const file = join(folderOf(data, label), `${split}-${String(member).padStart(6, '0')}.png`);
    await writeFile(join(out, file), await encodePng(await pixelsOf(data, data[split], member)));
    const known = {
      file_name: file,
      class: data.classes[label] ?? null,
      split,
      ...attributesOf(data, data[split], member),
    };
    const inputs = data[split].inputs?.[member] ?? [{}];
    lines.push(...inputs.map((input) => JSON.stringify({ ...known, ...(input as object) })));
    bar.update(++pictures, 'writing pictures');
  }
  bar.end();
  await writeFile(join(out, 'metadata.jsonl'), `${lines.join('\n')}\n`);
  await writeSheet(data, join(out, 'sheet.png'));
  return { pictures, classes: [...folders].filter((folder) => folder !== '.').length };
}

async function requireEmpty(out: string): Promise<void> {
  const names = await readdir(out).catch(() => []);
  if (names.length === 0) return;
  throw new TesseraError({
    code: 'folder-not-empty',
    who: out,
    got: `${names.length} entries, ${names[0]!} among them`,
    expected: 'an empty folder or a new one',
    next: 'Choose another folder with --out.',
  });
}

/** The first members of each class, at most `count` of each. */
function chosen({ label_N }: Split, count: number): number[] {
  const taken = new Map<number, number>();
  return [...label_N.keys()].filter((member) => {
    const label = label_N[member]!;
    const before = taken.get(label) ?? 0;
    taken.set(label, before + 1);
    return before < count;
  });
}

/** The name of a class as a folder; a name that could lead elsewhere, or that two systems write differently, becomes its number. */
function folderOf({ classes }: DataSet, label: number): string {
  if (label < 0) return '.';
  const name = classes[label]!;
  return /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,99}$/u.test(name) ? name : `class-${label}`;
}

async function pixelsOf({ image }: DataSet, split: Split, member: number): Promise<Pixels> {
  return splitImages(await split.read(Int32Array.of(member)), image)[0]!;
}

/** What is known of one picture: `glasses`, without its class. */
function attributesOf(
  { attributes }: DataSet,
  split: Split,
  member: number,
): { readonly attributes?: Readonly<Record<string, string>> } {
  const { attribute_NA } = split;
  if (!attributes || !attribute_NA) return {};
  const known = attributes.flatMap(({ name, values }, column) => {
    const value = attribute_NA[member * attributes.length + column]!;
    return value < 0 ? [] : [[name.slice(name.indexOf('.') + 1), values[value]!] as const];
  });
  return { attributes: Object.fromEntries(known) };
}

const COLUMNS = 16;
const MOST_ROWS = 40;

async function writeSheet(data: DataSet, path: string): Promise<void> {
  const { train, image } = data;
  const labels = [...new Set(train.label_N)].sort((a, b) => a - b).slice(0, MOST_ROWS);
  const blank: Pixels = { ...image, data: new Float32Array(image.height * image.width * image.channels).fill(1) };
  const pictures: Pixels[] = [];
  const shown = chosen(train, COLUMNS);
  for (const label of labels) {
    const own = shown.filter((member) => train.label_N[member] === label);
    for (let column = 0; column < COLUMNS; column++) {
      const member = own[column];
      pictures.push(member === undefined ? blank : await pixelsOf(data, train, member));
    }
  }
  await writeGrid(path, pictures, { columns: COLUMNS, scale: image.height < 48 ? 2 : 1 });
}
