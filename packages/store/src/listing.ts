import { TesseraError } from '@tessera/errors';
import { imagesOfClasses } from '@tessera/request';
import type { Engine } from './database/engine.ts';
import { generationColumns, toGeneration, type GenerationRow } from './rows.ts';
import type { GenerationFilter, GenerationRecords, Page, PageRequest } from './store.ts';

type Row = GenerationRow & { readonly cursor: string };

/** Pages in the order in which generations were accepted: their ordinal, which no two share, is the cursor. */
export function listing(engine: Engine): Pick<GenerationRecords, 'list' | 'count'> {
  const rowsOf = async <R>(sql: string, values: readonly unknown[]) => (await engine.query<R>(sql, values)).rows;
  const hasAny = async (filter: GenerationFilter, side: string, ordinal: string) => {
    const { where, values } = whereOf(filter);
    const sql = `SELECT FROM generation g WHERE ${where} AND ordinal ${side} $${values.length + 1} LIMIT 1`;
    return (await rowsOf(sql, [...values, ordinal])).length > 0;
  };
  return {
    async list(filter, request) {
      const older = request.direction === 'older';
      const { where, values } = whereOf(filter);
      const cursor = cursorOf(request);
      const place = values.length + 1;
      // One more than asked for says whether the direction goes on.
      const sql = `
        SELECT ${generationColumns}, g.ordinal::text AS cursor FROM generation g
        WHERE ${where} AND ($${place}::bigint IS NULL OR ordinal ${older ? '<' : '>'} $${place})
        ORDER BY ordinal ${older ? 'DESC' : 'ASC'} LIMIT ${request.count + 1}`;
      const rows = await rowsOf<Row>(sql, [...values, cursor]);
      const goesOn = rows.length > request.count;
      const shown = rows.slice(0, request.count);
      const edge = shown[0]?.cursor ?? cursor;
      const back = cursor !== null && edge !== null && (await hasAny(filter, older ? '>' : '<', edge));
      return pageOf(older ? shown : shown.reverse(), older ? [back, goesOn] : [goesOn, back]);
    },
    async count(filter) {
      const { where, values } = whereOf(filter);
      const rows = await rowsOf<{ count: number }>(
        `SELECT count(*)::int AS count FROM generation g WHERE ${where}`,
        values,
      );
      return rows[0]!.count;
    },
  };
}

function pageOf(rows: readonly Row[], [hasNewer, hasOlder]: readonly [boolean, boolean]): Page {
  return { generations: rows.map((row) => ({ ...toGeneration(row), cursor: row.cursor })), hasNewer, hasOlder };
}

function whereOf(filter: GenerationFilter): { readonly where: string; readonly values: readonly unknown[] } {
  const { tenant, states, models, createdAfter, createdBefore, classes } = filter;
  const images = classes?.map(({ model, label }) => ({ model, images: imagesOfClasses([label]) }));
  const conditions: readonly (readonly [unknown, (place: string) => string])[] = [
    [tenant, (place) => `tenant = ${place}`],
    [states, (place) => `state = ANY(${place}::text[])`],
    [models, (place) => `model = ANY(${place}::text[])`],
    [createdAfter, (place) => `created_at > ${place}`],
    [createdBefore, (place) => `created_at < ${place}`],
    [
      images && JSON.stringify(images),
      (place) => `EXISTS (
       SELECT FROM jsonb_to_recordset(${place}::jsonb) AS wanted (model text, images jsonb)
       WHERE wanted.model = g.model AND g.request -> 'images' @> wanted.images)`,
    ],
  ];
  const given = conditions.filter(([value]) => value !== undefined && value !== null);
  const where = given.map(([, sql], i) => sql(`$${i + 1}`)).join(' AND ');
  return { where: where || 'true', values: given.map(([value]) => value) };
}

function cursorOf({ cursor }: PageRequest): string | null {
  if (cursor === null || /^\d{1,18}$/.test(cursor)) return cursor;
  throw new TesseraError({
    code: 'cursor-invalid',
    who: 'store',
    got: `the cursor ${cursor.slice(0, 60)}`,
    expected: 'the cursor of a generation in an earlier page',
    next: 'Take it from there, or leave it out to begin at the end.',
  });
}
