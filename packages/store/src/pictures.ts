import type { Engine, Statement } from './database/engine.ts';
import type { Picture, PictureRecords } from './store.ts';

const findStatement: Statement = {
  name: 'pictures',
  sql: `
  SELECT DISTINCT ON (sha256) sha256, width, height, bytes::float8 AS bytes FROM picture
  WHERE sha256 = ANY($1::text[]) AND ($2::text IS NULL OR tenant = $2) ORDER BY sha256, width NULLS LAST`,
};

const editableStatement: Statement = {
  name: 'pictures-editable',
  sql: `
  SELECT DISTINCT sha256 FROM picture p WHERE sha256 = ANY($1::text[]) AND tenant = $2
    AND (generation_id IS NULL OR EXISTS (SELECT FROM generation g WHERE g.id = p.generation_id AND g.images ? p.sha256))`,
};

const addStatement: Statement = {
  name: 'picture-add',
  sql: `
  INSERT INTO picture (sha256, tenant, width, height, bytes, created_at) VALUES ($1, $2, $3, $4, $5, tessera_now())
  ON CONFLICT (sha256, tenant) WHERE generation_id IS NULL DO UPDATE SET created_at = tessera_now()`,
};

/** Also what waiting and running generations edit: its own row may be gone since they were accepted. */
const inUseStatement: Statement = {
  name: 'pictures-in-use',
  sql: `
  SELECT sha256 FROM picture WHERE sha256 = ANY($1::text[])
  UNION SELECT named FROM generation, unnest(ARRAY[request -> 'edit' ->> 'image', request -> 'edit' ->> 'mask']) AS named
    WHERE state IN ('queued', 'running') AND request ? 'edit' AND named = ANY($1::text[])`,
};

export function pictureRecords(engine: Engine): PictureRecords {
  return {
    async find(shas, tenant) {
      const rows = await engine.run<Picture>(findStatement, [shas, tenant]);
      return new Map(rows.map((row) => [row.sha256, row]));
    },
    async editable(shas, tenant) {
      const rows = await engine.run<{ sha256: string }>(editableStatement, [shas, tenant]);
      return new Set(rows.map((row) => row.sha256));
    },
    async add(tenant, { sha256, width, height, bytes }) {
      await engine.run(addStatement, [sha256, tenant, width, height, bytes]);
    },
    async inUse(shas) {
      const rows = await engine.run<{ sha256: string }>(inUseStatement, [shas]);
      return new Set(rows.map((row) => row.sha256));
    },
  };
}
