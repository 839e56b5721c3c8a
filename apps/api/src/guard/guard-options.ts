import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { TesseraError } from '@tessera/errors';
import { readLimits, type Limits } from './limits.ts';

/** Who may ask, as the operator says it. */
export interface GuardOptions {
  /** `keys`: each request needs one. null: not decided, which is enough on loopback alone. */
  readonly auth: 'off' | 'keys' | null;
  /** Signs the URLs of images on all replicas; null: one from the database. */
  readonly secret: string | null;
  /** Clients learn nothing of the schema but what they know: neither introspection nor suggestions. */
  readonly hardened: boolean;
  /** Nothing is run but the documents of the page and of `documents`. */
  readonly trustedOnly: boolean;
  /** Manifests of documents beside the page's own. */
  readonly documents: readonly string[];
  /** Addresses and subnets of proxies whose X-Forwarded-For is believed. */
  readonly trustProxy: readonly string[];
  /** Of each client whose key says nothing else. */
  readonly limits: Limits;
}

/**
 * TESSERA_AUTH (not decided), TESSERA_SECRET (one from the database), TESSERA_HARDENED (off), TRUSTED_DOCUMENTS (`only`
 * where hardened, else `any`), TESSERA_DOCUMENTS (none), TESSERA_TRUST_PROXY (none), and those of `limitNames` (none).
 * @throws TesseraError `auth-invalid`, `secret-invalid`, `hardened-invalid`, `trusted-documents-invalid`, `limit-invalid`
 */
export function readGuardOptions(environment: NodeJS.ProcessEnv): GuardOptions {
  const { TESSERA_SECRET = '', TESSERA_DOCUMENTS = '', TESSERA_TRUST_PROXY = '' } = environment;
  const auth = readChoice(environment, { name: 'TESSERA_AUTH', choices: ['', 'off', 'keys'] });
  const hardened = readChoice(environment, { name: 'TESSERA_HARDENED', choices: ['', '0', '1'] }) === '1';
  const trusted = readChoice(environment, { name: 'TRUSTED_DOCUMENTS', choices: ['', 'any', 'only'] });
  return {
    auth: auth === '' ? null : (auth as 'off' | 'keys'),
    secret: readSecretOption(TESSERA_SECRET),
    hardened,
    trustedOnly: trusted === '' ? hardened : trusted === 'only',
    documents: listed(TESSERA_DOCUMENTS),
    trustProxy: listed(TESSERA_TRUST_PROXY),
    limits: readLimits(environment),
  };
}

function listed(text: string): string[] {
  return text
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean);
}

interface Choice {
  readonly name: string;
  readonly choices: readonly string[];
}

function readChoice(environment: NodeJS.ProcessEnv, { name, choices }: Choice): string {
  const text = environment[name] ?? '';
  if (choices.includes(text)) return text;
  throw new TesseraError({
    code: `${name.toLowerCase().replace('tessera_', '').replaceAll('_', '-')}-invalid`,
    who: 'api',
    got: `${name}=${text.slice(0, 100)}`,
    expected: choices.filter(Boolean).join(' or '),
    next: 'Correct it, or leave it out.',
  });
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

/** The manifest that the build of the page has written. */
export function documentsOf(playground: string): string[] {
  return [join(playground, 'trusted-documents.json')].filter((file) => existsSync(file));
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
