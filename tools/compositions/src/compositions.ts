import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Writable } from 'node:stream';
import { format, resolveConfig } from 'prettier';
import { encodePng, tile } from '@tessera/pictures';
import { duration, showProgress } from '@tessera/progress';
import { type Cell, cells, factsOf, type Setup, nameOf, partsOf, type Refusal } from './cell.ts';
import { pageOf } from './page.ts';
import { tryCell } from './try-cell.ts';

interface CompositionsRequest {
  readonly setup: Setup;
  /** Where the page and its pictures go. */
  readonly docs: string;
  /** Where it is noted what each picture was made of, from run to run. */
  readonly folder: string;
  /** Whether cells are trained whose pictures were made of the same already. */
  readonly fresh: boolean;
  readonly stream: Writable & { isTTY?: boolean };
  readonly print: (line: string) => void;
}

/**
 * Trains every cell that runs, one after the other, and writes the page. A picture that an earlier run made of the same is
 * left alone.
 */
export async function writeCompositions(request: CompositionsRequest): Promise<void> {
  const { setup, docs, folder, fresh, stream, print } = request;
  const notes = await pictureNotes(join(folder, 'pictures.json'));
  const verdicts = new Map<Cell, Refusal | null>();
  for (const cell of cells) verdicts.set(cell, refusalOf(cell, setup));
  const running = cells.filter((cell) => verdicts.get(cell) === null);
  await mkdir(join(docs, 'compositions'), { recursive: true });
  const progress = showProgress('compositions', { total: running.length, out: stream });
  for (const [done, cell] of running.entries()) {
    const path = join(docs, 'compositions', `${nameOf(cell)}.png`);
    const madeOf = digestOf(JSON.stringify(ingredients(cell, setup)));
    if (fresh || !(await notes.holds(path, madeOf))) {
      print(await drawCell(cell, setup, path));
      await notes.write(path, madeOf);
    }
    progress.update(done + 1, nameOf(cell));
  }
  progress.end();
  const page = join(docs, 'compositions.md');
  await writeFile(page, await formatted(pageOf(verdicts), page));
}

/** All that decides a cell's picture but the code. */
function ingredients(cell: Cell, { tokenizers, backbones, heads, recipe, seed, options, guidance, labels }: Setup) {
  const parts = [tokenizers[cell.tokenizer].madeOf, backbones[cell.backbone], heads[cell.head]];
  return [cell, parts, recipe, seed, options, guidance, labels];
}

function refusalOf(cell: Cell, setup: Setup): Refusal | null {
  const facts = factsOf(partsOf(cell, setup));
  return 'code' in facts ? facts : null;
}

/** Trains a cell and writes its picture; gives a line that says how long it took. */
async function drawCell(cell: Cell, setup: Setup, path: string): Promise<string> {
  const start = performance.now();
  const tried = await tryCell(cell, setup);
  if ('code' in tried) return `${nameOf(cell)} ${tried.sentence}`;
  await writeFile(path, await encodePng(tile(tried.images, { columns: 5, gap: 1 })));
  const [before, after] = tried.loss.map((loss) => loss.toFixed(3));
  return `${nameOf(cell)}  loss ${before} -> ${after}  ${duration((performance.now() - start) / 1000)}`;
}

/** Markdown as this repository formats it. */
export async function formatted(page: string, path: string): Promise<string> {
  return format(page, { ...(await resolveConfig(path)), parser: 'markdown' });
}

/** What pictures were made of, by their names, from run to run. */
interface PictureNotes {
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
function digestOf(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
