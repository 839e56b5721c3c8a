import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { format, resolveConfig } from 'prettier';
import { encodePng, tile } from '@tessera/pictures';
import { duration, showProgress } from '@tessera/progress';
import { cells, nameOf, type Cell } from './cell.ts';
import { factsOf, partsOf, type Refusal } from './cell-parts.ts';
import type { Ground } from './ground.ts';
import { pageOf } from './page.ts';
import { digestOf, pictureNotes } from './picture-notes.ts';
import { tryCell } from './try-cell.ts';

export interface CompositionsRequest {
  readonly ground: Ground;
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
  const { ground, docs, folder, fresh, stream, print } = request;
  const notes = await pictureNotes(join(folder, 'pictures.json'));
  const verdicts = new Map<Cell, Refusal | null>();
  for (const cell of cells) verdicts.set(cell, refusalOf(cell, ground));
  const running = cells.filter((cell) => verdicts.get(cell) === null);
  await mkdir(join(docs, 'compositions'), { recursive: true });
  const progress = showProgress('compositions', { total: running.length, out: stream });
  for (const [done, cell] of running.entries()) {
    const path = join(docs, 'compositions', `${nameOf(cell)}.png`);
    const madeOf = digestOf(JSON.stringify(ingredients(cell, ground)));
    if (fresh || !(await notes.holds(path, madeOf))) {
      print(await drawCell(cell, ground, path));
      await notes.write(path, madeOf);
    }
    progress.update(done + 1, nameOf(cell));
  }
  progress.end();
  const page = join(docs, 'compositions.md');
  await writeFile(page, await formatted(pageOf(verdicts), page));
}

/** All that decides a cell's picture but the code. */
function ingredients(cell: Cell, { tokenizers, backbones, heads, recipe, seed, options, guidance, labels }: Ground) {
  const parts = [tokenizers[cell.tokenizer].madeOf, backbones[cell.backbone], heads[cell.head]];
  return [cell, parts, recipe, seed, options, guidance, labels];
}

function refusalOf(cell: Cell, ground: Ground): Refusal | null {
  const facts = factsOf(partsOf(cell, ground));
  return 'code' in facts ? facts : null;
}

/** Trains a cell and writes its picture; gives a line that says how long it took. */
async function drawCell(cell: Cell, ground: Ground, path: string): Promise<string> {
  const start = performance.now();
  const tried = await tryCell(cell, ground);
  if ('code' in tried) return `${nameOf(cell)} ${tried.sentence}`;
  await writeFile(path, await encodePng(tile(tried.images, { columns: 5, gap: 1 })));
  const [before, after] = tried.loss.map((loss) => loss.toFixed(3));
  return `${nameOf(cell)}  loss ${before} -> ${after}  ${duration((performance.now() - start) / 1000)}`;
}

/** Markdown as this repository formats it. */
export async function formatted(page: string, path: string): Promise<string> {
  return format(page, { ...(await resolveConfig(path)), parser: 'markdown' });
}
