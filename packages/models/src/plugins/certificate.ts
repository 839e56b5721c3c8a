import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AnyPlugin } from '@tessera/core';
import { parseJson, TesseraError, type ErrorParts } from '@tessera/errors';
import { nullable, schema } from '@tessera/schema';
import type { PackageFacts } from './find-package.ts';

const { object, string, number, integer, boolean, list } = schema;

/** How the conformance kit judged a part, as its package reports it. */
export interface Conformance {
  readonly cases: number;
  /** Ids of the cases that failed. */
  readonly failed: readonly string[];
  /** The version of @tessera/plugin-kit that judged it. */
  readonly kit: string;
  /** The version of the package that was judged: it may be another than that which is installed. */
  readonly version: string | null;
}

/** What `tessera certify --report certificate.json` writes into the folder of a package. */
const certificate = object({
  package: string(),
  version: nullable(string()),
  kit: string(),
  ok: boolean(),
  parts: list(
    object({
      plugin: string(),
      kind: string(),
      contract: integer({ min: 1 }),
      ok: boolean(),
      cases: list(
        object({ id: string(), name: string(), ok: boolean(), message: nullable(string()), ms: number({ min: 0 }) }),
      ),
    }),
  ),
});

/**
 * What the certificate in the folder of a package says of one of its parts; null where there is none, or it knows no such part.
 * @throws TesseraError `certificate-malformed`, or `field-invalid` and others with the field's path
 */
export function conformanceOf(
  { kind, name }: AnyPlugin,
  { name: from, folder }: Pick<PackageFacts, 'name' | 'folder'>,
): Conformance | null {
  const path = join(folder, 'certificate.json');
  if (!existsSync(path)) return null;
  // Clients are told too: no path of this machine.
  const who = `certificate.json of ${from}`;
  const expected = 'what tessera certify --report writes';
  const refusal = { code: 'certificate-malformed', who, expected, next: 'Write it again, or remove it.' };
  const { parts, kit, version } = certificate.parse(parseJson(bytesOf(path, refusal), refusal), who);
  const part = parts.find((one) => one.kind === kind && one.plugin === name);
  if (!part) return null;
  const failed = part.cases.flatMap(({ ok, id }) => (ok ? [] : [id]));
  return { cases: part.cases.length, failed, kit, version };
}

/** @throws TesseraError of the given parts where it is no file, or may not be read */
function bytesOf(path: string, refusal: Omit<ErrorParts, 'got' | 'cause'>): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new TesseraError({
      ...refusal,
      got: `no file that can be read (${(cause as NodeJS.ErrnoException).code})`,
      cause,
    });
  }
}
