import { TesseraError } from '@tessera/errors';

/** Who may ask, as the operator says it. */
export interface GuardOptions {
  /** `keys`: each request needs one. null: not decided, which is enough on loopback alone. */
  readonly auth: 'off' | 'keys' | null;
  /** Signs the URLs of images on all replicas; null: one from the database. */
  readonly secret: string | null;
}

/**
 * TESSERA_AUTH (not decided), TESSERA_SECRET (one from the database).
 * @throws TesseraError `auth-invalid`, `secret-invalid`
 */
export function readGuardOptions({ TESSERA_AUTH = '', TESSERA_SECRET = '' }: NodeJS.ProcessEnv): GuardOptions {
  return { auth: readAuth(TESSERA_AUTH), secret: readSecretOption(TESSERA_SECRET) };
}

const LEAST_SECRET = 32;

function readSecretOption(text: string): string | null {
  if (text === '' || text.length >= LEAST_SECRET) return text || null;
  throw new TesseraError({
    code: 'secret-invalid',
    who: 'api',
    got: `a TESSERA_SECRET of ${text.length} characters`,
    expected: `at least ${LEAST_SECRET} random ones`,
    next: 'Leave it out for one that is kept in the database.',
  });
}

function readAuth(text: string): GuardOptions['auth'] {
  if (text === '') return null;
  if (text === 'off' || text === 'keys') return text;
  throw new TesseraError({
    code: 'auth-invalid',
    who: 'api',
    got: `TESSERA_AUTH=${text.slice(0, 100)}`,
    expected: 'keys or off',
    next: 'Use keys, and make the first one with tessera keys create.',
  });
}

/** True for an address that only programs of this machine can reach. */
export function isLoopback(address: string): boolean {
  return address === 'localhost' || /^(::ffff:)?127\.|^::1$/.test(address);
}

/**
 * Whether keys are needed. On a network somebody has to decide that.
 * @throws TesseraError `auth-undecided`
 */
export function decideAuth(auth: GuardOptions['auth'], address: string): 'off' | 'keys' {
  if (auth !== null || isLoopback(address)) return auth ?? 'off';
  throw new TesseraError({
    code: 'auth-undecided',
    who: 'api',
    got: `HOST=${address}, where other machines can reach this server, without TESSERA_AUTH`,
    expected: 'a decision who may use it',
    next: 'Set TESSERA_AUTH=keys and make a key with tessera keys create, or TESSERA_AUTH=off to let everyone in.',
  });
}
