/** The parts of JSON Schema that are shown. */
interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

/** One property of a schema, in words. */
interface SchemaRow {
  readonly name: string;
  /** What it takes: `whole number from 2 to 1024`. */
  readonly takes: string;
  /** As JSON; null where there is none, then it is required or may be left out. */
  readonly fallback: string | null;
  readonly required: boolean;
  readonly description: string | null;
}

/** The properties of an object's schema, in its order. */
export function schemaRows(schema: Readonly<Record<string, unknown>>): readonly SchemaRow[] {
  const { properties = {}, required = [] } = schema as Schema;
  return Object.entries(properties).map(([name, property]) => ({
    name,
    takes: inWords(property),
    fallback: property.default === undefined ? null : JSON.stringify(property.default),
    required: required.includes(name),
    description: property.description ?? null,
  }));
}

function inWords({ type, enum: choices, const: only, items, anyOf, ...bounds }: Schema): string {
  if (only !== undefined) return JSON.stringify(only);
  if (choices) return choices.map((choice) => JSON.stringify(choice)).join(' or ');
  if (anyOf) return anyOf.map(inWords).join(', or ');
  switch (type) {
    case 'integer':
      return `whole number${range(bounds)}`;
    case 'number':
      return `number${range(bounds)}`;
    case 'array':
      return items ? `list, each: ${inWords(items)}` : 'list';
    case 'boolean':
      return 'true or false';
    case 'string':
      return 'text';
    case 'object':
      return 'object';
    default:
      return type ?? 'any value';
  }
}

function range({
  minimum,
  exclusiveMinimum,
  maximum,
}: Pick<Schema, 'minimum' | 'exclusiveMinimum' | 'maximum'>): string {
  const from =
    minimum !== undefined ? ` from ${minimum}` : exclusiveMinimum !== undefined ? ` above ${exclusiveMinimum}` : '';
  return maximum === undefined ? from : `${from} to ${maximum}`;
}
