import { readFile } from 'node:fs/promises';
import { TesseraError } from '@tessera/errors';
import type { Verdict } from './comparison.ts';
import { checkInventory, isInventory, marStates, type StateKind, varStates } from './tables/inventories.ts';
import { checkMarTables, isMarTables } from './tables/mar-tables.ts';
import { checkSchedules, isSchedules } from './tables/schedules.ts';

/** A JSON file of expected values, recognised by what it holds. */
interface TableKind {
  readonly kind: string;
  /** The comparisons; null when the content is something else. */
  readonly check: (content: object) => (() => Verdict[]) | null;
}

const tableKinds: readonly TableKind[] = [
  { kind: 'var.schedules', check: (content) => (isSchedules(content) ? () => checkSchedules(content) : null) },
  { kind: 'mar.tables', check: (content) => (isMarTables(content) ? () => checkMarTables(content) : null) },
  inventoryKind('var.inventory', varStates),
  inventoryKind('mar.inventory', marStates),
];

function inventoryKind(kind: string, states: readonly StateKind[]): TableKind {
  return { kind, check: (content) => (isInventory(content, states) ? () => checkInventory(content, states) : null) };
}

/** The file's kind; `json` for one that no table recognises. @throws when it is not JSON */
export async function tableKindOf(path: string): Promise<string> {
  const content = await contentOf(path);
  return tableKinds.find(({ check }) => check(content) !== null)?.kind ?? 'json';
}

/** @throws TesseraError `kind-unknown` */
export async function runTableFile(path: string): Promise<Verdict[]> {
  const content = await contentOf(path);
  for (const { check } of tableKinds) {
    const found = check(content);
    if (found) return found();
  }
  throw new TesseraError({
    code: 'kind-unknown',
    who: 'parity',
    got: `a JSON file of ${Object.keys(content).slice(0, 4).join(', ')} ..., which has no runner`,
    expected: `one of ${tableKinds.map(({ kind }) => kind).join(', ')}`,
    next: 'Choose kinds with --kind.',
  });
}

async function contentOf(path: string): Promise<object> {
  const content: unknown = JSON.parse(await readFile(path, 'utf8'));
  return typeof content === 'object' && content !== null ? content : {};
}
