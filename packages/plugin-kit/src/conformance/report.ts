import { performance } from 'node:perf_hooks';
import { isTesseraError } from '@tessera/errors';
import type { AnyPlugin, PluginKind } from '../define/any-plugin.ts';
import type { Property } from './case.ts';
import { cases } from './cases.ts';
import type { CasesOptions } from './options.ts';

/** How one case ended. */
export interface CaseReport {
  readonly name: string;
  /** Stable, like the targets' names: cases of two reports are compared by `property` and `on`. */
  readonly property: Property;
  readonly on: string | null;
  readonly ok: boolean;
  /** What is wrong; null where nothing is. */
  readonly message: string | null;
  readonly ms: number;
}

/** What the kit says of a plug-in: plain JSON. */
export interface Report {
  readonly plugin: string;
  readonly kind: PluginKind;
  readonly ok: boolean;
  readonly cases: readonly CaseReport[];
}

/** Runs all cases, one after the other: `console.log(JSON.stringify(await report(plugin)))`. */
export async function report(plugin: AnyPlugin, options: CasesOptions = {}): Promise<Report> {
  const done: CaseReport[] = [];
  for (const { name, property, on, run } of cases(plugin, options)) {
    const start = performance.now();
    const message = await run().then(
      () => null,
      (error: unknown) => {
        if (isTesseraError(error)) return error.message;
        throw error;
      },
    );
    const ms = Math.round(performance.now() - start);
    done.push({ name, property, on, ok: message === null, message, ms });
  }
  return { plugin: plugin.name, kind: plugin.kind, ok: done.every(({ ok }) => ok), cases: done };
}
