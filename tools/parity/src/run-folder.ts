import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { openCase } from './case-file.ts';
import type { CaseRunner } from './case-runner.ts';
import { Checks } from './checks.ts';
import { matchesAny } from './name-pattern.ts';
import { brokenOutcome, outcomeOf, type Outcome } from './outcome.ts';
import { runners } from './runners/runners.ts';
import { runTableFile, tableKindOf } from './tables/table-file.ts';

export interface FolderRequest {
  readonly folder: string;
  /** Patterns of kinds; none means all. */
  readonly kinds: readonly string[];
  readonly engine: Engine;
}

/** Runs every case file of a folder, one after the other, in the order of their names. */
export async function* runFolder({ folder, kinds, engine }: FolderRequest): AsyncGenerator<Outcome> {
  const names = (await readdir(folder)).toSorted();
  for (const name of names) {
    const path = join(folder, name);
    if (name.endsWith('.safetensors')) yield* runCase({ path, name, kinds, engine });
    else if (name.endsWith('.json')) yield* runTable({ path, name, kinds });
  }
}

async function* runCase(given: { path: string; name: string; kinds: readonly string[]; engine: Engine }) {
  const { path, name, kinds, engine } = given;
  let kind = 'unreadable';
  try {
    const opened = await openCase(path);
    try {
      kind = opened.kind;
      if (!matchesAny(kind, kinds)) return;
      const file = await opened.read();
      const runner = runnerOf(kind);
      const checks = new Checks(file, runner.expects);
      await runner.run(file, { checks, engine });
      yield outcomeOf(name, kind, checks.finish());
    } finally {
      await opened.close();
    }
  } catch (error) {
    yield brokenOutcome(name, kind, error);
  }
}

/** JSON files are recognised by what they hold; those of other systems are no cases and are passed over. */
async function* runTable({ path, name, kinds }: { path: string; name: string; kinds: readonly string[] }) {
  let kind = 'unreadable';
  try {
    const found = await tableKindOf(path);
    if (found === null || !matchesAny(found, kinds)) return;
    kind = found;
    yield outcomeOf(name, kind, await runTableFile(path));
  } catch (error) {
    yield brokenOutcome(name, kind, error);
  }
}

function runnerOf(kind: string): CaseRunner {
  const runner = runners.find((candidate) => candidate.kind === kind);
  if (runner) return runner;
  throw new TesseraError({
    code: 'kind-unknown',
    who: 'parity',
    got: `the kind ${kind}, which has no runner`,
    expected: `one of ${runners.map((candidate) => candidate.kind).join(', ')}`,
    next: 'Choose kinds with --kind.',
  });
}
