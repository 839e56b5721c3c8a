/** A JSON Schema (draft 2020-12), as far as forms and help texts read it. */
export interface JsonSchema {
  readonly type?: 'number' | 'integer' | 'boolean' | 'string' | 'array' | 'object';
  readonly description?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly string[];
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  /** Fields that may not be left out. */
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
  /** An annotation of Tessera's: the field counts where others of the same object have these values. */
  readonly onlyWith?: Readonly<Record<string, string>>;
  /** The string is a picture of this size: see `pictureField`. No keyword of JSON Schema, which others pass over. */
  readonly picture?: { readonly height: number; readonly width: number; readonly channels: number };
}

/** Checks untrusted JSON and returns it typed, or throws a TesseraError that names the field. */
export interface Schema<T> {
  parse(value: unknown, who: string): T;
  /** What it accepts, for forms and help texts; `parse` alone decides. */
  readonly json: JsonSchema;
}
