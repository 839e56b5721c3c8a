/** The database's history: each entry runs once, in order, and is never changed after it has shipped. */
export const migrations: readonly string[] = [
  `CREATE TABLE generation (
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
   );`,
  `CREATE TABLE upload (
     id text PRIMARY KEY,
     height integer NOT NULL,
     width integer NOT NULL,
     created_at timestamptz NOT NULL DEFAULT now()
   );`,
];
