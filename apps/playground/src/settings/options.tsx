import type { Model } from '../api/operations.ts';
import type { Bounds } from './fields.tsx';
import type { PictureSize } from './picture-field.tsx';

/** The parts of JSON Schema that options need. */
interface JsonSchema {
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly (string | number)[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  /** Of Tessera: the field counts where others have these values. */
  readonly onlyWith?: Readonly<Record<string, string>>;
  /** Of Tessera: the text is a picture of this size. */
  readonly picture?: PictureSize;
}

export type OptionValue = number | string | boolean;

/** What belongs to one model alone. */
export interface OwnSettings {
  /** Null where the model takes none. */
  readonly guidance: number | null;
  /** By name; an option that is absent keeps the model's own value. */
  readonly options: Readonly<Record<string, OptionValue>>;
  /** What images are to show, by field, where the model has no classes. */
  readonly input?: Readonly<Record<string, OptionValue>>;
  /** Of the pictures, as `96x64`; left out, the model's own. */
  readonly size?: string;
}

interface Described {
  readonly name: string;
  readonly label: string;
  readonly help?: string;
  /** The model's own value; where there is none, the option may be left out. */
  readonly fallback?: OptionValue;
  /** Values of other fields with which it counts. */
  readonly onlyWith?: Readonly<Record<string, string>>;
}

/** One option of a model as a form shows it. */
export type OptionField = Described &
  (
    | ({ readonly kind: 'number'; readonly whole: boolean } & Bounds)
    | { readonly kind: 'choice'; readonly choices: readonly (string | number)[] }
    | { readonly kind: 'check' }
    | { readonly kind: 'text' }
    | { readonly kind: 'picture'; readonly size: PictureSize }
  );

/** The options that a form can show: numbers, choices, yes or no, and text. Others keep the model's own values. */
export function optionFields(options: Model['options']): readonly OptionField[] {
  const { properties = {} } = options as JsonSchema;
  return Object.entries(properties).flatMap(([name, property]) => {
    const kind = kindOf(property);
    return kind ? [{ ...describe(name, property), ...kind } as OptionField] : [];
  });
}

/** Whether a field counts with these values: settings of a guidance that is not chosen would change nothing. */
export function countsWith({ onlyWith = {} }: OptionField, values: OwnSettings['options']): boolean {
  return Object.entries(onlyWith).every(([name, value]) => values[name] === value);
}

/** Of options that the loop itself has. */
const titles: Readonly<Record<string, string>> = {
  guidanceBy: 'Kind of guidance',
  guidanceFrom: 'Guidance from',
  guidanceUntil: 'Guidance until',
};

/** What an option is called that has no title of its own. */
export function optionTitle(name: string): string {
  return titles[name] ?? readable(name);
}

function describe(name: string, { title, description, default: fallback, onlyWith }: JsonSchema): Described {
  return {
    name,
    label: title ?? optionTitle(name),
    ...(description !== undefined && { help: description }),
    ...(isOptionValue(fallback) && { fallback }),
    ...(onlyWith && { onlyWith }),
  };
}

function kindOf({ type, enum: choices, minimum: min, exclusiveMinimum: above, maximum: max, picture }: JsonSchema) {
  if (picture) return { kind: 'picture', size: picture };
  if (choices) return { kind: 'choice', choices };
  if (type === 'number' || type === 'integer') {
    return {
      kind: 'number',
      whole: type === 'integer',
      ...(min !== undefined && { min }),
      ...(above !== undefined && { above }),
      ...(max !== undefined && { max }),
    };
  }
  if (type === 'boolean') return { kind: 'check' };
  return type === 'string' ? { kind: 'text' } : null;
}

/** `topK` and `top-k` are both read as "Top k". */
export function readable(name: string): string {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .split(/[\s_-]+/)
    .map((word) => (/^[A-Z]{2,}$/.test(word) ? word : word.toLowerCase()))
    .join(' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** An option as the page's address writes it; what makes no sense is undefined. */
export function readOption(field: OptionField, text: string): OptionValue | undefined {
  switch (field.kind) {
    case 'number':
      return readNumber(text, field);
    case 'choice':
      return field.choices.find((choice) => String(choice) === text);
    case 'check':
      return text === 'true' || text === 'false' ? text === 'true' : undefined;
    case 'text':
    case 'picture':
      return text;
  }
}

interface Range extends Bounds {
  readonly whole?: boolean;
}

export function readNumber(
  text: string | null,
  { min = -Infinity, above = -Infinity, max = Infinity, whole = false }: Range,
): number | undefined {
  const value = text === null || text.trim() === '' ? Number.NaN : Number(text);
  return value >= min && value > above && value <= max && (!whole || Number.isInteger(value)) ? value : undefined;
}

export function isOptionValue(value: unknown): value is OptionValue {
  return typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean';
}

/** What an option takes, in words. */
export function boundsOf(field: OptionField): string {
  switch (field.kind) {
    case 'number': {
      const { min, above, max, whole } = field;
      const low = above !== undefined ? ` above ${above}` : min !== undefined ? ` from ${min}` : '';
      return `a ${whole ? 'whole ' : ''}number${low}${max === undefined ? '' : ` to ${max}`}`;
    }
    case 'choice':
      return `one of ${field.choices.join(', ')}`;
    case 'check':
      return 'true or false';
    case 'text':
      return 'a text';
    case 'picture':
      return 'a picture';
  }
}
