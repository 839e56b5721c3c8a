import { openStore } from '@tessera/store';

/** Every two hours one. */
const APART_MS = 2 * 3_600_000;

/**
 * Fills the database of a server that has ended: copies of its generations, `count` in all, the oldest weeks ago. The
 * originals become the oldest. Making so many pictures would take minutes.
 */
export async function multiplyGenerations(directory: string, count: number): Promise<void> {
  const { database, close } = await openStore({ directory });
  const now = Date.now();
  await database.query(
    `WITH original AS (SELECT *, row_number() OVER (ORDER BY ordinal) AS place, count(*) OVER () AS of FROM generation),
       copy AS (SELECT original.id AS from_id, md5(n::text)::uuid AS to_id, n FROM generate_series(1, $1::integer) n
         JOIN original ON original.place = 1 + n % original.of),
       made AS (INSERT INTO generation SELECT (jsonb_populate_record(NULL::generation, to_jsonb(one) || jsonb_build_object(
           'id', to_id, 'ordinal', nextval('generation_ordinal_seq'), 'idempotency_key', NULL,
           'created_at', to_timestamp($2::float8 / 1000 - ($1::integer - n) * $3::float8 / 1000)))).*
         FROM copy JOIN generation one ON one.id = from_id ORDER BY n),
       told AS (INSERT INTO event SELECT (jsonb_populate_record(NULL::event, to_jsonb(one)
           || jsonb_build_object('generation_id', to_id))).* FROM copy JOIN event one ON one.generation_id = from_id)
     INSERT INTO picture SELECT (jsonb_populate_record(NULL::picture, to_jsonb(one)
         || jsonb_build_object('generation_id', to_id))).* FROM copy JOIN picture one ON one.generation_id = from_id`,
    [count, now, APART_MS],
  );
  await database.query(`UPDATE generation SET created_at = $1 WHERE idempotency_key IS NOT NULL`, [
    new Date(now - count * APART_MS),
  ]);
  await close();
}
