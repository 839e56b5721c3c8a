import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { choices, list, runProgram } from '@tessera/command-line';
import type { Engine } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { createEngine, type TargetName, TARGETS } from '@tessera/targets';
import { openCase } from './case-file.ts';
import { Checks, type Verdict, type CaseRunner } from './comparison.ts';
import { runners } from './runners.ts';
import { runTableFile, tableKindOf } from './tables.ts';

const line = {
  call: 'npm run parity --',
  who: 'parity',
  summary: 'Run every case file of a folder, and compare what Tessera computes with what the file expects.',
  positionals: { usage: 'FOLDER', least: 1, most: 1 },
  options: {
    kind: list({
      value: 'PATTERNS',
      help: 'only files whose metadata `kind` matches: patterns with * and ?, separated by commas; a kind without a runner fails',
    }),
    target: choices({
      value: 'TARGETS',
      of: TARGETS,
      help:
        'onnx (default, or what TESSERA_TARGET says); eager, the plain TensorFlow.js that serves as reference; tensorflow and ' +
        'tensorflow-eager, where `tessera setup tensorflow` has been run; several are separated by commas',
    }),
  },
  notes: [
    'Prints one line per file (ok or FAIL, file, kind, largest error or reason) and at last "N passed, M failed".',
    'The exit code is 0 when something was compared and nothing failed.',
  ],
  examples: [
    'npm run parity -- tools/goldens/cases',
    'npm run parity -- tools/goldens/cases --target onnx,eager',
    "npm run parity -- tools/goldens/cases --kind 'var.*,vqvae*,quantizer,filter,interp*'",
  ],
} as const;

/** Runs the program; returns the exit code: 0 only if something was compared and nothing failed. */
export function parity(args: readonly string[], print: (text: string) => void): Promise<number> {
  return runProgram(line, args, {
    print,
    async run({ positionals: [folder], values }) {
      const targets = values.target.length > 0 ? values.target : [defaultTarget()];
      const outcomes: Outcome[] = [];
      for (const target of targets) {
        if (targets.length > 1) print(`${target}:`);
        outcomes.push(...(await runOnTarget({ folder: folder!, kinds: values.kind, target }, print)));
      }
      if (outcomes.length === 0) print('No case file here has such a kind.');
      const passed = outcomes.filter((outcome) => outcome.passed).length;
      const failed = outcomes.length - passed;
      print(`${passed} passed, ${failed} failed`);
      return passed > 0 && failed === 0 ? 0 : 1;
    },
  });
}

function defaultTarget(): TargetName {
  const name = process.env['TESSERA_TARGET'] || 'onnx';
  const known = TARGETS.find((target) => target === name);
  if (known !== undefined) return known;
  const got = `TESSERA_TARGET = ${name}`;
  throw new TesseraError({ code: 'option', who: 'parity', got, expected: `one of ${TARGETS.join(', ')}` });
}

async function runOnTarget(
  { target, ...request }: Omit<FolderRequest, 'engine'> & { readonly target: TargetName },
  print: (text: string) => void,
): Promise<Outcome[]> {
  const engine = createEngine({ target });
  const outcomes: Outcome[] = [];
  try {
    for await (const outcome of runFolder({ ...request, engine })) {
      print(formatOutcome(outcome));
      outcomes.push(outcome);
    }
  } finally {
    engine.dispose();
  }
  return outcomes;
}

interface FolderRequest {
  readonly folder: string;
  /** Patterns of kinds; none means all. */
  readonly kinds: readonly string[];
  readonly engine: Engine;
}

/** Runs every case file of a folder, one after the other, in the order of their names. */
async function* runFolder({ folder, kinds, engine }: FolderRequest): AsyncGenerator<Outcome> {
  const names = (await readdir(folder).catch(noFolder)).toSorted();
  for (const name of names) {
    const path = join(folder, name);
    if (name.endsWith('.safetensors')) yield* runCase({ path, name, kinds, engine });
    else if (name.endsWith('.json')) yield* runTable({ path, name, kinds });
  }
}

function noFolder(cause: NodeJS.ErrnoException): never {
  const faults: Readonly<Record<string, string>> = { ENOENT: 'no such folder', ENOTDIR: 'a file' };
  throw new TesseraError({
    code: 'folder-unreadable',
    who: cause.path ?? 'parity',
    got: faults[cause.code ?? ''] ?? `a folder that cannot be read (${cause.code})`,
    expected: 'a folder of case files',
    next: 'Check the path: npm run parity -- tools/goldens/cases runs those that ship.',
    cause,
  });
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

/** How one file of a folder came out. */
interface Outcome {
  readonly name: string;
  readonly kind: string;
  readonly passed: boolean;
  /** The largest error and where, or the reason of the failure. */
  readonly detail: string;
}

/** Sums up the comparisons of one file. A file that compares nothing fails: it proves nothing. */
function outcomeOf(name: string, kind: string, verdicts: readonly Verdict[]): Outcome {
  const failures = verdicts.filter((verdict) => verdict.failure !== undefined);
  if (verdicts.length === 0) return { name, kind, passed: false, detail: 'nothing to compare in this file' };
  if (failures.length > 0) {
    const more = failures.length > 1 ? ` (and ${failures.length - 1} more)` : '';
    return { name, kind, passed: false, detail: `${failures[0]!.failure}${more}` };
  }
  const worst = verdicts.reduce((a, b) => (b.share > a.share ? b : a));
  return { name, kind, passed: true, detail: `${worst.share.toPrecision(2)} of tolerance at ${worst.name}` };
}

/** A file that could not be run to its end. */
function brokenOutcome(name: string, kind: string, error: unknown): Outcome {
  const message = error instanceof Error ? error.message : String(error);
  return { name, kind, passed: false, detail: message.split('\n')[0]! };
}

function formatOutcome({ name, kind, passed, detail }: Outcome): string {
  return `${passed ? 'ok  ' : 'FAIL'}  ${name}  ${kind}  ${detail}`;
}

/** Tests a kind against shell-like patterns: `*` stands for anything, `?` for one character. No patterns match all. */
export function matchesAny(kind: string, patterns: readonly string[]): boolean {
  return patterns.length === 0 || patterns.some((pattern) => toExpression(pattern).test(kind));
}

function toExpression(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replace(/\*/g, '.*').replace(/\?/g, '.')}$`);
}
