/**
 * The database's history: each entry runs once, in order, and is never changed after it has shipped. Append yours at the
 * end. Replicas of the version before it still run while it is applied: it adds, and takes nothing away that they use.
 */
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
  // Images with a condition each in the place of one label each (-1 was no class).
  `UPDATE generation SET request = (request - 'labels') || jsonb_build_object('images', (
     SELECT jsonb_agg(
       jsonb_build_object('condition', CASE label WHEN '-1'
         THEN jsonb_build_object('kind', 'none')
         ELSE jsonb_build_object('kind', 'class', 'label', label)
       END) ORDER BY place)
     FROM jsonb_array_elements(request -> 'labels') WITH ORDINALITY AS one (label, place)
   ))
   WHERE request ? 'labels';`,
  `CREATE TABLE api_key (
     id uuid PRIMARY KEY,
     hash text NOT NULL UNIQUE,
     prefix text NOT NULL,
     tenant text NOT NULL CHECK (tenant <> ''),
     name text NOT NULL CHECK (name <> ''),
     admin boolean NOT NULL,
     limits jsonb NOT NULL,
     created_at timestamptz NOT NULL DEFAULT now(),
     used_at timestamptz,
     revoked_at timestamptz
   );
   CREATE UNIQUE INDEX api_key_name ON api_key (tenant, name) WHERE revoked_at IS NULL;
   CREATE TABLE server_secret (name text PRIMARY KEY, value text NOT NULL);
   CREATE TABLE quota (key varchar(255) PRIMARY KEY, points double precision NOT NULL, expire bigint);`,
  // The database becomes the queue of any number of workers. Generations of before have no batch key: each runs alone.
  // What ran then wrote no tokens, so that no worker can continue it.
  `CREATE FUNCTION tessera_now() RETURNS timestamptz LANGUAGE sql STABLE
     AS $$SELECT date_trunc('milliseconds', statement_timestamp())$$;
   ALTER TABLE generation
     ALTER COLUMN ordinal TYPE bigint,
     ADD COLUMN tenant text NOT NULL DEFAULT '',
     ADD COLUMN client text NOT NULL DEFAULT '',
     ADD COLUMN batch_key text,
     ADD COLUMN image_count integer,
     ADD COLUMN priority integer NOT NULL DEFAULT 0,
     ADD COLUMN deadline timestamptz,
     ADD COLUMN cancel_at timestamptz,
     ADD COLUMN idempotency_key text,
     ADD COLUMN retry_of uuid,
     ADD COLUMN trace text,
     ADD COLUMN attempt integer NOT NULL DEFAULT 0,
     ADD COLUMN worker text,
     ADD COLUMN cancel_asked boolean NOT NULL DEFAULT false,
     ADD COLUMN alone boolean NOT NULL DEFAULT false,
     ADD COLUMN blames integer NOT NULL DEFAULT 0,
     ADD COLUMN deaths integer NOT NULL DEFAULT 0,
     ADD COLUMN started_at timestamptz;
   ALTER SEQUENCE generation_ordinal_seq AS bigint;
   UPDATE generation SET batch_key = id::text, image_count = jsonb_array_length(request -> 'images');
   ALTER TABLE generation ALTER COLUMN batch_key SET NOT NULL, ALTER COLUMN image_count SET NOT NULL;
   ALTER TABLE generation SET (fillfactor = 80);
   CREATE UNIQUE INDEX generation_idempotency ON generation (tenant, idempotency_key) WHERE idempotency_key IS NOT NULL;
   CREATE INDEX generation_of_tenant ON generation (tenant, ordinal);
   CREATE INDEX generation_queued ON generation (ordinal) WHERE state = 'queued';
   CREATE INDEX generation_running ON generation (worker) WHERE state = 'running';
   CREATE TABLE worker (
     id text PRIMARY KEY,
     name text NOT NULL,
     started_at timestamptz NOT NULL,
     seen_at timestamptz NOT NULL,
     state jsonb NOT NULL
   );
   CREATE TABLE step_tokens (
     generation_id uuid NOT NULL REFERENCES generation (id) ON DELETE CASCADE,
     seq integer NOT NULL,
     tokens bytea NOT NULL,
     milliseconds double precision NOT NULL,
     PRIMARY KEY (generation_id, seq)
   );
   CREATE TABLE picture (
     sha256 text NOT NULL,
     tenant text NOT NULL,
     generation_id uuid REFERENCES generation (id) ON DELETE CASCADE,
     width integer,
     height integer,
     bytes bigint,
     created_at timestamptz NOT NULL DEFAULT now()
   );
   CREATE UNIQUE INDEX picture_of_generation ON picture (sha256, generation_id) WHERE generation_id IS NOT NULL;
   CREATE UNIQUE INDEX picture_of_upload ON picture (sha256, tenant) WHERE generation_id IS NULL;
   CREATE INDEX picture_by_generation ON picture (generation_id);
   INSERT INTO picture (sha256, tenant, width, height, created_at) SELECT id, '', width, height, created_at FROM upload;
   INSERT INTO picture (sha256, tenant, generation_id)
     SELECT DISTINCT sha256, '', generation_id FROM event, jsonb_array_elements_text(
       CASE kind WHEN 'completed' THEN payload -> 'images'
       WHEN 'step' THEN CASE jsonb_typeof(payload -> 'previews') WHEN 'array' THEN payload -> 'previews' ELSE '[]' END
       ELSE '[]' END) AS sha256
     WHERE sha256 IS NOT NULL;
   WITH ended AS (
     UPDATE generation SET state = 'failed', last_seq = last_seq + 1, finished_at = now(), failure = jsonb_build_object(
       'code', 'interrupted', 'message', '[api] got the end of the server while this generation was running; expected it to finish. Send the request again: the same seed gives the same images.')
     WHERE state = 'running' RETURNING id, last_seq, failure
   )
   INSERT INTO event (generation_id, seq, kind, payload) SELECT id, last_seq, 'failed', failure FROM ended;`,
  // The log of a generation is what its webhook still has to tell; jobs are done by one process at a time.
  `CREATE TABLE webhook (
     generation_id uuid PRIMARY KEY,
     tenant text NOT NULL,
     url text NOT NULL,
     kinds text[] NOT NULL,
     sent_seq integer NOT NULL DEFAULT 0,
     failures integer NOT NULL DEFAULT 0,
     next_at timestamptz NOT NULL,
     created_at timestamptz NOT NULL
   );
   CREATE INDEX webhook_due ON webhook (next_at);
   CREATE INDEX generation_finished ON generation (finished_at) WHERE finished_at IS NOT NULL;
   CREATE TABLE job (name text PRIMARY KEY, due_at timestamptz NOT NULL);`,
  // Who wrote it: null of what no worker wrote.
  'ALTER TABLE event ADD COLUMN attempt integer;',
  // How full the queue is, so that its limits hold exactly however many create at once. They share a lock: no more of them
  // can be under way than there are connections. With less room than that, only one is created at a time. A volatile
  // function counts what was committed before its locks were there, unlike the statement that calls it.
  `CREATE FUNCTION tessera_room(of_tenant text, of_client text, most bigint, most_own bigint, alone boolean, alone_own boolean,
     OUT waiting integer, OUT own integer, OUT near boolean, OUT near_own boolean)
   LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
   DECLARE
     others CONSTANT bigint := current_setting('max_connections')::bigint;
     client_key CONSTANT integer := hashtext(of_tenant || chr(31) || of_client);
   BEGIN
     alone := (alone OR most <= others) AND most > 0;
     alone_own := (alone_own OR most_own <= others) AND most_own > 0;
     IF alone THEN PERFORM pg_advisory_xact_lock(73657372, 0);
     ELSE PERFORM pg_advisory_xact_lock_shared(73657372, 0); END IF;
     IF alone_own THEN PERFORM pg_advisory_xact_lock(73657373, client_key);
     ELSE PERFORM pg_advisory_xact_lock_shared(73657373, client_key); END IF;
     SELECT count(*), count(*) FILTER (WHERE g.tenant = of_tenant AND g.client = of_client)
       INTO waiting, own FROM generation g WHERE g.state = 'queued';
     near := NOT alone AND waiting + others >= most;
     near_own := NOT alone_own AND own + others >= most_own;
   END $$;`,
];
