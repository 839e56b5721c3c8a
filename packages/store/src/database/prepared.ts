import { protocol, type PGlite } from '@electric-sql/pglite';
import type { Statement } from './engine.ts';

const { serialize } = protocol;
type Message = Awaited<ReturnType<PGlite['execProtocol']>>['messages'][number];

/** A statement that PostgreSQL has planned. */
interface Prepared {
  readonly types: readonly number[];
  readonly fields: readonly { readonly name: string; readonly type: number }[];
  uses: number;
  /** It is planned again after so many uses. */
  readonly most: number;
}

/** Uses of the first plan, when the tables may be empty. */
const FIRST_USES = 32;
const MOST_USES = 4096;

/**
 * Statements by name, over the messages of PostgreSQL's protocol: PGlite's own `query` plans a statement at each call, which
 * takes ten times as long as to run it. Nothing here measures how tables grow, as a server does, so a plan is made again
 * after twice as many uses as the one before.
 */
export class PreparedStatements {
  readonly #pglite: PGlite;
  readonly #known = new Map<string, Prepared>();

  constructor(pglite: PGlite) {
    this.#pglite = pglite;
  }

  async run<R>(statement: Statement, values: readonly unknown[]): Promise<R[]> {
    const { name } = statement;
    const before = this.#known.get(name);
    const prepared = before && before.uses < before.most ? before : await this.#prepare(statement, before);
    prepared.uses += 1;
    const { serializers, parsers } = this.#pglite;
    const texts = values.map((value, i) => {
      if (value === null || value === undefined) return null;
      const write = serializers[prepared.types[i]!];
      return write ? write(value) : String(value);
    });
    const messages = await this.#send(
      serialize.bind({ statement: name, values: texts }),
      serialize.execute({}),
      serialize.sync(),
    );
    return messages.flatMap((message) => {
      if (!('fields' in message) || message.name !== 'dataRow') return [];
      const { fields } = message as unknown as { readonly fields: readonly (string | null)[] };
      return [
        Object.fromEntries(
          prepared.fields.map(({ name: field, type }, i) => {
            const text = fields[i]!;
            return [field, text === null ? null : (parsers[type]?.(text, type) ?? text)];
          }),
        ) as R,
      ];
    });
  }

  async #prepare({ name, sql }: Statement, before: Prepared | undefined): Promise<Prepared> {
    if (before) await this.#send(serialize.close({ type: 'S', name }), serialize.sync());
    this.#known.delete(name);
    const messages = await this.#send(
      serialize.parse({ name, text: sql }),
      serialize.describe({ type: 'S', name }),
      serialize.sync(),
    );
    let types: readonly number[] = [];
    let fields: Prepared['fields'] = [];
    for (const message of messages) {
      if (message.name === 'parameterDescription') {
        types = (message as unknown as { readonly dataTypeIDs: readonly number[] }).dataTypeIDs;
      } else if (message.name === 'rowDescription') {
        const { fields: described } = message as unknown as {
          readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
        };
        fields = described.map((field) => ({ name: field.name, type: field.dataTypeID }));
      }
    }
    const prepared = { types, fields, uses: 0, most: Math.min(MOST_USES, before ? 2 * before.most : FIRST_USES) };
    this.#known.set(name, prepared);
    return prepared;
  }

  /** The answers to messages that end with `sync`, after which the next statement is heard whatever went wrong. */
  async #send(...messages: readonly Uint8Array[]): Promise<readonly Message[]> {
    const answer = await this.#pglite.execProtocol(Buffer.concat(messages), { throwOnError: false });
    const error = answer.messages.find((message) => message instanceof Error);
    if (error) throw error;
    return answer.messages;
  }
}

const statementsOf = new WeakMap<PGlite, PreparedStatements>();

export function preparedOf(pglite: PGlite): PreparedStatements {
  const known = statementsOf.get(pglite) ?? new PreparedStatements(pglite);
  statementsOf.set(pglite, known);
  return known;
}
