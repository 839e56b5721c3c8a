import type { LinearPreview } from '@tessera/autoencoder';
import { openCheckpoint, type Checkpoint, type OpenOptions } from '@tessera/checkpoints';
import type { Engine } from '@tessera/engine';
import { printable, TesseraError } from '@tessera/errors';
import { readManifest } from '../model-folder.ts';
import { defaultsOf, type ModelManifest } from '../manifest.ts';
import { resolveParts } from '../plugins/built-in.ts';
import { saveModel } from '../save-model.ts';
import type { SavedDType, SavedTensor } from '../weight-files.ts';
import { differences, memoryWeights, mismatch, recordedShapes } from '../weights.ts';
import { checkHints, formatOfFile } from './formats.ts';
import { findState, type WeightsChoice } from './official-state.ts';
import { IMAGENET_CLASSES, imagenetNames } from './imagenet-names.ts';
import { configBeside, settingsOf } from './settings.ts';
import {
  readModelNote,
  readPreviewNote,
  type ImportHints,
  type ModelFacts,
  type Reading,
  type States,
  type TensorsWritten,
  type WeightFormat,
} from './weight-format.ts';

/** Official weights, and the title, classes and other facts of the new model folder. */
export interface ImportRequest {
  readonly engine: Engine;
  /** File of the generator's state dict, or a trainer's checkpoint that contains it. */
  readonly transformer: string;
  /** File of the tokenizer's state dict. Default: `transformer`, since a trainer's checkpoint may contain both. */
  readonly tokenizer?: string;
  /**
   * Which of several sets of weights to take. Default: the averaged ones if published samples come from such (MAR), else
   * the only ones.
   */
  readonly weights?: WeightsChoice;
  /** The same for the tokenizer's file. */
  readonly tokenizerWeights?: WeightsChoice;
  /** For objects of a file that are not on the allow-list; see `openCheckpoint`. */
  readonly unknown?: OpenOptions['unknown'];
  /** Folder to write. An existing model is replaced. */
  readonly out: string;
  readonly name: string;
  readonly title?: string;
  readonly description?: string;
  readonly licence?: string;
  readonly data?: string;
  /** Names of the classes. Default: those of the file, else ImageNet's for 1000 classes, else their numbers. */
  readonly classes?: readonly string[];
  readonly dtype?: SavedDType;
  /** Settings that the files do not contain. */
  readonly hints?: ImportHints;
  readonly written?: TensorsWritten;
}

interface ImportedModel {
  readonly manifest: ModelManifest;
  /** The family of the files: `VAR`. */
  readonly format: string;
  /** Sentences for people: settings that were assumed, and objects that were left out. */
  readonly remarks: readonly string[];
}

/**
 * Imports official weights (safetensors or PyTorch files, executing nothing) as a model folder. Names and layouts are
 * kept, every name and shape is checked, tensors that follow from the configuration are dropped, and a linear preview is
 * fitted if the files have none. Settings that shapes do not show are taken from the request and from the files (their
 * values, a `config.json` beside them), which must agree; otherwise those of the published models are assumed, and
 * `remarks` lists them. On failure nothing is left behind.
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
    transformer: findState(transformer, marks.transformer, { ...generator, settings: await settings(transformer) }),
    tokenizer: findState(tokenizer, marks.tokenizer, { ...other, settings: await settings(tokenizer) }),
  };
}

const NAMED_AS_IMAGENET = `the ${IMAGENET_CLASSES} classes are those of ImageNet, and are named so (--classes gives others)`;

function numbersTo(count: number): string[] {
  return Array.from({ length: count }, (_, label) => String(label));
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
  const names = request.classes ?? facts?.classes ?? null;
  const assumed = names === null && reading.classes === IMAGENET_CLASSES ? [NAMED_AS_IMAGENET] : [];
  const classes = names ?? (assumed.length > 0 ? await imagenetNames() : numbersTo(reading.classes));
  const manifest = manifestOf(request, { format, reading, facts, classes });
  checkClasses(states.transformer.who, manifest, reading.classes);
  checkShapes(manifest, request.engine, { states, reading });
  const config = await withPreview(manifest, request.engine, { states, reading });
  const complete = { ...manifest, tokenizer: { ...manifest.tokenizer, config } };
  const tensors = counted(reading.tensors, request.written);
  await saveModel(request.out, { manifest: complete, tensors, dtype: request.dtype ?? 'float32' });
  return { manifest: await readManifest(request.out), assumed: [...reading.assumed, ...assumed] };
}

const mostNamed = 8;

function leftOutOf({ path, leftOut }: Checkpoint): string[] {
  if (leftOut.length === 0) return [];
  const named = leftOut.map(({ name, what, runsCode }) => {
    return `${printable(name) || 'an object that it does not keep'} (${printable(what)}${runsCode ? ', which can run code in Python' : ''})`;
  });
  const more = named.length > mostNamed ? ` and ${named.length - mostNamed} more` : '';
  return [
    `${path}: left out ${named.slice(0, mostNamed).join(', ')}${more}; tensors inside were read, and nothing was run.`,
  ];
}

/** The same tensors, which report each reading. */
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

/** Only files of others are reported: an export of Tessera keeps the weights that it was given. */
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

/** The tokenizer's configuration with the preview of a file that Tessera exported, else with a fitted one. */
async function withPreview(
  manifest: ModelManifest,
  engine: Engine,
  { states: { tokenizer }, reading }: { readonly states: States; readonly reading: Reading },
): Promise<unknown> {
  const preview = readPreviewNote(tokenizer) ?? finitePreview(tokenizer.who, await fittedPreview(engine, reading));
  const { plugin, config } = resolveParts(manifest, manifest.name).tokenizer;
  return plugin.config.parse({ ...(config as object), preview }, tokenizer.who);
}

/** The weights are finite here, so decoding produced the numbers. @throws TesseraError preview-not-finite */
function finitePreview(who: string, preview: LinearPreview): LinearPreview {
  if ([...preview.weight, preview.bias].flat().every(Number.isFinite)) return preview;
  throw new TesseraError({
    code: 'preview-not-finite',
    who,
    got: 'decoded pictures of NaN, though every weight is finite',
    expected: 'a tokenizer whose pictures are finite',
    next: 'Check that the weights belong to this tokenizer, and that its settings (--groups) are right.',
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
  readonly classes: readonly string[];
}

/** The manifest, from the request, else from the notes of the file, else from the weights. */
function manifestOf(request: ImportRequest, { format, reading, facts, classes }: Sources): ModelManifest {
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
    classes,
    tokenizer: entry('tokenizer'),
    order: entry('order'),
    backbone: entry('backbone'),
    head: entry('head'),
    defaults: facts ? defaultsOf(facts.defaults) : reading.defaults,
  };
}
