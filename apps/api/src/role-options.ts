import process from 'node:process';
import { TesseraError } from '@tessera/errors';
import { readWhole } from './read-whole.ts';

/** What a process does: both parts, the doors alone, or running models alone. */
export type Role = 'all' | 'api' | 'worker';

export interface RoleOptions {
  readonly role: Role;
  /** PostgreSQL, shared by any number of processes; null keeps a database of its own in the data directory. */
  readonly databaseUrl: string | null;
  /** Images of one batch, at most. */
  readonly maxBatch: number;
  /** How long a batch that is not full waits for more requests before it begins, in milliseconds. */
  readonly maxDelayMs: number;
  /** Generations that may wait, of all clients. */
  readonly maxQueue: number;
  /** Of one client. */
  readonly maxQueueOfClient: number;
}

export const roles: readonly Role[] = ['all', 'api', 'worker'];

/** The numbers: the variable of each, what it is where that is left out, and its bounds. */
const numbers = {
  maxBatch: { name: 'TESSERA_MAX_BATCH', code: 'max-batch-invalid', value: 64, from: 1, to: 64 },
  maxDelayMs: { name: 'TESSERA_MAX_DELAY_MS', code: 'max-delay-invalid', value: 0, from: 0, to: 10_000 },
  maxQueue: { name: 'TESSERA_MAX_QUEUE', code: 'max-queue-invalid', value: 10_000, from: 1, to: 1_000_000 },
  maxQueueOfClient: {
    name: 'TESSERA_MAX_QUEUE_OF_CLIENT',
    code: 'max-queue-invalid',
    value: 1000,
    from: 1,
    to: 1_000_000,
  },
} as const;

/**
 * TESSERA_ROLE (all), DATABASE_URL (none), TESSERA_MAX_BATCH (64), TESSERA_MAX_DELAY_MS (0), TESSERA_MAX_QUEUE (10000),
 * TESSERA_MAX_QUEUE_OF_CLIENT (1000).
 * @throws TesseraError `role-invalid`, `max-batch-invalid`, `max-delay-invalid`, `max-queue-invalid`
 */
export function readRoleOptions(environment: NodeJS.ProcessEnv = process.env): RoleOptions {
  const { TESSERA_ROLE, DATABASE_URL } = environment;
  const read = (number: keyof typeof numbers) => {
    const { value, ...variable } = numbers[number];
    return readWhole(environment, { ...variable, otherwise: String(value) }) ?? value;
  };
  return {
    role: readRole(TESSERA_ROLE || 'all'),
    databaseUrl: DATABASE_URL || null,
    maxBatch: read('maxBatch'),
    maxDelayMs: read('maxDelayMs'),
    maxQueue: read('maxQueue'),
    maxQueueOfClient: read('maxQueueOfClient'),
  };
}

/** @throws TesseraError `database-required` where separate processes have no database to share */
export function requireSharedDatabase({ role, databaseUrl }: Pick<RoleOptions, 'role' | 'databaseUrl'>): void {
  if (role === 'all' || databaseUrl !== null) return;
  throw new TesseraError({
    code: 'database-required',
    who: 'api',
    got: `the role ${role} without DATABASE_URL`,
    expected: 'a PostgreSQL database that API and workers share',
    next: 'Set DATABASE_URL like postgresql://user:password@host/tessera, or leave the role out to run both in this process.',
  });
}

function readRole(text: string): Role {
  const role = roles.find((one) => one === text);
  if (role) return role;
  throw new TesseraError({
    code: 'role-invalid',
    who: 'api',
    got: `TESSERA_ROLE=${text.slice(0, 100)}`,
    expected: `one of ${roles.join(', ')}`,
    next: 'Leave it out to run both parts in one process.',
  });
}
