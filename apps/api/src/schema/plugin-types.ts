import type { PluginFacts, PluginProblem } from '@tessera/host';
import type { ApiBuilder } from './builder.ts';

/** Plug-ins, and the query for them. */
export function addPlugins(builder: ApiBuilder): void {
  const kind = builder.enumType('PluginKind', {
    values: {
      TOKENIZER: { value: 'tokenizer' },
      ORDER: { value: 'order' },
      BACKBONE: { value: 'backbone' },
      HEAD: { value: 'head' },
    } as const,
  });
  const plugin = builder.objectRef<PluginFacts>('Plugin').implement({
    description: 'A part that models may name: one of Tessera, or of the project that the server runs in.',
    fields: (t) => ({
      kind: t.expose('kind', { type: kind }),
      name: t.exposeString('name'),
      package: t.exposeString('package', { nullable: true, description: 'Of npm; null where nobody says.' }),
      contract: t.exposeInt('contract', { description: 'The version of the contracts that it speaks.' }),
      space: t.exposeString('space', {
        nullable: true,
        description: 'What a head predicts, or what a step of an order is.',
      }),
      config: t.field({ type: 'JSONObject', description: 'A JSON Schema.', resolve: ({ config }) => config }),
      options: t.field({
        type: 'JSONObject',
        nullable: true,
        description: 'A JSON Schema of what a request may choose; Model.options bounds it by the model.',
        resolve: ({ options }) => options,
      }),
    }),
  });
  const problem = builder.objectRef<PluginProblem>('PluginProblem').implement({
    description: "Something of the project's tessera.config that was left out.",
    fields: (t) => ({ code: t.exposeString('code'), message: t.exposeString('message') }),
  });
  builder.queryFields((t) => ({
    plugins: t.field({ type: [plugin], resolve: (_root, _args, { host }) => [...host.plugins()] }),
    pluginProblems: t.field({ type: [problem], resolve: (_root, _args, { host }) => [...host.pluginProblems()] }),
  }));
}
