import { TesseraError } from '@tessera/errors';
import { runCases, Unimportable, type CaseResult, type PartResult } from './run-cases.ts';
import { openSubject } from './subject.ts';

/** What `tessera certify --json` prints. */
export interface Certificate {
  readonly package: string;
  readonly version: string | null;
  /** The version of @tessera/plugin-kit that tested it. */
  readonly kit: string;
  readonly ok: boolean;
  readonly parts: readonly PartResult[];
}

export interface CertifyOptions {
  /** Milliseconds until a case that does not end is ended. */
  readonly limit: number;
  /** Milliseconds until the import of the package is ended. */
  readonly importLimit: number;
  readonly signal: AbortSignal;
  /** Takes each result as it comes. */
  onCase(plugin: string, result: CaseResult): void;
  /** Takes what is run, and what the package prints. */
  say(line: string): void;
}

/**
 * Runs the conformance kit on every part that a package offers, and the author's own cases.
 * @throws TesseraError as `openSubject`; `certify-import`, `certify-none`
 */
export async function certify(named: string, options: CertifyOptions): Promise<Certificate> {
  const subject = await openSubject(named, options.say);
  const { name, version, kit } = subject;
  try {
    const parts = await runCases(subject, { ...options, print: options.say });
    if (parts.length === 0) throw noParts(name);
    return { package: name, version, kit, ok: parts.every(({ ok }) => ok), parts };
  } catch (error) {
    if (error instanceof Unimportable) throw notImported(name, subject.folder, error.message);
    throw error;
  } finally {
    await subject.dispose();
  }
}

function noParts(who: string): TesseraError {
  return new TesseraError({
    code: 'certify-none',
    who,
    got: 'a package that exports no part',
    expected: 'at least one head, order, tokenizer or backbone that it exports by name',
    next: 'Export it from the module that exports of its package.json names.',
  });
}

function notImported(who: string, folder: string, got: string): TesseraError {
  const unbuilt = /Cannot find module .*[\\/]dist[\\/]|Cannot find package/.test(got);
  return new TesseraError({
    code: 'certify-import',
    who,
    got: `an error while it was imported: ${got.split('\n')[0]}`,
    expected: 'a package that can be imported as it is published',
    next: unbuilt ? `Run npm install and npm run build in ${folder} first.` : 'Correct it.',
  });
}
