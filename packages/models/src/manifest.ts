import { mostGuidance, type PreviewKind } from '@tessera/core';
import { PRECISIONS, type Precision } from '@tessera/engine';
import { parseJson, TesseraError } from '@tessera/errors';
import { anything, schema, type Field } from '@tessera/schema';

export interface ComponentEntry {
  /** Name of the plug-in: `vq`, `next-scale`, `next-scale-transformer`, `categorical`. */
  readonly plugin: string;
  /** npm package of a third-party plug-in, for errors. */
  readonly package?: string;
  /** The version of that package with which the model was made. */
  readonly version?: string;
  readonly config: unknown;
  readonly weights?: { readonly file: string; readonly sha256: string };
}

/** `model.json`. */
export interface ModelManifest {
  readonly format: 'tessera-model';
  readonly version: 1;
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly licence: string;
  readonly data: string;
  /** Names of the classes, in the order of their labels. */
  readonly classes: readonly string[];
  readonly tokenizer: ComponentEntry;
  readonly order: ComponentEntry;
  readonly backbone: ComponentEntry;
  readonly head: ComponentEntry;
  /** Left out: the backbone's own condition, its classes. Its weights lie among the backbone's. */
  readonly condition?: ComponentEntry;
  readonly defaults: {
    readonly guidance: { readonly kind: 'none' | 'ramp' | 'linear' | 'constant'; readonly scale: number };
    readonly options: Readonly<Record<string, unknown>>;
    readonly preview: PreviewKind;
    /** `float32` where it is left out. An engine with a precision of its own wins. */
    readonly precision?: Precision;
  };
  readonly metrics?: Readonly<Record<string, number>>;
}

/** The components that have a weight file of their own, in the order in which they are built. */
export const weightedComponents = ['tokenizer', 'backbone', 'head'] as const;
export type WeightedComponent = (typeof weightedComponents)[number];

const { choice, integer, list, number, object, optional, refine, string } = schema;

/** An object with any field names and values of one kind. */
function recordOf<T>(entry: Field<T>): Field<Readonly<Record<string, T>>> {
  const read: Field<Readonly<Record<string, T>>>['read'] = (value, place) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      object({}).read(value, place); // reports what was found
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
    options: recordOf(anything),
    preview: choice('none', 'linear', 'decoded'),
    precision: optional(choice(...PRECISIONS), undefined),
  }),
} as const;

/** Facts about the model as a whole, which no weights contain. */
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
  condition: optional(component, undefined),
  metrics: optional(recordOf(number()), undefined),
});

/**
 * Reads the bytes of a `model.json`.
 * @throws TesseraError manifest-malformed, or field-missing, field-invalid, field-unknown with the field's path
 */
export function decodeManifest(bytes: Uint8Array, who: string): ModelManifest {
  const next = 'Repair or download it again.';
  return parseManifest(parseJson(bytes, { code: 'manifest-malformed', who, expected: 'a JSON object', next }), who);
}

/** Error for a model without a `model.json`. */
export function manifestMissing(who: string, cause?: unknown): TesseraError {
  return new TesseraError({
    code: 'manifest-missing',
    who,
    got: 'no readable model.json',
    expected: 'a model folder',
    next: 'Check the path.',
    cause,
  });
}

/** Error for a component whose weight file does not exist, or is not in the manifest. */
export function weightsMissing(who: string, component: WeightedComponent, file: string | undefined): TesseraError {
  return new TesseraError({
    code: 'weights-missing',
    who,
    got: file === undefined ? `no weights for its ${component} in model.json` : `no file ${file}`,
    expected: `the weights of its ${component}`,
    next: 'Copy or download the model again.',
  });
}

/** Error for a weight file whose SHA-256 is not that of the manifest. */
export function weightsAltered(who: string, found: string, expected: string): TesseraError {
  return new TesseraError({
    code: 'weights-altered',
    who,
    got: `a file whose sha256 is ${found}`,
    expected: `${expected}, as model.json says`,
    next: 'Copy or download the model again.',
  });
}

/** Checks the value of a `model.json`. @throws TesseraError field-missing, field-invalid, field-unknown */
export function parseManifest(value: unknown, who: string): ModelManifest {
  const { metrics, tokenizer, order, backbone, head, condition, defaults, ...rest } = manifest.parse(value, who);
  return {
    ...rest,
    defaults: defaultsOf(defaults),
    version: 1,
    tokenizer: entryOf(tokenizer),
    order: entryOf(order),
    backbone: entryOf(backbone),
    head: entryOf(head),
    ...(condition && { condition: entryOf(condition) }),
    ...(metrics && { metrics }),
  };
}

/** Without the fields that were left out. */
export function defaultsOf({
  precision,
  ...rest
}: ReturnType<typeof modelFacts.parse>['defaults']): ModelManifest['defaults'] {
  return { ...rest, ...(precision && { precision }) };
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
