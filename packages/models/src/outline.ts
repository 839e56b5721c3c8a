import {
  checkParts,
  guidanceOf,
  lateGuidance,
  optionsOf,
  readOptions,
  type Guidance,
  type OptionParts,
  type PartFacts,
  type Parts,
  type SampleRequest,
} from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import type { GuardOptions } from '@tessera/plugin-kit';
import type { JsonSchema } from '@tessera/schema';
import type { ModelManifest } from './manifest.ts';
import type { GenerateRequest } from './model.ts';
import { resolveParts, versionRemarks, type Plugins } from './plugins/built-in.ts';
import { rowsOf } from './request-rows.ts';

/** The facts of a model that a request is checked against. */
export type Outlined = Pick<ModelOutline, 'manifest' | 'parts' | 'facts'>;

/** A model without its weights: enough to describe it, and to check requests as the model itself does. */
export interface ModelOutline {
  readonly manifest: ModelManifest;
  readonly parts: Parts;
  readonly facts: PartFacts;
  /** Sentences for people: what has changed since the model was made. */
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
  const outline = { manifest, parts, facts, remarks: versionRemarks(manifest, plugins) };
  checkDefaults(`${who} defaults`, outline);
  return outline;
}

function checkClasses(who: string, { classes }: ModelManifest, facts: PartFacts): void {
  if (classes.length === facts.condition.classes) return;
  throw new TesseraError({
    code: 'classes-mismatch',
    who,
    got: `${classes.length} class names`,
    expected: `${facts.condition.classes}, one for each class of its backbone`,
    next: 'Correct classes.',
  });
}

/** Checked once here: a request must not be refused for a default that it did not choose. */
function checkDefaults(who: string, outline: ModelOutline): void {
  readOptions(optionParts(outline), outline.manifest.defaults.options, who);
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
 * What the loop makes of a request: all that can be wrong with it is found here, but for what it edits.
 * @throws TesseraError labels-empty, label-out-of-range, seed-out-of-range, guidance-out-of-range,
 * guidance-unsupported, option-unknown, and what the schemas of the options throw
 */
export function readRequest(
  outline: Outlined,
  { labels, seed, guidance, options }: Pick<GenerateRequest, 'labels' | 'seed' | 'guidance' | 'options'>,
): Pick<SampleRequest, 'rows' | 'options' | 'guidance'> {
  const { name, defaults } = outline.manifest;
  const rows = rowsOf({ labels, seed }, { who: name, classes: outline.facts.condition.classes });
  const { loop, ...parts } = readOptions(optionParts(outline), { ...defaults.options, ...options }, name);
  return {
    rows,
    options: parts,
    guidance: lateGuidance(readGuidance(outline.manifest, guidance), loop.guidanceFrom),
  };
}

function optionParts({ parts: { order, head }, facts }: Outlined): OptionParts {
  return { order: order.plugin, head: head.plugin, ...facts };
}

function readGuidance({ name, defaults: { guidance } }: ModelManifest, scale: number | undefined): Guidance {
  if (scale === undefined || guidance.kind !== 'none') {
    return guidanceOf({ kind: guidance.kind, scale: scale ?? guidance.scale });
  }
  throw new TesseraError({
    code: 'guidance-unsupported',
    who: name,
    got: `guidance ${scale}`,
    expected: 'none: this model was made without a null class',
    next: 'Leave guidance out.',
  });
}
