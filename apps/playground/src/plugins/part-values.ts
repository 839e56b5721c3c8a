import { word } from '../copy-as/shell-word.ts';
import { optionFields, type OptionValue } from '../settings/options.tsx';

/* What is filled into the form of a part's JSON Schema, as model.json, a command and an address write it. */

type Schema = Readonly<Record<string, unknown>>;
export type Values = Readonly<Record<string, OptionValue>>;

/** Names of the properties that a form has no field for: lists and objects are typed as JSON. */
export function typedNames(schema: Schema): readonly string[] {
  const fields = new Set(optionFields(schema).map(({ name }) => name));
  return Object.keys((schema['properties'] ?? {}) as object).filter((name) => !fields.has(name));
}

/** What each property begins with: its default, as JSON where it is typed. */
export function firstTyped(schema: Schema): Readonly<Record<string, string>> {
  const properties = (schema['properties'] ?? {}) as Readonly<Record<string, { readonly default?: unknown }>>;
  const text = (name: string) => {
    const fallback = properties[name]!.default;
    return fallback === undefined ? '' : JSON.stringify(fallback);
  };
  return Object.fromEntries(typedNames(schema).map((name) => [name, text(name)]));
}

export interface Filled {
  /** What is in the form; what is left empty is left out. */
  readonly value: Readonly<Record<string, unknown>>;
  /** A sentence for each field that cannot be taken yet. */
  readonly problems: readonly string[];
}

/** Reads the form. Whether a list or an object is what the part expects is said by the part when it reads model.json. */
export function filled(schema: Schema, values: Values, typed: Readonly<Record<string, string>>): Filled {
  const problems: string[] = [];
  const value: Record<string, unknown> = {};
  for (const name of Object.keys((schema['properties'] ?? {}) as object)) {
    const text = typed[name]?.trim();
    if (text === undefined) {
      if (values[name] !== undefined) value[name] = values[name];
    } else if (text !== '') {
      try {
        value[name] = JSON.parse(text) as unknown;
      } catch {
        problems.push(`${name} is no JSON: “${text.slice(0, 40)}”.`);
      }
    }
  }
  for (const name of (schema['required'] ?? []) as readonly string[]) {
    if (!(name in value) && problems.every((one) => !one.startsWith(`${name} `))) problems.push(`${name} is needed.`);
  }
  return { value, problems };
}

/** As `tessera generate` takes them. */
export function setFlags(values: Values): string {
  return Object.entries(values)
    .map(([name, value]) => `--set ${word(`${name}=${value}`)}`)
    .join(' ');
}

/** The address of Create with a model and these options of it. */
export function createAddress(model: string, values: Values): string {
  const entries = Object.entries(values).map(([name, value]) => [`${model}.options.${name}`, String(value)]);
  return `/?${new URLSearchParams([['model', model], ...(entries as [string, string][])])}`;
}
