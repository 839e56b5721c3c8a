import type { Conformance, ModelDescription, PluginFacts, PluginProblem } from '@tessera/host';
import { speedOf } from '../telemetry/queue-facts.ts';
import type { ApiBuilder } from './builder.ts';
import { codeText, messageText } from './errors.ts';
import type { NodeRef } from './nodes.ts';
import type { ModelSizesRef, TokenMapRef } from './sizes.ts';

/** About as many values as a JSON Schema of a plug-in or a model holds. */
const SCHEMA_VALUES = 50;
/** Maps of tokens of one model: VAR has ten at 256 pixels. */
export const USUAL_MAPS = 10;

export type ModelRef = ReturnType<typeof addModels>;
export type PreviewKindRef = ReturnType<typeof addPreviewKind>;

/** How each step is shown. */
export function addPreviewKind(builder: ApiBuilder) {
  return builder.enumType('PreviewKind', {
    description: 'How each step is shown.',
    values: {
      NONE: { value: 'none', description: 'Not at all.' },
      LINEAR: { value: 'linear', description: 'A small picture by a linear map of the tokens: costs next to nothing.' },
      DECODED: { value: 'decoded', description: 'By the full decoder: costs as much as a finished image, every step.' },
    } as const,
  });
}

interface ModelTypes {
  readonly map: TokenMapRef;
  readonly sizes: ModelSizesRef;
  readonly node: NodeRef;
  readonly preview: PreviewKindRef;
}

/** Models, and the queries for them. */
export function addModels(builder: ApiBuilder, { node, preview, map, sizes }: ModelTypes) {
  const modelClass = builder.objectRef<{ label: number; name: string }>('ModelClass').implement({
    description: 'A class that the model can draw.',
    fields: (t) => ({
      label: t.exposeInt('label', { description: 'Its number, from 0.' }),
      name: t.exposeString('name', { description: 'Its name for people.' }),
    }),
  });
  const size = builder.objectRef<ModelDescription['image']>('ImageSize').implement({
    description: 'In pixels.',
    fields: (t) => ({
      height: t.exposeInt('height', { description: 'Rows.' }),
      width: t.exposeInt('width', { description: 'Columns.' }),
      channels: t.exposeInt('channels', { description: '1 is gray, 3 is RGB.' }),
    }),
  });
  const kinds = builder.enumType('GuidanceKind', {
    description: 'How the weight of guidance goes over the steps of an image.',
    values: {
      NONE: { value: 'none', description: 'There is no guidance.' },
      RAMP: { value: 'ramp', description: 'From 1 at the first step to 1 + guidance at the last.' },
      LINEAR: { value: 'linear', description: 'From 1 to guidance, with the share of tokens that are known.' },
      CONSTANT: { value: 'constant', description: 'The same at every step.' },
    } as const,
  });
  const defaults = builder.objectRef<ModelDescription['defaults']>('ModelDefaults').implement({
    description: 'What holds where a request leaves it out; for its options see Model.options.',
    fields: (t) => ({
      guidance: t.exposeFloat('guidance', { description: 'How strongly the class pulls.' }),
      guidanceKind: t.expose('guidanceKind', { type: kinds, description: 'How its weight goes over the steps.' }),
      preview: t.field({ type: preview, description: 'How each step is shown.', resolve: (one) => one.preview }),
    }),
  });
  const parts = builder.objectRef<ModelDescription['parts']>('ModelParts').implement({
    description: 'Names of the plug-ins that a model is made of: see Query.plugins.',
    fields: (t) => ({
      tokenizer: t.exposeString('tokenizer', { description: 'Turns pictures into tokens and back.' }),
      order: t.exposeString('order', { description: 'Says which tokens come next.' }),
      backbone: t.exposeString('backbone', { description: 'Turns known tokens into hidden states.' }),
      head: t.exposeString('head', { description: 'Draws tokens from hidden states.' }),
      condition: t.exposeString('condition', { description: 'Embeds what an image is to show.' }),
    }),
  });
  const conditionSpace = builder.objectRef<ModelDescription['condition']>('ConditionSpace').implement({
    description: 'The conditions that a model knows.',
    fields: (t) => ({
      classes: t.exposeInt('classes', {
        nullable: true,
        description: 'How many classes it knows; null where its conditions are something else, a text for example.',
      }),
      schema: t.field({
        type: 'JSONObject',
        description: 'JSON Schema of a label, or of the input of another condition.',
        resolve: ({ json }) => json,
      }),
    }),
  });
  const model = builder.objectRef<ModelDescription>('Model').implement({
    description: 'A model folder that is ready to run.',
    interfaces: [node],
    fields: (t) => ({
      name: t.exposeString('name', { description: 'The name that createGeneration takes.' }),
      title: t.exposeString('title', { description: 'Its name for people.' }),
      description: t.exposeString('description', { description: 'A description, with its origin.' }),
      licence: t.exposeString('licence', { description: 'Of its weights.' }),
      classes: t.field({
        type: [modelClass],
        description: 'What it can draw; empty where it knows no classes.',
        complexity: (_args, { models }) => ({ multiplier: mostClasses(models.models()) }),
        resolve: ({ classes }) => classes.map((name, label) => ({ label, name })),
      }),
      condition: t.field({
        type: conditionSpace,
        description: 'What a request may say of an image.',
        resolve: ({ condition }) => condition,
      }),
      parameters: t.expose('parameters', { type: 'SafeInt', description: 'Number of trained values.' }),
      vocabulary: t.exposeInt('vocabulary', {
        nullable: true,
        description: 'Number of different tokens; null where tokens are continuous, or have several factors.',
      }),
      tokens: t.exposeInt('tokens', { description: 'Number of tokens of an image.' }),
      layout: t.field({
        type: [map],
        description: 'Where the tokens of an image lie: one or more maps, coarse to fine.',
        complexity: { multiplier: USUAL_MAPS },
        resolve: ({ layout }) => [...layout],
      }),
      image: t.expose('image', { type: size, description: 'Size of the images that it makes.' }),
      sizes: t.field({
        type: sizes,
        nullable: true,
        description: 'What other sizes a request may ask for; null where it makes its own alone.',
        resolve: ({ sizes: bounds }) => bounds,
      }),
      guidanceOff: t.exposeFloat('guidanceOff', {
        nullable: true,
        description: 'The value that turns guidance off; null if the model takes none.',
      }),
      options: t.field({
        type: 'JSONObject',
        description: "What a request's options may hold: a JSON Schema whose defaults are the model's own.",
        complexity: SCHEMA_VALUES,
        resolve: ({ options }) => options,
      }),
      parts: t.expose('parts', { type: parts, description: 'The plug-ins that it is made of.' }),
      stride: t.exposeString('stride', {
        description: 'What one step is: a scale, a token, a set of tokens, or a part of a scale.',
      }),
      millisecondsPerImage: t.float({
        nullable: true,
        description:
          'Average time that an image has lately taken on the workers of this service, once the model was in memory; null where none has made one.',
        resolve: async ({ name }, _args, { overview }) => {
          // A database that is away takes no model with it.
          const known = await overview.queue().catch(() => null);
          return known && speedOf(name, known.workers);
        },
      }),
      samples: t.field({
        type: 'URI',
        nullable: true,
        description:
          'Where a picture is of what it draws, one class per column, on this server; null where it brings none along.',
        resolve: ({ name }, _args, { models }) =>
          models.samplesOf(name) === null ? null : `/v1/models/${encodeURIComponent(name)}/samples`,
      }),
      defaults: t.expose('defaults', {
        type: defaults,
        description: 'The settings of a request that leaves them out.',
      }),
    }),
  });
  builder.queryFields((t) => ({
    models: t.field({
      type: [model],
      description: 'Every model that is ready to run.',
      complexity: (_args, { models }) => ({ multiplier: models.models().length }),
      resolve: (_root, _args, { models }) => [...models.models()],
    }),
    model: t.field({
      type: model,
      nullable: true,
      description: 'One model; null where none has this name.',
      args: { name: t.arg.string({ required: true, description: 'The name that createGeneration takes.' }) },
      resolve: (_root, { name }, { models }) => models.models().find((one) => one.name === name) ?? null,
    }),
  }));
  return model;
}

/** The most classes that one of these models has. */
export function mostClasses(models: readonly ModelDescription[]): number {
  return Math.max(0, ...models.map(({ classes }) => classes.length));
}

/** A model's own kind of guidance, and those that its requests may name. */
function offers({ options, defaults, guidanceOff }: ModelDescription, name: string): boolean {
  const choices = options.properties?.['guidanceBy']?.enum;
  return choices ? choices.includes(name) : guidanceOff !== null && defaults.guidanceKind === name;
}

/** Plug-ins, and the query for them. */
export function addPlugins(builder: ApiBuilder): void {
  const kind = builder.enumType('PluginKind', {
    description: 'Which part of a model.',
    values: {
      TOKENIZER: { value: 'tokenizer', description: 'Turns pictures into tokens and back.' },
      ORDER: { value: 'order', description: 'Says which tokens come next.' },
      BACKBONE: { value: 'backbone', description: 'Turns known tokens into hidden states.' },
      HEAD: { value: 'head', description: 'Draws tokens from hidden states.' },
      CONDITION: { value: 'condition', description: 'Embeds what an image is to show.' },
      GUIDANCE: { value: 'guidance', description: 'Says how strongly conditions pull. Requests name it: guidanceBy.' },
    } as const,
  });
  const conformance = builder.objectRef<Conformance>('Conformance').implement({
    description: 'How the conformance kit judged a part: the word of its package, in its certificate.json.',
    fields: (t) => ({
      cases: t.exposeInt('cases', { description: 'How many cases were tried.' }),
      failed: t.exposeStringList('failed', { description: 'Ids of the cases that failed.' }),
      kit: t.exposeString('kit', { description: 'The version of @tessera/plugin-kit that judged it.' }),
      version: t.exposeString('version', {
        nullable: true,
        description: 'The version of the package that was judged, which may be another than the installed one.',
      }),
    }),
  });
  const plugin = builder.objectRef<PluginFacts>('Plugin').implement({
    description: 'A part that models may name: one of Tessera, or of the project that the server runs in.',
    fields: (t) => ({
      kind: t.expose('kind', { type: kind, description: 'Which part of a model it is.' }),
      name: t.exposeString('name', { description: 'What model.json calls it.' }),
      package: t.exposeString('package', {
        nullable: true,
        description: 'The npm package; null where it is not known.',
      }),
      version: t.exposeString('version', { nullable: true, description: 'The installed version of that package.' }),
      models: t.stringList({
        description: 'Names of the models of this server that are made of it, or whose requests may name it.',
        resolve: ({ kind, name }, _args, { models }) =>
          models.models().flatMap((model) => {
            const isPart = kind === 'guidance' ? offers(model, name) : model.parts[kind] === name;
            return isPart ? model.name : [];
          }),
      }),
      contract: t.exposeInt('contract', { description: 'The version of the contracts that it speaks.' }),
      conformance: t.expose('conformance', {
        type: conformance,
        nullable: true,
        description: "How it was judged; null of Tessera's own, which are tested, and where the package does not tell.",
      }),
      space: t.exposeString('space', {
        nullable: true,
        description: 'Of heads: what they predict, discrete tokens, continuous ones, or factors of tokens.',
      }),
      stride: t.exposeString('stride', {
        nullable: true,
        description: 'Of orders: what one step is, a scale, a token, a set of tokens, or a part of a scale.',
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
    description: "A part of the project's tessera.config that could not be used.",
    fields: (t) => ({
      code: t.exposeString('code', { description: codeText }),
      message: t.string({ description: messageText, resolve: ({ message }) => withoutFolders(message) }),
    }),
  });
  builder.queryFields((t) => ({
    plugins: t.field({
      type: [plugin],
      description: 'Every plug-in that the server has: those of Tessera and those of its project.',
      complexity: (_args, { models }) => ({ multiplier: models.plugins().length }),
      resolve: (_root, _args, { models }) => [...models.plugins()],
    }),
    pluginProblems: t.field({
      type: [problem],
      description: 'Plug-ins of the project that could not be used, and why.',
      complexity: (_args, { models }) => ({ multiplier: models.pluginProblems().length }),
      resolve: (_root, _args, { models }) => [...models.pluginProblems()],
    }),
  }));
}

/** Node's own errors name files by their whole path, which is the operator's alone: the log has it. */
export function withoutFolders(message: string): string {
  return message.replace(/(?<![\w@.:/])(?:file:\/\/)?(?:\/[^\s'"/]+)+\/([^\s'"/]+)/g, '…/$1');
}
