import { existsSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { flag, integer, text, type Arguments } from '@tessera/command-line';
import { isTesseraError, TesseraError } from '@tessera/errors';
import { badgeOf } from '../certify/badge.ts';
import { certify as certifyPackage, type Certificate } from '../certify/certificate.ts';
import { nextChange } from '../certify/watch-folder.ts';
import type { Terminal } from '../terminal.ts';
import type { Command } from '../command.ts';

const options = {
  json: flag('print one JSON object; the ids of its cases are stable'),
  report: text({
    value: 'FILE',
    help: 'write what --json prints; a package that brings it as certificate.json tells servers how its parts were judged',
  }),
  badge: text({ value: 'FILE', help: 'write an SVG image for a readme: which contract, how many cases passed' }),
  limit: integer({
    value: 'S',
    from: 1,
    to: 3600,
    help: 'seconds after which a case that does not end is ended (default: 60)',
  }),
  watch: flag('run again after each change of a file in DIR, until interrupted'),
};

export const certify: Command<typeof options> = {
  positionals: { usage: 'DIR|TARBALL|PACKAGE', least: 1, most: 1 },
  options,
  notes: [
    'Code of the package runs, in a process of its own. A tarball, or a package that is not installed here, is installed by npm',
    'in a temporary folder first, without its scripts. Exit code 0: all cases passed.',
  ],
  examples: [
    'tessera certify .',
    'tessera certify . --report certificate.json',
    'tessera certify acme-head-0.1.0.tgz --badge certified.svg',
    'tessera certify @acme/head --json',
  ],
  run,
};

/** It only has to define its parts. */
const IMPORT_LIMIT = 60_000;

type Given = Arguments<typeof options>;

async function run({ positionals: [named], values }: Given, terminal: Terminal): Promise<number> {
  const stop = new AbortController();
  const interrupt = (): void => stop.abort(Object.assign(new Error('Interrupted.'), { name: 'AbortError' }));
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const once = (): Promise<number> => report(named!, { values, terminal, signal: stop.signal });
  try {
    if (!values.watch) return await once();
    requireFolder(named!);
    for (;;) {
      // Watched from before the run, so that no change is missed.
      const written = [values.badge, values.report].flatMap((file) => (file === undefined ? [] : resolve(file)));
      const changed = nextChange(resolve(named!), { signal: stop.signal, written });
      await once().catch((error: unknown) => sayRefusal(error, terminal));
      terminal.err(`Waiting for a change in ${named}.`);
      await changed;
      stop.signal.throwIfAborted();
    }
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

interface Asked {
  readonly values: Given['values'];
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

async function report(named: string, { values, terminal, signal }: Asked): Promise<number> {
  let shown = '';
  const found = await certifyPackage(named, {
    limit: (values.limit ?? 60) * 1000,
    importLimit: IMPORT_LIMIT,
    signal,
    say: (line) => terminal.err(line),
    onCase: (plugin, { id, ok, ms, message }) => {
      if (values.json) return;
      if (plugin !== shown) terminal.out((shown = plugin));
      terminal.out(`  ${ok ? 'pass' : 'FAIL'}  ${id}  ${ms} ms${message === null ? '' : `: ${message}`}`);
    },
  });
  if (values.json) terminal.out(JSON.stringify(found));
  else terminal.out(summary(found));
  if (values.report !== undefined) await writeFile(values.report, `${JSON.stringify(found, null, 2)}\n`);
  if (values.badge !== undefined) await writeFile(values.badge, badgeOf(counted(found)));
  return found.ok ? 0 : 1;
}

function counted({ parts }: Certificate) {
  const cases = parts.flatMap((part) => part.cases);
  const contract = new Set(parts.map((part) => part.contract)).size === 1 ? parts[0]!.contract : null;
  return { contract, passed: cases.filter(({ ok }) => ok).length, of: cases.length };
}

function summary(found: Certificate): string {
  const { passed, of } = counted(found);
  const name = `${found.package}${found.version === null ? '' : ` ${found.version}`}`;
  const kit = `by the conformance kit ${found.kit}`;
  return found.ok
    ? `${name} is certified ${kit}: ${of} cases.`
    : `${name} is not certified ${kit}: ${of - passed} of ${of} cases failed.`;
}

/** Watching goes on: what cannot be imported now may be after the next change. */
function sayRefusal(error: unknown, terminal: Terminal): void {
  if (!isTesseraError(error)) throw error;
  terminal.err(`${error.message} (${error.code})`);
}

function requireFolder(named: string): void {
  if (existsSync(named) && statSync(named).isDirectory()) return;
  const [code, who, got] = ['usage', 'tessera certify', `--watch for ${named}, which is no folder`] as const;
  throw new TesseraError({ code, who, got, expected: 'a folder whose files change', next: 'Leave out --watch.' });
}
