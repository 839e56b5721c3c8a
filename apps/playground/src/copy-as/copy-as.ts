import type { GenerationInput } from '../api/operations.ts';
import { word } from './shell-word.ts';

/** Ways to make the same images without the page. */
export type CopyKind = 'tessera' | 'curl' | 'graphql' | 'typescript';

export const copyKinds: readonly { readonly kind: CopyKind; readonly title: string }[] = [
  { kind: 'tessera', title: 'tessera' },
  { kind: 'curl', title: 'curl' },
  { kind: 'typescript', title: 'TypeScript' },
  { kind: 'graphql', title: 'GraphQL' },
];

interface CopiedRequest {
  readonly input: GenerationInput;
  /** Of the server, for what asks one: http://localhost:4000. */
  readonly origin: string;
  /** The server asks for a key; the text names a variable, never the key. */
  readonly withKey: boolean;
}

/** The text for one way. Null where it cannot say the request: the command line takes edited pictures as files. */
export function copyAs(kind: CopyKind, request: CopiedRequest): string | null {
  switch (kind) {
    case 'tessera':
      return commandLine(request.input);
    case 'curl':
      return curl(request);
    case 'typescript':
      return typescript(request);
    case 'graphql':
      return graphql(request.input);
  }
}

/** The same for eyes: of a picture that was given only its beginning. */
export function shortened(text: string): string {
  return text.replaceAll(/(data:image\/[a-z]+;base64,[\w+/]{12})[\w+/=]+/g, '$1…');
}

const KEY = 'TESSERA_KEY';

function commandLine({ model, images, seed, guidance, size, options, edit }: GenerationInput): string | null {
  const all = (images ?? []).flatMap(({ condition, count = 1 }) => Array<typeof condition>(count ?? 1).fill(condition));
  const labels = all.map((condition) => condition?.label);
  const inputs = all.map((condition) => JSON.stringify(condition?.input ?? null));
  const own = images?.some(({ seed: one }) => one !== undefined && one !== null) ?? false;
  const isOfClasses = labels.every((label) => typeof label === 'number');
  if (edit || own || (!isOfClasses && inputs.includes('null'))) return null;
  const given = isOfClasses ? labels.map(String) : inputs.map(word);
  const isOne = new Set(given).size === 1;
  const list = isOfClasses ? [`--label ${given.join(',')}`] : given.map((input) => `--condition ${input}`);
  const asked = isOne ? [`--${isOfClasses ? 'label' : 'condition'} ${given[0]}`, `--count ${given.length}`] : list;
  return [
    'npx tessera generate',
    `--model ${word(model)}`,
    ...(labels.length > 0 ? asked : []),
    ...(seed === undefined || seed === null ? [] : [`--seed ${seed}`]),
    ...(guidance === undefined || guidance === null ? [] : [`--guidance ${guidance}`]),
    ...(size ? [`--size ${size.width}x${size.height}`] : []),
    ...Object.entries(options ?? {}).map(([name, value]) => `--set ${word(`${name}=${String(value)}`)}`),
    '--out images',
  ].join(' ');
}

function curl({ input, origin, withKey }: CopiedRequest): string {
  return [
    `curl --silent --show-error ${word(`${origin}/v1/generations`)}`,
    `--header 'content-type: application/json'`,
    `--header 'Prefer: wait=60'`,
    ...(withKey ? [`--header "Authorization: Bearer $${KEY}"`] : []),
    `--data ${word(JSON.stringify(input))}`,
  ].join(' \\\n  ');
}

function typescript({ input, origin, withKey }: CopiedRequest): string {
  const key = withKey ? `, key: process.env['${KEY}']!` : '';
  return `import { writeFile } from 'node:fs/promises';
import { createClient } from '@tessera/client';

const tessera = createClient({ url: ${JSON.stringify(origin)}${key} });
const made = await tessera.createGeneration(${JSON.stringify(input, null, 2)});
if (made.__typename !== 'CreateGenerationPayload') throw new Error(made.message);
for await (const event of tessera.events(made.generation.id)) {
  if (event.__typename === 'StepEvent') console.log(\`step \${event.index + 1} of \${event.of}\`);
  if (event.__typename === 'FailedEvent') throw new Error(event.message);
  if (event.__typename !== 'CompletedEvent') continue;
  for (const [i, image] of event.images.entries()) await writeFile(\`image-\${i}.png\`, await tessera.download(image));
}
await tessera.close();
`;
}

function graphql(input: GenerationInput): string {
  return `# POST /graphql, or paste it into /graphiql
mutation {
  createGeneration(input: ${literal(input)}) {
    ... on CreateGenerationPayload { generation { id state } }
    ... on Error { code message field }
  }
}
`;
}

/** A value as GraphQL writes it: names of fields without quotes. */
function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  return `{ ${entries.map(([name, one]) => `${name}: ${literal(one)}`).join(', ')} }`;
}
