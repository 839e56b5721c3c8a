import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { Database } from '@tessera/store';
import type { Limits } from './limits.ts';

/** A key without its secret part, which is stored nowhere. */
export interface ApiKey {
  readonly id: string;
  /** The first characters of the key, for people. */
  readonly prefix: string;
  readonly tenant: string;
  /** Among the valid keys of a tenant there is one of each name. */
  readonly name: string;
  /** May see how the whole service is, of all tenants. */
  readonly admin: boolean;
  /** Those that differ from the server's. */
  readonly limits: Partial<Limits>;
  readonly createdAt: Date;
  /** To the minute. */
  readonly usedAt: Date | null;
  readonly revokedAt: Date | null;
}

export interface NewApiKey {
  readonly tenant: string;
  readonly name: string;
  readonly admin: boolean;
  readonly limits: Partial<Limits>;
}

/** The keys in the database. */
export interface ApiKeys {
  /** `secret` is the whole key: it is told this once. null where a valid key of that name is there. */
  create(key: NewApiKey): Promise<{ readonly key: ApiKey; readonly secret: string } | null>;
  /** Newest first; of all tenants where null. */
  list(tenant: string | null): Promise<readonly ApiKey[]>;
  /** null where no valid key has this name. */
  revoke(tenant: string, name: string): Promise<ApiKey | null>;
  /** null for what is no key, and for revoked ones. */
  find(secret: string): Promise<ApiKey | null>;
  /** Those of these ids whose keys are valid. */
  valid(ids: readonly string[]): Promise<readonly string[]>;
  markUsed(ids: readonly string[]): Promise<void>;
}

const columns = `id, prefix, tenant, name, admin, limits, created_at AS "createdAt", used_at AS "usedAt", revoked_at AS "revokedAt"`;

/** `tsr_` and 256 random bits: recognised by scanners of secrets, and never guessed. */
const PATTERN = /^tsr_[\w-]{43}$/;

export function apiKeys(database: Database): ApiKeys {
  const all = async (sql: string, values: readonly unknown[]) => (await database.query<ApiKey>(sql, values)).rows;
  return {
    async create({ tenant, name, admin, limits }) {
      const secret = `tsr_${randomBytes(32).toString('base64url')}`;
      const [key] = await all(
        `INSERT INTO api_key (id, hash, prefix, tenant, name, admin, limits) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (tenant, name) WHERE revoked_at IS NULL DO NOTHING RETURNING ${columns}`,
        [randomUUID(), hashOf(secret), secret.slice(0, 12), tenant, name, admin, JSON.stringify(limits)],
      );
      return key ? { key, secret } : null;
    },
    list: (tenant) =>
      all(`SELECT ${columns} FROM api_key WHERE $1::text IS NULL OR tenant = $1 ORDER BY created_at DESC`, [tenant]),
    async revoke(tenant, name) {
      const [key] = await all(
        `UPDATE api_key SET revoked_at = now() WHERE tenant = $1 AND name = $2 AND revoked_at IS NULL RETURNING ${columns}`,
        [tenant, name],
      );
      return key ?? null;
    },
    async find(secret) {
      if (!PATTERN.test(secret)) return null;
      const [key] = await all(`SELECT ${columns} FROM api_key WHERE hash = $1 AND revoked_at IS NULL`, [
        hashOf(secret),
      ]);
      return key ?? null;
    },
    async valid(ids) {
      const sql = 'SELECT id FROM api_key WHERE id = ANY($1::uuid[]) AND revoked_at IS NULL';
      return (await database.query<{ id: string }>(sql, [ids])).rows.map(({ id }) => id);
    },
    async markUsed(ids) {
      await all('UPDATE api_key SET used_at = now() WHERE id = ANY($1::uuid[])', [ids]);
    },
  };
}

/** Of 256 random bits, which no one can try one by one: a slow hash such as bcrypt would only slow every request down. */
function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
