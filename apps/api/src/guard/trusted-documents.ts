import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { parseJson, TesseraError } from '@tessera/errors';

/** Documents that are known beforehand: asked for by hash, and in hardened servers the only ones. */
export interface TrustedDocuments {
  /**
   * The text of a request that names its document by `documentId` (GraphQL over HTTP) or `extensions.persistedQuery`
   * (Apollo), or sends the text itself. null where the request may go on as it is.
   * @throws TesseraError `document-unknown`, `document-not-trusted`
   */
  textOf(request: Readonly<Record<string, unknown>>): string | null;
}

interface Settings {
  /** Manifests: JSON files of texts by `sha256:` and their hash. */
  readonly files: readonly string[];
  /** Nothing else is run. */
  readonly only: boolean;
}

/** @throws TesseraError `documents-invalid` */
export function trustedDocuments({ files, only }: Settings): TrustedDocuments {
  const known = new Map(files.flatMap(readManifest));
  return {
    textOf(request) {
      const { query, documentId } = request;
      const text = known.get(hashIn(request) ?? '');
      if (text !== undefined) return text;
      if (documentId !== undefined && documentId !== null) throw unknownDocument(documentId);
      if (!only) return null;
      if (typeof query === 'string' && known.has(hashOf(query))) return query;
      throw notTrusted(known.size);
    },
  };
}

export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** In small letters. */
function hashIn({ documentId, extensions }: Readonly<Record<string, unknown>>): string | null {
  if (typeof documentId === 'string') return /^sha256:([\da-f]{64})$/i.exec(documentId)?.[1]!.toLowerCase() ?? null;
  const { persistedQuery } = Object(extensions) as { persistedQuery?: unknown };
  const { sha256Hash } = Object(persistedQuery) as { sha256Hash?: unknown };
  return typeof sha256Hash === 'string' ? sha256Hash.toLowerCase() : null;
}

function readManifest(file: string): [string, string][] {
  const invalid = {
    code: 'documents-invalid',
    who: file,
    expected: 'a JSON object of GraphQL documents by "sha256:" and the hash of each',
    next: 'Build the page again, or correct TESSERA_DOCUMENTS.',
  };
  if (!existsSync(file)) throw new TesseraError({ ...invalid, got: 'no file' });
  const entries = Object.entries(Object(parseJson(readFileSync(file), invalid)) as Record<string, unknown>);
  return entries.map(([name, text]) => {
    if (typeof text === 'string' && name === `sha256:${hashOf(text)}`) return [hashOf(text), text];
    throw new TesseraError({ ...invalid, got: `an entry ${name.slice(0, 80)} that is not the hash of its text` });
  });
}

function unknownDocument(id: unknown): TesseraError {
  return new TesseraError({
    code: 'document-unknown',
    who: 'api',
    got: `the document id ${String(id).slice(0, 80)}`,
    expected: 'sha256: and the hash of a document that this server knows',
    next: 'Send its text as query, or start the server with TESSERA_DOCUMENTS=<manifest>.',
  });
}

function notTrusted(count: number): TesseraError {
  return new TesseraError({
    code: 'document-not-trusted',
    who: 'api',
    got: 'a document that this server does not know',
    expected: `one of the ${count} of its manifests`,
    next: 'Use a client that they were made for, or start the server with TESSERA_DOCUMENTS=<manifest>.',
  });
}
