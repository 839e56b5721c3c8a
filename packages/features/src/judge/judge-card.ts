import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseJson, TesseraError } from '@tessera/errors';
import { fileWeights } from '@tessera/models';
import { schema, type FieldType } from '@tessera/schema';
import { JUDGE_GROUPS, type JudgeConfig, openJudge } from './judge.ts';
import { type JudgeNetwork, judgeNetwork } from './judge-network.ts';

const { object, integer, list, string, number, optional, refine } = schema;
const count = integer({ min: 1 });

/** Channels of a judge's levels. */
export const judgeWidths = refine(list(count, { min: 2 }), (widths) =>
  widths.every((width) => width % JUDGE_GROUPS === 0)
    ? null
    : `multiples of ${JUDGE_GROUPS}, which are normalised in groups`,
);
/** Residual blocks of each level; empty for none. */
export const judgeBlocks = optional(list(integer({ min: 0 })), []);

const attributes = object({
  side: count,
  of: list(object({ name: string(), values: list(string()), label: integer({ min: 0 }) })),
});

const card = object({
  name: string(),
  data: string(),
  licence: string(),
  config: object({
    channels: count,
    classes: count,
    widths: judgeWidths,
    blocks: judgeBlocks,
    attributes: optional(attributes, undefined),
  }),
  sha256: string(),
  /** Of classes and of attributes, on test images. */
  accuracy: number({ min: 0, max: 1 }),
  attributeAccuracy: optional(number({ min: 0, max: 1 }), undefined),
});

/** What is known of a judge: a JSON file `NAME.json` beside its weights `NAME.safetensors`. */
export type JudgeCard = FieldType<typeof card>;

const JUDGES = new URL('../../judges/', import.meta.url);

/** Names of the judges that ship with Tessera. */
export async function shippedJudges(): Promise<readonly string[]> {
  const names = (await readdir(JUDGES)).filter((name) => name.endsWith('.json'));
  return names.map((name) => name.replace(/\.json$/, '')).sort();
}

/** Opens a judge that ships with Tessera. @throws TesseraError `judge-unknown`, `judge-altered` */
export async function openShippedJudge(name: string): Promise<JudgeNetwork> {
  if (!(await shippedJudges()).includes(name)) {
    throw new TesseraError({
      code: 'judge-unknown',
      who: 'features',
      got: `the judge ${name}`,
      expected: 'one that ships',
      next: 'Train your own judge: judge.kind = "train".',
    });
  }
  return openJudgeCard(fileURLToPath(new URL(`${name}.json`, JUDGES)));
}

/**
 * Opens a judge by its card, a JSON file beside its weights.
 * @throws TesseraError `judge-unknown`, `judge-malformed`, `judge-altered`, and those of fields
 */
export async function openJudgeCard(path: string): Promise<JudgeNetwork> {
  const { name, config: parsed, sha256, licence } = await readCard(path);
  const { attributes: known, blocks, ...plain } = parsed;
  const config: JudgeConfig = { ...plain, ...(blocks.length > 0 && { blocks }), ...(known && { attributes: known }) };
  const weights = weightsBeside(path);
  const found = createHash('sha256')
    .update(await read(weights))
    .digest('hex');
  if (found !== sha256) {
    const next = 'Restore the file.';
    throw new TesseraError({ code: 'judge-altered', who: weights, got: `the hash ${found}`, expected: sha256, next });
  }
  return openJudgeFile(weights, config, { name, sha256, licence });
}

async function readCard(path: string): Promise<JudgeCard> {
  const next = 'Name the card that the training of a judge wrote, judge.json.';
  const refusal = { code: 'judge-malformed', who: path, expected: "a judge's card in JSON", next };
  return card.parse(parseJson(await read(path), refusal), path);
}

function weightsBeside(path: string): string {
  return path.replace(/\.json$/, '.safetensors');
}

async function read(path: string): Promise<Uint8Array> {
  return readFile(path).catch((cause: unknown) => {
    const next = 'Check the path, or train a judge: judge.kind = "train".';
    throw new TesseraError({
      code: 'judge-unknown',
      who: path,
      got: 'no readable file',
      expected: 'a judge',
      next,
      cause,
    });
  });
}

/** Writes a judge's card beside its weights, so that it can be opened by the path of the card. */
export async function writeJudgeCard(path: string, { config, ...facts }: JudgeFacts): Promise<void> {
  await writeFile(path, `${JSON.stringify({ ...facts, config }, null, 2)}\n`);
}

/** What a judge's training knows of it. */
type JudgeFacts = Omit<JudgeCard, 'config' | 'attributeAccuracy'> & { readonly config: JudgeConfig };

/** Opens a judge with its weights from a file. */
export async function openJudgeFile(
  path: string,
  config: JudgeConfig,
  facts: Pick<JudgeNetwork, 'name' | 'sha256' | 'licence'>,
): Promise<JudgeNetwork> {
  const weights = await fileWeights(path);
  const judge = openJudge(weights, config);
  weights.finish();
  return judgeNetwork(judge, { ...facts, dispose: () => weights.dispose() });
}
