import {
  checkParts,
  factsAtSize,
  guidanceOf,
  guidanceWithin,
  offeredGuidances,
  openGuidance,
  optionReader,
  optionsOf,
  type Guidance,
  type GuidancePlugin,
  type OptionParts,
  type PartFacts,
  type Parts,
  type PictureSize,
  type ReadOptions,
  type SampleRequest,
} from '@tessera/core';
import { keyedRng } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import type { GuardOptions } from '@tessera/plugin-kit';
import {
  requestSchema,
  rowsOf,
  sizeField,
  sizeText,
  type Checked,
  type GenerationRequest,
  type ModelRequest,
} from '@tessera/request';
import type { Field, JsonSchema } from '@tessera/schema';
import type { ModelManifest } from './manifest.ts';
import { knownGuidances, resolveParts, versionRemarks, type Plugins } from './plugins/built-in.ts';

/** The facts of a model that a request is checked against. */
export type Outlined = Pick<ModelOutline, 'manifest' | 'parts' | 'facts' | 'guidances'>;

/** A model without its weights: enough to describe it, and to check requests as the model itself does. */
export interface ModelOutline {
  readonly manifest: ModelManifest;
  readonly parts: Parts;
  readonly facts: PartFacts;
  /** What requests may name as `guidanceBy`; empty where there is no choice. */
  readonly guidances: readonly GuidancePlugin[];
  /** Sentences for people: what has changed since the model was made, and which guidances are not offered. */
  readonly remarks: readonly string[];
}

/**
 * Finds the plug-ins of a model by name and checks that they agree and accept the model's own defaults. Opens no weights.
 * @throws TesseraError plugin-unknown, classes-mismatch, option-unknown, and what `checkParts` and the schemas of the
 * options throw
 */
export function outlineOf(
  manifest: ModelManifest,
  who: string,
  { plugins, guard }: { readonly plugins?: Partial<Plugins> | undefined; readonly guard?: GuardOptions | undefined },
): ModelOutline {
  const parts = resolveParts(manifest, who, { ...plugins, guard });
  const facts = checkParts(parts);
  checkClasses(who, manifest, facts);
  const { guidances, remarks } = guidancesOf(manifest, { parts, facts }, { ...plugins, guard });
  const outline = { manifest, parts, facts, guidances, remarks: [...versionRemarks(manifest, plugins), ...remarks] };
  checkDefaults(`${who} defaults`, outline);
  return outline;
}

/** The guidances of Tessera and of a project that requests to a model may name, and why others are not offered. */
export function guidancesOf(
  { defaults }: { readonly defaults: Pick<ModelManifest['defaults'], 'guidance'> },
  { parts, facts }: Pick<ModelOutline, 'parts' | 'facts'>,
  plugins: Partial<Plugins> = {},
): ReturnType<typeof offeredGuidances> {
  const bound = { ...optionParts({ parts, facts, guidances: [] }), head: parts.head.plugin };
  return offeredGuidances(defaults.guidance.kind, knownGuidances(plugins), bound);
}

function checkClasses(who: string, { classes }: ModelManifest, facts: PartFacts): void {
  const { name, classes: known } = facts.condition;
  if (classes.length === (known ?? 0)) return;
  throw new TesseraError({
    code: 'classes-mismatch',
    who,
    got: `${classes.length} class names`,
    expected:
      known === null ? `none: the condition ${name} has no classes` : `${known}, one for each class of its backbone`,
    next: 'Correct classes.',
  });
}

/** Checked once here: a request must not be refused for a default that it did not choose. */
function checkDefaults(who: string, outline: ModelOutline): void {
  optionReader(optionParts(outline))(outline.manifest.defaults.options, who);
}

/** An error message about a folder, with the folder if it does not name it. */
export function refusalOf(folder: string, message: string): string {
  return message.includes(folder) ? message : `${folder}: ${message}`;
}

/** The schema of a request's `options`, with the model's own choices as defaults. */
export function optionsSchema(outline: Outlined): JsonSchema {
  const { properties, ...rest } = optionsOf(optionParts(outline));
  const own = outline.manifest.defaults.options;
  const entries = Object.entries(properties).map(([name, property]) => {
    return [name, Object.hasOwn(own, name) ? { ...property, default: own[name] } : property] as const;
  });
  return { ...rest, properties: Object.fromEntries(entries) };
}

/**
 * Checks a request where it comes in; it needs no weights. A request that has passed is not checked as a whole again, in
 * this process or another. Parts that can also be called directly still guard their own values: `guidanceOf` the scale,
 * `keyedRng` seeds, backbones labels.
 * @throws TesseraError as `requestSchema` of @tessera/request
 */
export function checkRequest<R extends ModelRequest>(outline: Outlined, request: R): Checked<R> {
  const { name } = outline.manifest;
  const at = request.size ? outlineAt(outline, readSize(request.size, outline)) : outline;
  return readersOf(at).request.parse(request, name) as GenerationRequest as unknown as Checked<R>;
}

/** Options depend on the layout, so the size is read before them. */
function readSize(size: PictureSize, { manifest, facts }: Outlined): PictureSize {
  return sizeField(facts.sizes).read(size, { who: manifest.name, path: 'size' });
}

/** Outlines of other sizes by their model: the newest are kept, since each reads requests by schemas of its own. */
const otherSizes = new WeakMap<Outlined, Map<string, Outlined>>();
const MOST_SIZES = 16;

/**
 * The same model for pictures of another size; itself where none is given.
 * @throws TesseraError as `factsAtSize` of @tessera/core
 */
export function outlineAt(outline: Outlined, size: PictureSize | undefined): Outlined {
  if (!size) return outline;
  const known = otherSizes.get(outline) ?? new Map<string, Outlined>();
  otherSizes.set(outline, known);
  const key = sizeText(size);
  const found = known.get(key) ?? sizedOutline(outline, size);
  known.delete(key);
  known.set(key, found);
  const [oldest] = known.keys();
  if (known.size > MOST_SIZES) known.delete(oldest!);
  return found;
}

function sizedOutline(outline: Outlined, size: PictureSize): Outlined {
  const facts = factsAtSize(outline.parts, outline.facts, { size, who: outline.manifest.name });
  return facts === outline.facts ? outline : { ...outline, facts };
}

/** What reads the requests of a model. */
interface Readers {
  readonly request: Field<GenerationRequest>;
  readonly options: ReturnType<typeof optionReader>;
}

/** Made once for each outline: a server checks every request twice. */
const readers = new WeakMap<Outlined, Readers>();

function readersOf(outline: Outlined): Readers {
  const known = readers.get(outline);
  if (known) return known;
  const { name, defaults } = outline.manifest;
  const made = {
    options: optionReader(optionParts(outline)),
    request: requestSchema({
      name,
      condition: outline.facts.condition,
      guidance: defaults.guidance.kind,
      sizes: outline.facts.sizes,
      readOptions: (options) => readAll(outline, options),
    }),
  };
  readers.set(outline, made);
  return made;
}

/** What the sampling loop makes of a request. Options are read here, since what a schema makes of them may be no JSON. */
export function planOf(
  model: Outlined,
  request: Checked<ModelRequest>,
): Pick<SampleRequest, 'rows' | 'options' | 'guidance'> {
  const outline = outlineAt(model, request.size);
  const { loop, guidance, ...parts } = readAll(outline, request.options);
  return {
    rows: rowsOf(request),
    options: parts,
    guidance: guidanceWithin(guidanceFor(outline, request, guidance), {
      from: loop.guidanceFrom,
      until: loop.guidanceUntil,
    }),
  };
}

/** In the model's own scale, whatever the guidance. */
function guidanceFor(
  { manifest, facts: { layout, endsGuidance } }: Outlined,
  request: Checked<ModelRequest>,
  chosen: ReadOptions['guidance'],
): Guidance {
  const { kind, scale } = manifest.defaults.guidance;
  const spec = { kind, scale: request.guidance ?? scale };
  return chosen
    ? openGuidance(chosen.plugin, spec, { options: chosen.options, layout, endsGuidance })
    : guidanceOf(spec);
}

/**
 * In how many steps the images of a request are made, all at once; an edit that keeps many tokens may take fewer. It needs
 * no weights.
 */
export function stepsOf(model: Outlined, request: Checked<ModelRequest>): number {
  const outline = outlineAt(model, request.size);
  const { parts, facts } = outline;
  const { rows, options } = planOf(outline, request);
  const [row] = rows;
  const given = { rows: [row!], kept: null, rng: keyedRng([row!.seed]), options: options.order };
  const plan = parts.order.plugin.build(facts.configs.order).open(facts.layout, given);
  try {
    const [first] = plan.steps();
    return first!.of;
  } finally {
    plan.dispose();
  }
}

/** Of order, head and loop, with the model's own choices where the request makes none. */
function readAll(outline: Outlined, options: ModelRequest['options']): ReadOptions {
  const { name, defaults } = outline.manifest;
  return readersOf(outline).options(options ?? {}, name, defaults.options);
}

function optionParts({
  parts: { order, head },
  facts,
  guidances,
}: Pick<Outlined, 'parts' | 'facts' | 'guidances'>): OptionParts {
  return { order: order.plugin, head: head.plugin, ...facts, guidances };
}
