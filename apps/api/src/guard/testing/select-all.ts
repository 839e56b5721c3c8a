import {
  getNamedType,
  isAbstractType,
  isLeafType,
  isObjectType,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';

/** What a field with arguments is asked for with, by `Type.field`. */
export type Arguments = Readonly<Record<string, string>>;

/**
 * Selections that together hold every field that can be reached from a type, for tests that read all there is. Each
 * branch is a selection of its own, since an operation may hold only so much. A field with arguments that is not in
 * `given` throws.
 */
export function selectAll(schema: GraphQLSchema, type: GraphQLNamedType, given: Arguments): string[] {
  return new Selector(schema, given).of(type);
}

class Selector {
  readonly #schema: GraphQLSchema;
  readonly #given: Arguments;
  /** Types whose branches are in a selection already: elsewhere their leaves say whose they are. */
  readonly #entered = new Set<string>();

  constructor(schema: GraphQLSchema, given: Arguments) {
    this.#schema = schema;
    this.#given = given;
  }

  of(type: GraphQLNamedType): string[] {
    if (isAbstractType(type)) {
      const types = this.#schema.getPossibleTypes(type);
      return types.flatMap((one) => this.of(one).map((selection) => `__typename ... on ${one.name} { ${selection} }`));
    }
    if (!isObjectType(type)) throw new Error(`${type.name} has no fields`);
    const fields = Object.values(type.getFields());
    const leaves = fields.filter((field) => isLeafType(getNamedType(field.type)));
    const all = `__typename ${leaves.map((field) => this.#called(type, field)).join(' ')}`;
    if (this.#entered.has(type.name)) return [all];
    this.#entered.add(type.name);
    const branches = fields.filter((field) => !leaves.includes(field));
    return [all, ...branches.flatMap((field) => this.#branch(type, field))];
  }

  #branch(type: GraphQLObjectType, field: GraphQLField<unknown, unknown>): string[] {
    const name = this.#called(type, field);
    return this.of(getNamedType(field.type)).map((selection) => `__typename ${name} { ${selection} }`);
  }

  #called(type: GraphQLObjectType, field: GraphQLField<unknown, unknown>): string {
    if (field.args.length === 0) return field.name;
    const coordinate = `${type.name}.${field.name}`;
    const args = this.#given[coordinate];
    if (args === undefined) throw new Error(`${coordinate} has arguments: say which in the matrix`);
    return `${field.name}${args}`;
  }
}

/** Every `Type.field` that an answer holds, by its `__typename`s. */
export function coordinatesIn(value: unknown): Set<string> {
  const found = new Set<string>();
  const visit = (one: unknown): void => {
    if (Array.isArray(one)) return one.forEach(visit);
    if (typeof one !== 'object' || one === null) return;
    const { __typename, ...fields } = one as { readonly __typename?: string };
    for (const [name, below] of Object.entries(fields)) {
      if (__typename !== undefined) found.add(`${__typename}.${name}`);
      visit(below);
    }
  };
  visit(value);
  return found;
}
