import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { schema } from '@tessera/schema';
import { TesseraError } from '@tessera/errors';
import { fileWeights } from '@tessera/models';
import { openJudge, type Judge, type JudgeConfig } from './judge.ts';

/** A judge that ships with Tessera, pinned by the hash of its weights: figures of different judges cannot be compared. */
export interface ShippedJudge {
  readonly name: string;
  readonly sha256: string;
  readonly judge: Judge;
  dispose(): void;
}

const { object, integer, list, string, number } = schema;
const count = integer({ min: 1 });
const card = object({
  name: string(),
  data: string(),
  config: object({ channels: count, classes: count, widths: list(count, { min: 2 }) }),
  sha256: string(),
  accuracy: number({ min: 0, max: 1 }),
});

/** @throws TesseraError `judge-unknown`, `judge-altered` */
export async function openShippedJudge(name: string): Promise<ShippedJudge> {
  const folder = new URL('../../judges/', import.meta.url);
  const text = await readFile(new URL(`${name}.json`, folder), 'utf8').catch((cause: unknown) => {
    const next = 'Train a judge of your own: judge.kind = "train".';
    throw new TesseraError({
      code: 'judge-unknown',
      who: 'training',
      got: `the judge ${name}`,
      expected: 'one that ships',
      next,
      cause,
    });
  });
  const { config, sha256 } = card.parse(JSON.parse(text), `${name}.json`);
  const path = fileURLToPath(new URL(`${name}.safetensors`, folder));
  const found = createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
  if (found !== sha256) {
    const next = 'Restore the file.';
    throw new TesseraError({ code: 'judge-altered', who: path, got: `the hash ${found}`, expected: sha256, next });
  }
  return { name, sha256, ...(await openJudgeFile(path, config)) };
}

/** Opens the weights of a judge. */
export async function openJudgeFile(path: string, config: JudgeConfig): Promise<{ judge: Judge; dispose(): void }> {
  const weights = await fileWeights(path);
  const judge = openJudge(weights, config);
  weights.finish();
  return { judge, dispose: () => weights.dispose() };
}
