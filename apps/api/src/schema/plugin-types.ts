import type { PluginFacts, PluginProblem } from '@tessera/host';
import type { ApiBuilder } from './builder.ts';
import { codeText, messageText } from './error-codes.ts';
import { SCHEMA_VALUES } from './model-types.ts';

/** Plug-ins, and the query for them. */
export function addPlugins(builder: ApiBuilder): void {
  const kind = builder.enumType('PluginKind', {
    description: 'Which part of a model.',
    values: {
      TOKENIZER: { value: 'tokenizer', description: 'Turns pictures into tokens and back.' },
      ORDER: { value: 'order', description: 'Says which tokens come next.' },
      BACKBONE: { value: 'backbone', description: 'Turns known tokens into hidden states.' },
      HEAD: { value: 'head', description: 'Draws tokens from hidden states.' },
    } as const,
  });
  const plugin = builder.objectRef<PluginFacts>('Plugin').implement({
    description: 'A part that models may name: one of Tessera, or of the project that the server runs in.',
    fields: (t) => ({
      kind: t.expose('kind', { type: kind, description: 'Which part of a model it is.' }),
      name: t.exposeString('name', { description: 'What model.json calls it.' }),
      package: t.exposeString('package', { nullable: true, description: 'Of npm; null where nobody says.' }),
      version: t.exposeString('version', { nullable: true, description: 'Of that package, as it is installed.' }),
      contract: t.exposeInt('contract', { description: 'The version of the contracts that it speaks.' }),
      space: t.exposeString('space', {
        nullable: true,
        description: 'Of heads: what they predict, discrete or continuous tokens.',
      }),
      stride: t.exposeString('stride', {
        nullable: true,
        description: 'Of orders: what one step is, a scale, a token or a set of tokens.',
      }),
      config: t.field({
        type: 'JSONObject',
        description: 'A JSON Schema of its configuration in model.json.',
        complexity: SCHEMA_VALUES,
        resolve: ({ config }) => config,
      }),
      options: t.field({
        type: 'JSONObject',
        nullable: true,
        description: 'A JSON Schema of what a request may choose; Model.options bounds it by the model.',
        complexity: SCHEMA_VALUES,
        resolve: ({ options }) => options,
      }),
    }),
  });
  const problem = builder.objectRef<PluginProblem>('PluginProblem').implement({
    description: "Something of the project's tessera.config that was left out.",
    fields: (t) => ({
      code: t.exposeString('code', { description: codeText }),
      message: t.exposeString('message', { description: messageText }),
    }),
  });
  builder.queryFields((t) => ({
    plugins: t.field({
      type: [plugin],
      description: 'Every plug-in that the server has: those of Tessera and those of its project.',
      complexity: (_args, { host }) => ({ multiplier: host.plugins().length }),
      resolve: (_root, _args, { host }) => [...host.plugins()],
    }),
    pluginProblems: t.field({
      type: [problem],
      description: "What was left out of the project's plug-ins, and why.",
      complexity: (_args, { host }) => ({ multiplier: host.pluginProblems().length }),
      resolve: (_root, _args, { host }) => [...host.pluginProblems()],
    }),
  }));
}
