import type { Timings } from '@tessera/host';
import type { GenerationRequest } from '@tessera/request';
import type { Database } from '../storage/database.ts';

export type GenerationState = 'queued' | 'running' | 'completed' | 'failed' | 'canceled';

/** Why something did not work, as data. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** One generation as stored. */
export interface Generation {
  readonly id: string;
  /** As it was checked when it was accepted. */
  readonly request: GenerationRequest;
  readonly state: GenerationState;
  /** Number of its newest event. */
  readonly lastSeq: number;
  /** SHA-256 of each finished image's PNG. */
  readonly images: readonly string[];
  readonly failure: Failure | null;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
}

/** What an event says. Pictures are SHA-256 of stored PNGs, never bytes. */
export type EventBody =
  | { readonly kind: 'queued'; readonly position: number }
  | { readonly kind: 'started' }
  | {
      readonly kind: 'step';
      readonly index: number;
      readonly of: number;
      /** One list per image, empty for images of another batch, or a single list that holds for all. */
      readonly positions: readonly (readonly number[])[];
      /** Null for images of another batch. */
      readonly previews: readonly (string | null)[] | null;
      readonly milliseconds: number;
    }
  | { readonly kind: 'completed'; readonly images: readonly string[]; readonly timings: Timings }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | { readonly kind: 'canceled' };

/** An event with its place in the log: `seq` counts from 1 without gaps. */
export type GenerationEvent = EventBody & { readonly seq: number; readonly at: Date };

/** True for the kinds of which every generation gets exactly one, at its end. */
export function isLast(kind: EventBody['kind']): boolean {
  return kind === 'completed' || kind === 'failed' || kind === 'canceled';
}

interface GenerationRow {
  readonly id: string;
  readonly request: GenerationRequest;
  readonly state: GenerationState;
  readonly last_seq: number;
  readonly images: readonly string[];
  readonly failure: Failure | null;
  readonly created_at: Date;
  readonly finished_at: Date | null;
}

interface EventRow {
  readonly seq: number;
  readonly kind: EventBody['kind'];
  readonly payload: Record<string, unknown>;
  readonly at: Date;
}

/** Which state an event leaves its generation in. */
const stateAfter: Record<EventBody['kind'], GenerationState> = {
  queued: 'queued',
  started: 'running',
  step: 'running',
  completed: 'completed',
  failed: 'failed',
  canceled: 'canceled',
};

/** Generations and their events. Every stream is read from here. */
export interface EventLog {
  /** Writes a generation and its `queued` event together. After an error it may be there or not. */
  create(id: string, request: GenerationRequest): Promise<Generation>;
  /** Adds an event and the state it brings; false when the generation has already ended, or is not there. */
  append(id: string, body: EventBody): Promise<boolean>;
  find(id: string): Promise<Generation | null>;
  newest(count: number): Promise<Generation[]>;
  /** Queued and running ones, oldest first. */
  unfinished(): Promise<Generation[]>;
  eventsAfter(id: string, seq: number): Promise<GenerationEvent[]>;
}

export function eventLog(database: Database): EventLog {
  const generations = async (sql: string, values: readonly unknown[] = []) => {
    const { rows } = await database.query<GenerationRow>(`SELECT * FROM generation ${sql}`, values);
    return rows.map(toGeneration);
  };
  return {
    async create(id, request) {
      const { rows } = await database.query<GenerationRow>(createSql, [id, request.model, JSON.stringify(request)]);
      return toGeneration(rows[0]!);
    },
    async append(id, body) {
      const { rows } = await database.query(appendSql, appendValues(id, body));
      return rows.length > 0;
    },
    find: async (id) => (isUuid(id) ? ((await generations('WHERE id = $1', [id]))[0] ?? null) : null),
    newest: (count) => generations('ORDER BY ordinal DESC LIMIT $1', [count]),
    unfinished: () => generations("WHERE state IN ('queued', 'running') ORDER BY ordinal"),
    async eventsAfter(id, seq) {
      const sql = 'SELECT seq, kind, payload, at FROM event WHERE generation_id = $1 AND seq > $2 ORDER BY seq';
      const { rows } = await database.query<EventRow>(sql, [id, seq]);
      return rows.map(({ payload, ...row }) => ({ ...payload, ...row }) as GenerationEvent);
    },
  };
}

const createSql = `
  WITH made AS (
    INSERT INTO generation (id, model, request, state, last_seq) VALUES ($1, $2, $3, 'queued', 1) RETURNING *
  ), ahead AS (
    SELECT count(*)::int AS position FROM generation WHERE state IN ('queued', 'running')
  ), told AS (
    INSERT INTO event (generation_id, seq, kind, payload)
    SELECT id, 1, 'queued', jsonb_build_object('position', position) FROM made, ahead
  )
  SELECT * FROM made`;

/** One statement, so that state and event change together and an ended generation takes nothing more. */
const appendSql = `
  WITH moved AS (
    UPDATE generation
    SET state = $2, last_seq = last_seq + 1, images = coalesce($3, images), failure = $4,
        finished_at = CASE WHEN $2 IN ('completed', 'failed', 'canceled') THEN clock_timestamp() END
    WHERE id = $1 AND state IN ('queued', 'running')
    RETURNING id, last_seq
  )
  INSERT INTO event (generation_id, seq, kind, payload) SELECT id, last_seq, $5, $6 FROM moved
  RETURNING seq`;

function appendValues(id: string, { kind, ...payload }: EventBody): unknown[] {
  const images = 'images' in payload ? JSON.stringify(payload.images) : null;
  const failure = 'code' in payload ? JSON.stringify(payload) : null;
  return [id, stateAfter[kind], images, failure, kind, JSON.stringify(payload)];
}

function toGeneration(row: GenerationRow): Generation {
  const { id, request, state, images, failure } = row;
  const { last_seq: lastSeq, created_at: createdAt, finished_at: finishedAt } = row;
  return { id, request, state, lastSeq, images, failure, createdAt, finishedAt };
}

function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}
