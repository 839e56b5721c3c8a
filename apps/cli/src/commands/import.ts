import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { schema } from '@tessera/schema';
import { createEngine } from '@tessera/targets';
import { decodeText, parseJson, printable, TesseraError } from '@tessera/errors';
import { folderName, importModel, readManifest, type ImportHints, type ImportRequest } from '@tessera/models';
import type { Arguments, Command } from '../command.ts';
import { engineOptions, readEngineOptions } from '../engine-options.ts';
import { integer, number, required } from '../numbers.ts';
import type { Progress } from '@tessera/progress';
import { requireWritable } from '../output-folder.ts';
import { shellWord } from '../shell-word.ts';
import type { Terminal } from '../terminal.ts';

export const importCommand: Command = {
  usage: '--transformer FILE [--tokenizer FILE] --out DIR',
  options: {
    transformer: {
      type: 'string',
      value: 'FILE',
      help: 'the generator: a state dict or a trainer’s checkpoint (.pth, .safetensors)',
    },
    tokenizer: { type: 'string', value: 'FILE', help: 'the tokenizer’s state dict (default: inside that same file)' },
    weights: {
      type: 'string',
      value: 'NAME',
      help: 'which set of weights in it: ema (default of MAR), model, or its place in the file',
    },
    'tokenizer-weights': { type: 'string', value: 'NAME', help: 'the same in the tokenizer’s file' },
    'skip-unknown': {
      type: 'boolean',
      help: 'leave out objects that are no tensors or plain data; nothing is executed',
    },
    out: { type: 'string', value: 'DIR', help: 'model folder to write, as models/mine' },
    name: { type: 'string', value: 'NAME', help: 'name of the model (default: the folder’s)' },
    title: { type: 'string', value: 'TEXT', help: 'one line for people' },
    licence: { type: 'string', value: 'TEXT', help: 'licence of the weights' },
    data: { type: 'string', value: 'TEXT', help: 'what the model was trained on' },
    classes: { type: 'string', value: 'FILE', help: 'names of the classes: a JSON list, or one name a line' },
    dtype: { type: 'string', value: 'T', help: 'float32 (default) or float16, half the size on disk' },
    'patch-nums': { type: 'string', value: 'LIST', help: 'sides of the scales, 1,2,3 (default: read from the file)' },
    'patch-size': { type: 'string', value: 'N', help: 'side of a token in latents (default: read from the files)' },
    heads: { type: 'string', value: 'N', help: 'attention heads, where the file cannot tell' },
    groups: {
      type: 'string',
      value: 'N',
      help: 'groups of the tokenizer’s normalisations (default: what the file says, else 32, as in the official code)',
    },
    'latent-scale': { type: 'string', value: 'X', help: 'factor from latents to tokens, where the file cannot tell' },
    'quant-resi': {
      type: 'string',
      value: 'X',
      help: 'share of phi’s convolution (default: what the file says, else 0.5)',
    },
    'using-znorm': { type: 'boolean', help: 'codes were chosen by direction alone' },
    ...engineOptions,
  },
  examples: [
    'tessera import --transformer var_d16.pth --tokenizer vae_ch160v4096z32.pth --out models/var-d16',
    'tessera import --transformer mar_base/checkpoint-last.pth --tokenizer kl16.ckpt --out models/mar-base',
    'tessera import --transformer ar-ckpt-last.pth --out models/mine --classes names.txt --dtype float16',
  ],
  positionals: [0, 0],
  run,
};

async function run({ values }: Arguments, terminal: Terminal): Promise<number> {
  const out = required('import', '--out DIR', values['out']);
  await requireWritable(out);
  const before = await replacedModel(out);
  const engine = createEngine(readEngineOptions(values));
  let progress: Progress | null = null;
  try {
    const request = await readRequest(values, out);
    const written = (tensors: number, of: number) => {
      progress ??= terminal.progress('import', of);
      progress.update(tensors, 'tensors written');
    };
    const { manifest, format, remarks } = await importModel({ ...request, engine, written });
    terminal.done();
    for (const remark of remarks) terminal.err(`Note: ${remark}`);
    if (before !== null) terminal.err(`Note: this replaces the model ${before}, which was in ${out}.`);
    // A bare name would be looked up among the models instead.
    const path = basename(out) === out ? `./${out}` : out;
    const images = resolve('out', manifest.name) === resolve(out) ? `${out}-images` : `out/${manifest.name}`;
    terminal.out(
      `${printable(manifest.name, 120)} (${format}) is in ${out}. Try: tessera generate --model ${shellWord(path)} --out ${shellWord(images)}`,
    );
    return 0;
  } finally {
    terminal.done();
    engine.dispose();
  }
}

/**
 * The name of the model that an import replaces; null where there is none. What was imported can be imported again;
 * a training may have taken hours. @throws TesseraError `model-exists`
 */
async function replacedModel(out: string): Promise<string | null> {
  if (!existsSync(join(out, 'model.json'))) return null;
  const manifest = await readManifest(out).catch(() => null);
  if (!manifest?.metrics) return manifest?.name ?? 'that cannot be read';
  throw new TesseraError({
    code: 'model-exists',
    who: 'tessera import',
    got: `${out}, which holds the trained model ${manifest.name}`,
    expected: 'a new folder',
    next: 'Choose another --out, or move the model away.',
  });
}

const nameOption = { who: 'tessera import', path: '--name' };

async function readRequest(values: Arguments['values'], out: string): Promise<Omit<ImportRequest, 'engine'>> {
  const text = (name: string) => (typeof values[name] === 'string' ? { [name]: values[name] } : {});
  const { dtype, classes } = values;
  return {
    transformer: required('import', '--transformer FILE', values['transformer']),
    out,
    name: values['name'] === undefined ? basename(resolve(out)) : folderName.read(values['name'], nameOption),
    ...text('tokenizer'),
    ...text('weights'),
    ...(typeof values['tokenizer-weights'] === 'string' ? { tokenizerWeights: values['tokenizer-weights'] } : {}),
    ...(values['skip-unknown'] === true ? { unknown: 'skip' } : {}),
    ...text('title'),
    ...text('licence'),
    ...text('data'),
    ...(dtype === undefined ? {} : { dtype: oneOf('--dtype', dtype, ['float32', 'float16']) }),
    ...(typeof classes === 'string' ? { classes: await readClasses(classes) } : {}),
    hints: readHints(values),
  };
}

function readHints(values: Arguments['values']): ImportHints {
  const { heads, groups } = values;
  const patchNums = values['patch-nums'];
  const patchSize = values['patch-size'];
  const latentScale = values['latent-scale'];
  const quantResi = values['quant-resi'];
  return {
    ...(heads === undefined ? {} : { heads: integer('--heads', heads, 1, 1024) }),
    ...(groups === undefined ? {} : { groups: integer('--groups', groups, 1, 1024) }),
    ...(patchSize === undefined ? {} : { patchSize: integer('--patch-size', patchSize, 1, 64) }),
    ...(latentScale === undefined ? {} : { latentScale: number('--latent-scale', latentScale) }),
    ...(quantResi === undefined ? {} : { quantResi: number('--quant-resi', quantResi) }),
    ...(values['using-znorm'] === true ? { usingZnorm: true } : {}),
    ...(typeof patchNums === 'string'
      ? { patchNums: patchNums.split(',').map((side) => integer('--patch-nums', side, 1, 4096)) }
      : {}),
  };
}

function oneOf<const T extends string>(option: string, value: string | boolean, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value);
  if (found !== undefined) return found;
  const got = `${option} ${String(value)}`;
  throw new TesseraError({ code: 'option', who: 'tessera', got, expected: allowed.join(' or ') });
}

/** A JSON list, or one name a line. */
async function readClasses(file: string): Promise<readonly string[]> {
  const unreadable = (got: string, cause: unknown) =>
    new TesseraError({ code: 'classes-unreadable', who: file, got, expected: 'class names', cause });
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw unreadable('no readable file', cause);
  });
  let text: string;
  try {
    text = decodeText(bytes);
  } catch (cause) {
    throw unreadable('bytes that are neither UTF-8 nor marked as UTF-16', cause);
  }
  if (!text.trimStart().startsWith('['))
    return text
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean);
  const json = parseJson(bytes, { code: 'classes-unreadable', who: file, expected: 'a JSON list of names' });
  return schema.list(schema.string()).parse(json, file);
}
