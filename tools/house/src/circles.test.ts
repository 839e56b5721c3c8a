import { cruise, type ICruiseResult } from 'dependency-cruiser';
import { describe, expect, it } from 'vitest';
import { root } from './files.ts';

const circular = { from: {}, to: { circular: true }, severity: 'error' } as const;

/** The graph of imports between our own files, types included; workspace packages lead to their sources. */
async function importGraph(): Promise<ICruiseResult> {
  const { output } = await cruise(
    ['packages', 'apps', 'tools', 'examples'],
    {
      baseDir: root,
      validate: true,
      ruleSet: {
        forbidden: [
          { ...circular, name: 'circle of files' },
          { ...circular, name: 'circle of folders', scope: 'folder' },
        ],
      },
      metrics: true, // else it knows no folders
      tsPreCompilationDeps: true,
      exclude: { path: 'node_modules|dist|\\.test\\.tsx?$|\\.fixture\\.ts$|/fixtures/' },
    },
    { conditionNames: ['@tessera/source', 'import', 'types'], exportsFields: ['exports'] },
  );
  return output as ICruiseResult;
}

describe('imports', () => {
  it('go one way: neither files nor folders lead back to themselves', async () => {
    const { modules, folders, summary } = await importGraph();
    expect(modules.length).toBeGreaterThan(300);
    expect(folders?.length).toBeGreaterThan(40);
    const leads = ({ from, cycle }: (typeof summary.violations)[number]) =>
      [from, ...(cycle ?? []).map(({ name }) => name)].join(' -> ');
    expect(summary.violations.map((violation) => `${violation.rule.name}: ${leads(violation)}`)).toEqual([]);
  });
});
