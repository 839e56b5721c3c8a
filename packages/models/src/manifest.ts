import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mostGuidance } from '@tessera/core';
import { schema, type Field } from '@tessera/schema';
import { parseJson, TesseraError } from '@tessera/errors';
import type { ComponentEntry, ModelManifest } from './model.ts';

/** The components that have a weight file of their own, in the order in which they are built. */
export const weightedComponents = ['tokenizer', 'backbone', 'head'] as const;
export type WeightedComponent = (typeof weightedComponents)[number];

const { choice, integer, list, number, object, optional, refine, string } = schema;

/** A plug-in's configuration, which only its own schema can judge. */
const anything: Field<unknown> = schema.field((value) => value);

/** An object of any fields, all of one kind. */
function record<T>(entry: Field<T>): Field<Readonly<Record<string, T>>> {
  const read: Field<Readonly<Record<string, T>>>['read'] = (value, place) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      object({}).read(value, place); // says what was found
      return {};
    }
    const entries = Object.entries(value).map(([name, one]) => {
      return [name, entry.read(one, { who: place.who, path: `${place.path}.${name}` })];
    });
    return Object.fromEntries(entries) as Readonly<Record<string, T>>;
  };
  return schema.field(read, { type: 'object' });
}

/** A name that stays inside the model's folder. */
const plainFile = refine(string(), (name) =>
  /^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(name) ? null : 'a plain file name inside the model folder',
);

const sha256 = refine(string(), (digest) => (/^[0-9a-f]{64}$/.test(digest) ? null : '64 hexadecimal digits'));

const component = object({
  plugin: string(),
  package: optional(string(), undefined),
  version: optional(string(), undefined),
  config: optional(anything, {}),
  weights: optional(object({ file: plainFile, sha256 }), undefined),
});

const facts = {
  title: string(),
  description: string(),
  licence: string(),
  data: string(),
  classes: list(string(), { max: 2 ** 20 }),
  defaults: object({
    guidance: object({
      kind: choice('none', 'ramp', 'linear', 'constant'),
      scale: number({ min: 0, max: mostGuidance }),
    }),
    options: record(anything),
    preview: choice('none', 'linear', 'decoded'),
  }),
} as const;

/** What a manifest says about the model as a whole: nothing of it is in any weights. */
export const modelFacts = object(facts);

const manifest = object({
  format: choice('tessera-model'),
  version: integer({ min: 1, max: 1 }),
  name: string(),
  ...facts,
  tokenizer: component,
  order: component,
  backbone: component,
  head: component,
  metrics: optional(record(number()), undefined),
});

/**
 * Reads `model.json` of a folder; nothing else is opened.
 * @throws TesseraError manifest-missing, manifest-malformed, or field-missing, field-invalid, field-unknown with the
 * field's path
 */
export async function readManifest(folder: string): Promise<ModelManifest> {
  const path = join(folder, 'model.json');
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new TesseraError({
      code: 'manifest-missing',
      who: folder,
      got: 'no readable model.json',
      expected: 'a model folder',
      next: 'Check the path.',
      cause,
    });
  }
  const next = 'Repair or download it again.';
  const json = parseJson(bytes, { code: 'manifest-malformed', who: path, expected: 'a JSON object', next });
  return parseManifest(json, path);
}

/** The same checks for a manifest that is already at hand. */
export function parseManifest(value: unknown, who: string): ModelManifest {
  const { metrics, tokenizer, order, backbone, head, ...rest } = manifest.parse(value, who);
  return {
    ...rest,
    version: 1,
    tokenizer: entryOf(tokenizer),
    order: entryOf(order),
    backbone: entryOf(backbone),
    head: entryOf(head),
    ...(metrics && { metrics }),
  };
}

type ParsedComponent = ReturnType<typeof component.parse>;

function entryOf({ plugin, package: from, version, config, weights }: ParsedComponent): ComponentEntry {
  return {
    plugin,
    ...(from !== undefined && { package: from }),
    ...(version !== undefined && { version }),
    config,
    ...(weights && { weights }),
  };
}
