import { openCheckpoint, type Checkpoint, type OpenOptions } from '@tessera/checkpoints';
import type { Engine } from '@tessera/engine';
import { printable, TesseraError } from '@tessera/errors';
import type { LinearPreview } from '@tessera/autoencoder';
import { mismatch } from '../file-weights.ts';
import { readManifest } from '../manifest.ts';
import type { ModelManifest } from '../model.ts';
import { resolveParts } from '../plugins/plugins.ts';
import { saveModel, type SavedDType, type SavedTensor } from '../save-model.ts';
import { checkHints, formatOfFile } from './formats.ts';
import { memoryWeights } from './memory-weights.ts';
import { findState, type WeightsChoice } from './official-state.ts';
import { differences, recordedShapes } from './recorded-shapes.ts';
import { configBeside, settingsOf } from './settings.ts';
import { readModelNote, readPreviewNote, type ModelFacts } from './state-notes.ts';
import type { ImportHints, Reading, States, TensorsWritten, WeightFormat } from './weight-format.ts';

/** Official weights and what the new model folder says about itself. */
export interface ImportRequest {
  readonly engine: Engine;
  /** A generator's state dict, or a trainer's checkpoint that holds one. */
  readonly transformer: string;
  /** The tokenizer's state dict; left out, the transformer's file holds it too, as a trainer's checkpoint may do. */
  readonly tokenizer?: string;
  /**
   * Which of several sets of weights to take; left out, the averaged ones where published samples come from such (MAR),
   * or the only ones.
   */
  readonly weights?: WeightsChoice;
  /** The same of the tokenizer's file. */
  readonly tokenizerWeights?: WeightsChoice;
  /** What to do with objects of a file that are not on the allow-list; see `openCheckpoint`. */
  readonly unknown?: OpenOptions['unknown'];
  /** Folder to write; a model that is there is replaced. */
  readonly out: string;
  readonly name: string;
  readonly title?: string;
  readonly description?: string;
  readonly licence?: string;
  readonly data?: string;
  /** Names of the classes; left out, those of the file, else their numbers. */
  readonly classes?: readonly string[];
  readonly dtype?: SavedDType;
  /** What the files do not tell. */
  readonly hints?: ImportHints;
  readonly written?: TensorsWritten;
}

export interface ImportedModel {
  readonly manifest: ModelManifest;
  /** The family that the files are of: `VAR`. */
  readonly format: string;
  /** Sentences for people: what was decided for lack of better. */
  readonly remarks: readonly string[];
}

/**
 * Imports official weights (safetensors or PyTorch files, executing nothing) as a model folder: names and layouts are
 * kept, every name and shape is accounted for, what follows from the configuration is left out, and a linear preview is
 * fitted where the files bring none. What shapes do not tell is taken from the request and from what the files say of
 * themselves (their settings, a `config.json` beside them), which must agree; else it is as in the published models, which
 * `remarks` tell. On failure nothing stays behind.
 * @throws TesseraError state-missing, state-ambiguous, ema-missing, plain-missing, weights-unknown, hint-unknown,
 * weights-mismatch, classes-mismatch, notes-malformed, weights-not-finite, preview-not-finite, number-out-of-range,
 * config-unreadable, field-..., the codes of the format (state-shape and others) and of the file formats
 */
export async function importModel(request: ImportRequest): Promise<ImportedModel> {
  const open = { ...(request.unknown && { unknown: request.unknown }) };
  const transformerFile = await openCheckpoint(request.transformer, open);
  let tokenizerFile: Checkpoint | null = null;
  try {
    tokenizerFile = request.tokenizer === undefined ? null : await openCheckpoint(request.tokenizer, open);
    const format = formatOfFile(transformerFile);
    checkHints(format, request.hints ?? {}, request.transformer);
    const states = await statesOf(request, format, [transformerFile, tokenizerFile ?? transformerFile]);
    const { manifest, assumed } = await importStates(request, format, states);
    const left = [transformerFile, tokenizerFile].flatMap((file) => (file ? leftOutOf(file) : []));
    const remarks = [...left, ...remarksOf(format, states), ...assumed.map(assumption)];
    return { manifest, format: format.name, remarks };
  } finally {
    await transformerFile.close();
    await tokenizerFile?.close();
  }
}

async function statesOf(
  { weights, tokenizerWeights }: ImportRequest,
  { marks, averaged }: WeightFormat,
  [transformer, tokenizer]: readonly [Checkpoint, Checkpoint],
): Promise<States> {
  const settings = async ({ path, values }: Checkpoint) => settingsOf([{ of: '', values }, await configBeside(path)]);
  const generator = { weights, option: '--weights', preferAveraged: averaged };
  const other = { weights: tokenizerWeights, option: '--tokenizer-weights', preferAveraged: false };
  return {
    transformer: findState(transformer, marks.transformer, generator, await settings(transformer)),
    tokenizer: findState(tokenizer, marks.tokenizer, other, await settings(tokenizer)),
  };
}

function assumption(what: string): string {
  return `Assumed, since the files do not say: ${what}.`;
}

async function importStates(
  request: ImportRequest,
  format: WeightFormat,
  states: States,
): Promise<{ readonly manifest: ModelManifest; readonly assumed: readonly string[] }> {
  const facts = readModelNote(states.transformer);
  const reading = await format.read(states, request.hints ?? {});
  const manifest = manifestOf(request, { format, reading, facts });
  checkClasses(states.transformer.who, manifest, reading.classes);
  checkShapes(manifest, request.engine, { states, reading });
  const config = await withPreview(manifest, request.engine, { states, reading });
  const complete = { ...manifest, tokenizer: { ...manifest.tokenizer, config } };
  const tensors = counted(reading.tensors, request.written);
  await saveModel(request.out, { manifest: complete, tensors, dtype: request.dtype ?? 'float32' });
  return { manifest: await readManifest(request.out), assumed: reading.assumed };
}

const mostNamed = 8;

function leftOutOf({ path, leftOut }: Checkpoint): string[] {
  if (leftOut.length === 0) return [];
  const named = leftOut.map(({ name, what, runsCode }) => {
    return `${printable(name) || 'something that it does not keep'} (${printable(what)}${runsCode ? ', which can run code in Python' : ''})`;
  });
  const more = named.length > mostNamed ? ` and ${named.length - mostNamed} more` : '';
  return [
    `${path}: left out ${named.slice(0, mostNamed).join(', ')}${more}; tensors inside were read, and nothing was run.`,
  ];
}

/** The same tensors, which tell when their turn comes. */
function counted(tensors: Reading['tensors'], written: TensorsWritten = () => undefined): Reading['tensors'] {
  const all = Object.values(tensors).reduce((sum, list) => sum + list.length, 0);
  let done = 0;
  const told = (list: readonly SavedTensor[]) =>
    list.map((tensor) => ({
      ...tensor,
      async values() {
        const values = await tensor.values();
        written(++done, all);
        return values;
      },
    }));
  return { tokenizer: told(tensors.tokenizer), backbone: told(tensors.backbone), head: told(tensors.head) };
}

/** An export of ours says where its weights came from; of others one cannot know. */
function remarksOf(format: WeightFormat, { transformer }: States): string[] {
  if (!format.averaged || transformer.averaged || readModelNote(transformer) !== null) return [];
  return [`${transformer.who} holds no averaged (EMA) weights: the plain ones were taken.`];
}

function checkShapes(
  manifest: ModelManifest,
  engine: Engine,
  { states, reading: { tensors } }: { readonly states: States; readonly reading: Reading },
): void {
  const asked = recordedShapes(resolveParts(manifest, manifest.name), engine);
  const shapesOf = (list: readonly SavedTensor[]) =>
    new Map(list.filter(({ buffer }) => !buffer).map(({ name, shape }) => [name, shape]));
  const transformer = differences(
    new Map([...asked.backbone, ...asked.head]),
    shapesOf([...tensors.backbone, ...tensors.head]),
  );
  if (transformer.length > 0) throw mismatch(states.transformer.who, transformer);
  const tokenizer = differences(asked.tokenizer, shapesOf(tensors.tokenizer));
  if (tokenizer.length > 0) throw mismatch(states.tokenizer.who, tokenizer);
}

/** The tokenizer's configuration with the preview of an export of ours, or one fitted anew. */
async function withPreview(
  manifest: ModelManifest,
  engine: Engine,
  { states: { tokenizer }, reading }: { readonly states: States; readonly reading: Reading },
): Promise<unknown> {
  const preview = readPreviewNote(tokenizer) ?? finitePreview(tokenizer.who, await fittedPreview(engine, reading));
  const { plugin, config } = resolveParts(manifest, manifest.name).tokenizer;
  return plugin.config.parse({ ...(config as object), preview }, tokenizer.who);
}

/** All weights are finite by now, so what is not comes of decoding. @throws TesseraError preview-not-finite */
function finitePreview(who: string, preview: LinearPreview): LinearPreview {
  if ([...preview.weight, preview.bias].flat().every(Number.isFinite)) return preview;
  throw new TesseraError({
    code: 'preview-not-finite',
    who,
    got: 'pictures of NaN on decoding, though every weight is finite',
    expected: 'a tokenizer whose pictures are finite',
    next: 'Check that the weights belong to this tokenizer, and its settings (--groups) are right.',
  });
}

async function fittedPreview(engine: Engine, { tensors, fitPreview }: Reading): Promise<LinearPreview> {
  const weights = await memoryWeights(tensors.tokenizer);
  try {
    return await fitPreview({ engine, weights });
  } finally {
    weights.dispose();
  }
}

function checkClasses(who: string, { classes }: ModelManifest, expected: number): void {
  if (classes.length === expected) return;
  throw new TesseraError({
    code: 'classes-mismatch',
    who,
    got: `${classes.length} class names`,
    expected: `${expected}, one for each class of the weights`,
    next: 'Give as many names as there are classes, or none.',
  });
}

interface Sources {
  readonly format: WeightFormat;
  readonly reading: Reading;
  readonly facts: ModelFacts | null;
}

/** What is not said is told by the weights, or left for the importer to fill in. */
function manifestOf(request: ImportRequest, { format, reading, facts }: Sources): ModelManifest {
  const { name } = request;
  const { configs } = reading;
  const entry = (part: keyof Reading['configs']) => ({ plugin: format.plugins[part], config: configs[part] });
  return {
    format: 'tessera-model',
    version: 1,
    name,
    title: request.title ?? facts?.title ?? name,
    description: request.description ?? facts?.description ?? reading.description,
    licence: request.licence ?? facts?.licence ?? 'see the source of the weights',
    data: request.data ?? facts?.data ?? 'see the source of the weights',
    classes: request.classes ?? facts?.classes ?? Array.from({ length: reading.classes }, (_, label) => String(label)),
    tokenizer: entry('tokenizer'),
    order: entry('order'),
    backbone: entry('backbone'),
    head: entry('head'),
    defaults: facts?.defaults ?? reading.defaults,
  };
}
