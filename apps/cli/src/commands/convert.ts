import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { choice, flag, given, integer, integers, number, text, type Arguments } from '@tessera/command-line';
import { schema } from '@tessera/schema';
import { decodeText, parseJson, printable, TesseraError } from '@tessera/errors';
import { exportModel, findModel, folderName, importModel, readManifest, type ImportRequest } from '@tessera/models';
import type { Progress } from '@tessera/progress';
import { createEngine } from '@tessera/targets';
import { engineOptions, readEngineOptions, requireWritable } from '../common-options.ts';
import { shellWord, type Terminal } from '../terminal.ts';
import type { Command } from '../command.ts';

const importOptions = {
  transformer: text({
    value: 'FILE',
    required: true,
    help: 'the generator: a state dict or a trainer’s checkpoint (.pth, .safetensors)',
  }),
  tokenizer: text({ value: 'FILE', help: 'the tokenizer’s state dict (default: in the same file)' }),
  weights: text({
    value: 'NAME',
    help: 'which set of weights of that file: ema (default of MAR), model, or its place in the file',
  }),
  tokenizerWeights: text({ value: 'NAME', help: 'which set of weights of the tokenizer’s file' }),
  skipUnknown: flag('leave out objects that are not tensors or plain data; nothing is executed'),
  out: text({ value: 'DIR', required: true, help: 'model folder to write, as models/mine' }),
  name: text({ value: 'NAME', help: 'name of the model (default: the folder’s)' }),
  title: text({ value: 'TEXT', help: 'one line for people' }),
  licence: text({ value: 'TEXT', help: 'licence of the weights' }),
  data: text({ value: 'TEXT', help: 'what the model was trained on' }),
  classes: text({ value: 'FILE', help: 'names of the classes: a JSON list, or one name per line' }),
  dtype: choice({
    value: 'T',
    of: ['float32', 'float16'],
    help: 'float32 (default) or float16, half the size on disk',
  }),
  patchNums: integers({
    value: 'LIST',
    from: 1,
    to: 4096,
    help: 'sides of the scales, 1,2,3 (default: read from the file)',
  }),
  patchSize: integer({
    value: 'N',
    from: 1,
    to: 64,
    help: 'side of a token in latents (default: read from the files)',
  }),
  heads: integer({ value: 'N', from: 1, to: 1024, help: 'attention heads, where the file does not tell' }),
  groups: integer({
    value: 'N',
    from: 1,
    to: 1024,
    help: 'groups of the tokenizer’s normalisations (default: what the file says, or 32, as in the official code)',
  }),
  latentScale: number({ value: 'X', help: 'factor from latents to tokens, where the file does not tell' }),
  quantResi: number({ value: 'X', help: 'share of phi’s convolution (default: what the file says, or 0.5)' }),
  usingZnorm: flag('codes were chosen by their direction only'),
  ...engineOptions,
} as const;

export const importCommand: Command<typeof importOptions> = {
  usage: '--transformer FILE [--tokenizer FILE] --out DIR [OPTIONS]',
  options: importOptions,
  examples: [
    'tessera import --transformer var_d16.pth --tokenizer vae_ch160v4096z32.pth --out models/var-d16',
    'tessera import --transformer mar_base/checkpoint-last.pth --tokenizer kl16.ckpt --out models/mar-base',
    'tessera import --transformer ar-ckpt-last.pth --out models/mine --classes names.txt --dtype float16',
  ],
  run: runImport,
};

const exportOptions = {
  out: text({
    value: 'DIR',
    required: true,
    help: 'folder for the official state dicts, one of the generator and one of the tokenizer',
  }),
};

export const exportCommand: Command<typeof exportOptions> = {
  positionals: { usage: 'MODEL', least: 1, most: 1 },
  options: exportOptions,
  examples: ['tessera export digits-var --out official', 'tessera export models/mar-base --out official'],
  async run({ positionals: [name], values: { out } }, terminal) {
    const { folder } = findModel(name!);
    await requireWritable(out);
    const { transformer, tokenizer } = await exportModel(folder, out, tensorProgress('export', terminal));
    terminal.done();
    terminal.out(`Official names and layouts: ${transformer}, ${tokenizer}`);
    return 0;
  },
};

/** Shows how many tensors have been written. */
function tensorProgress(label: string, terminal: Terminal): (tensors: number, of: number) => void {
  let progress: Progress | null = null;
  return (tensors, of) => {
    progress ??= terminal.progress(label, of);
    progress.update(tensors, 'tensors written');
  };
}

type ImportValues = Arguments<typeof importOptions>['values'];

async function runImport({ values }: Arguments<typeof importOptions>, terminal: Terminal): Promise<number> {
  const { out } = values;
  await requireWritable(out);
  const before = await replacedModel(out);
  const engine = createEngine(readEngineOptions(values));
  try {
    const request = await readImport(values);
    const written = tensorProgress('import', terminal);
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

async function readImport(values: ImportValues): Promise<Omit<ImportRequest, 'engine'>> {
  const { transformer, tokenizer, weights, tokenizerWeights, out, name, title, licence, data, dtype, classes } = values;
  const { heads, groups, patchNums, patchSize, latentScale, quantResi, usingZnorm } = values;
  return {
    transformer,
    out,
    name: name === undefined ? basename(resolve(out)) : folderName.read(name, nameOption),
    ...given({ tokenizer, weights, tokenizerWeights, title, licence, data, dtype }),
    ...(values.skipUnknown && { unknown: 'skip' }),
    ...(classes !== undefined && { classes: await readClasses(classes) }),
    hints: {
      ...given({ heads, groups, patchNums, patchSize, latentScale, quantResi }),
      ...(usingZnorm && { usingZnorm }),
    },
  };
}

/** A JSON list, or one name per line. */
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
