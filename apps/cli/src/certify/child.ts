// A process of its own: code of a package runs here, and may hang or end it.
import { performance } from 'node:perf_hooks';
import { join } from 'node:path';
import { describeRejection } from '@tessera/errors';
import { keyOf, type ChildTask, type FromChild } from './protocol.ts';
// Only types: the package brings the kit that it was written for.
import type * as conformanceKit from '@tessera/plugin-kit/conformance';
import type * as defineKit from '@tessera/plugin-kit';

interface Entry {
  readonly define: typeof defineKit;
  readonly conformance: typeof conformanceKit;
  readonly subject: Readonly<Record<string, unknown>>;
  readonly tfjs?: { enableProdMode(): void };
}

const { entry, folder, skip } = JSON.parse(process.argv[2]!) as ChildTask;
const send = (message: FromChild): Promise<void> => new Promise((done) => void process.send!(message, () => done()));
process.on('disconnect', () => process.exit());
process.on('unhandledRejection', (error) => console.error(describeRejection(error)));

try {
  await certify();
} catch (error) {
  await send({ type: 'refused', message: error instanceof Error ? error.message : String(error) });
}
process.exit();

async function certify(): Promise<void> {
  const { define, conformance, subject, tfjs } = (await import(entry)) as Entry;
  tfjs?.enableProdMode();
  const plugins = [...new Set(Object.values(subject))].filter((one) => define.isPluginLike(one));
  // Kits of before have no such file.
  const settings = conformance.readConformance?.(join(folder, 'conformance.json')) ?? {};
  const parts = (plugins as Parameters<typeof conformance.cases>[0][]).map((plugin) => {
    const { name, kind, contract } = plugin;
    return { name, kind, contract, cases: conformance.cases(plugin, settings[name] ?? {}) };
  });
  await send({
    type: 'parts',
    parts: parts.map(({ name: plugin, kind, contract, cases }) => {
      return { plugin, kind, contract, cases: cases.map(({ id, name }) => ({ id, name })) };
    }),
  });
  for (const [part, { cases }] of parts.entries()) {
    for (const [at, { id, run }] of cases.entries()) {
      if (skip.includes(keyOf(part, id))) continue;
      await send({ type: 'begin', part, at });
      const start = performance.now();
      const message = await run().then(
        () => null,
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      );
      await send({ type: 'end', part, at, message, ms: Math.round(performance.now() - start) });
    }
  }
  await send({ type: 'done' });
}
