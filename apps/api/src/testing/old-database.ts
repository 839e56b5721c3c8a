import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';

/** The tables of version 0.1.0, as it has shipped. */
const tables = `
  CREATE TABLE generation (
    ordinal serial UNIQUE,
    id uuid PRIMARY KEY,
    model text NOT NULL,
    request jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('queued', 'running', 'completed', 'failed', 'canceled')),
    last_seq integer NOT NULL DEFAULT 0,
    images jsonb NOT NULL DEFAULT '[]',
    failure jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
  );
  CREATE INDEX generation_open ON generation (ordinal) WHERE state IN ('queued', 'running');
  CREATE TABLE event (
    generation_id uuid NOT NULL REFERENCES generation (id) ON DELETE CASCADE,
    seq integer NOT NULL,
    kind text NOT NULL,
    payload jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (generation_id, seq)
  );
  CREATE TABLE upload (
    id text PRIMARY KEY,
    height integer NOT NULL,
    width integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
  );
  CREATE TABLE migration (version integer PRIMARY KEY);
  INSERT INTO migration VALUES (1), (2);`;

export interface OldGeneration {
  readonly id: string;
  readonly state: 'queued' | 'running';
  readonly request: { readonly model: string };
}

/** Writes a data directory as version 0.1.0 left it. */
export async function writeOldDatabase(directory: string, generations: readonly OldGeneration[]): Promise<void> {
  mkdirSync(directory);
  const database = await PGlite.create(join(directory, 'database'));
  await database.exec(tables);
  for (const { id, state, request } of generations) {
    const sql = 'INSERT INTO generation (id, model, request, state, last_seq) VALUES ($1, $2, $3, $4, 1)';
    await database.query(sql, [id, request.model, JSON.stringify(request), state]);
    const queued = `INSERT INTO event (generation_id, seq, kind, payload) VALUES ($1, 1, 'queued', '{"position": 0}')`;
    await database.query(queued, [id]);
  }
  await database.close();
}
