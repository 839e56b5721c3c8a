import {
  GraphQLEnumType,
  GraphQLInputObjectType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  isUnionType,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
} from 'graphql';

/** What a client may send: mostly wrong, and each time the same for a seed. */
export interface RandomOperation {
  readonly query: string;
  readonly operationName?: unknown;
  readonly variables?: unknown;
}

/** Numbers from 0 to 1 (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Values that clients get wrong. */
const odd = [
  'null',
  '-1',
  '1e999',
  '9007199254740993',
  '1.5',
  'true',
  '""',
  '"\\u0000"',
  '"../../etc/passwd"',
  '"__proto__"',
  '[]',
  '[[]]',
  '{}',
  '{a: 1}',
  'BLUE',
  '$unknown',
  '$v',
  '"""block"""',
];
const oddVariables: readonly unknown[] = [null, 7, 'seven', true, [], {}, [[]], { a: { b: 1 } }, '\u0000', -1, 2 ** 53];

/** Operations that are derived from a schema: some fit it, and most were damaged somewhere. `ids` are known to the server. */
export function randomOperations(schema: GraphQLSchema, ids: readonly string[], seed: number): () => RandomOperation {
  return new Generator(schema, ids, randomNumbers(seed)).operation;
}

class Generator {
  readonly #schema: GraphQLSchema;
  readonly #ids: readonly string[];
  readonly #random: () => number;
  /** Names of fields, arguments and types: what documents are damaged with. */
  readonly #names: readonly string[];

  constructor(schema: GraphQLSchema, ids: readonly string[], random: () => number) {
    this.#schema = schema;
    this.#ids = ids;
    this.#random = random;
    this.#names = Object.values(schema.getTypeMap()).flatMap((type) => [
      type.name,
      ...(isObjectType(type) ? Object.keys(type.getFields()) : []),
    ]);
  }

  readonly operation = (): RandomOperation => {
    const kind = this.#oneOf(['query', 'query', 'mutation', 'subscription', 'subscription'] as const);
    const root = {
      query: this.#schema.getQueryType(),
      mutation: this.#schema.getMutationType(),
      subscription: this.#schema.getSubscriptionType(),
    }[kind]!;
    const definitions = this.#chance(0.1)
      ? this.#oneOf(['($v: Int)', '($v: ID!)', '($v: Boolean = true)', '($v: Nothing)'])
      : '';
    const fragment = this.#chance(0.08) ? ` fragment F on ${this.#oneOf([root.name, 'Generation', 'StepEvent'])} ` : '';
    let query = `${kind} A${definitions} ${this.#selection(root, kind === 'subscription' ? 1 : 3, fragment !== '')}`;
    if (fragment) query += `${fragment}${this.#selection(root, 1, this.#chance(0.3))}`;
    if (this.#chance(0.1)) query += ` query B { ${this.#oneOf(this.#names)} }`;
    while (this.#chance(0.25)) query = this.#damaged(query);
    return { query, ...this.#around() };
  };

  /** `operationName` and `variables`. */
  #around(): Omit<RandomOperation, 'query'> {
    const operationName = this.#chance(0.1) ? this.#oneOf(['A', 'B', 'C', '', null]) : undefined;
    const variables = this.#chance(0.4) ? { v: this.#oneOf([...oddVariables, ...this.#ids, 0, 1]) } : undefined;
    return { ...(operationName !== undefined && { operationName }), ...(variables && { variables }) };
  }

  #selection(type: GraphQLNamedType, most: number, spreads: boolean, depth = 0): string {
    const fields = isObjectType(type) || isInterfaceType(type) ? Object.values(type.getFields()) : [];
    const left = [...fields];
    const parts = Array.from({ length: 1 + Math.floor(most * this.#random()) }, () => {
      if (spreads && this.#chance(0.2)) return '...F';
      if (isUnionType(type) || isInterfaceType(type)) {
        const possible = this.#oneOf(this.#schema.getPossibleTypes(type));
        if (fields.length === 0 || this.#chance(0.5)) {
          return `... on ${possible.name} ${depth < 6 ? this.#selection(possible, 3, spreads, depth + 1) : '{ __typename }'}`;
        }
      }
      const [field] = left.splice(Math.floor(left.length * this.#random()), 1);
      return field && !this.#chance(0.05) ? this.#field(field, spreads, depth) : '__typename';
    });
    return `{ ${parts.join(' ')} }`;
  }

  #field(field: GraphQLField<unknown, unknown>, spreads: boolean, depth: number): string {
    const { name, args, type } = field;
    const alias = this.#chance(0.15) ? `${this.#oneOf(['a', 'b', name])}: ` : '';
    const directive = this.#chance(0.08)
      ? this.#oneOf([' @skip(if: true)', ' @include(if: $v)', ' @skip', ' @no'])
      : '';
    const named = getNamedType(type);
    const leaf = !isObjectType(named) && !isInterfaceType(named) && !isUnionType(named);
    const below = leaf || depth > 6 ? '' : ` ${this.#selection(named, 4, spreads, depth + 1)}`;
    return `${alias}${name}${this.#arguments(args)}${directive}${below}`;
  }

  #arguments(args: readonly GraphQLArgument[]): string {
    const given = args.filter(({ type }) => isNonNullType(type) || this.#chance(0.5)).filter(() => !this.#chance(0.01));
    if (given.length === 0) return '';
    return `(${given.map(({ name, type }) => `${name}: ${this.#value(type)}`).join(', ')})`;
  }

  #value(type: GraphQLInputType, depth = 0): string {
    if (this.#chance(0.04) || depth > 5) return this.#oneOf(odd);
    if (isNonNullType(type)) return this.#value(type.ofType, depth);
    if (isListType(type)) {
      const length = this.#oneOf([0, 1, 2, this.#chance(0.05) ? 100 : 1]);
      return `[${Array.from({ length }, () => this.#value(type.ofType, depth + 1)).join(', ')}]`;
    }
    if (type instanceof GraphQLEnumType) return this.#oneOf(type.getValues()).name;
    if (type instanceof GraphQLInputObjectType) return this.#input(type, depth);
    if (type.name === 'ID' || type.name === 'String') return JSON.stringify(this.#oneOf([...this.#ids, 'x', '']));
    if (type.name === 'Boolean') return String(this.#chance(0.5));
    if (type.name === 'JSONObject') return this.#oneOf(['{}', '{steps: 1}', '{a: [{b: 1}]}', '{steps: -1}']);
    if (type.name === 'Float') return this.#oneOf(['0', '0.5', '1', '-1', '1e308']);
    return this.#oneOf(['0', '1', '2', '7', '-1', '100']);
  }

  #input(type: GraphQLInputObjectType, depth: number): string {
    const all = Object.values(type.getFields());
    const given = type.isOneOf
      ? [this.#oneOf(all)]
      : all.filter((field) => isNonNullType(field.type) || this.#chance(0.3));
    return `{${given.map((field) => `${field.name}: ${this.#value(field.type, depth + 1)}`).join(', ')}}`;
  }

  /** Cut, doubled, exchanged or mixed with another name or sign. */
  #damaged(text: string): string {
    const at = Math.floor(this.#random() * text.length);
    const end = at + 1 + Math.floor(this.#random() * 12);
    const other = this.#oneOf(['{', '}', '(', ')', '"', '@skip', '$v', '...', '!', '\u0000', '#', '\ud800', ':', ' ']);
    return this.#oneOf([
      () => text.slice(0, at),
      () => text.slice(0, at) + text.slice(end),
      () => text.slice(0, end) + text.slice(at),
      () => text.slice(0, at) + other + text.slice(at),
      () => text.replace(this.#oneOf(text.match(/\w+/g) ?? ['']), this.#oneOf(this.#names)),
      () => text.replace(this.#oneOf(text.match(/\w+/g) ?? ['']), this.#oneOf(odd)),
    ])();
  }

  #chance(part: number): boolean {
    return this.#random() < part;
  }

  #oneOf<T>(all: readonly T[]): T {
    return all[Math.floor(this.#random() * all.length)]!;
  }
}
