import { parseArgs } from 'node:util';
import { createPlugin } from './create-plugin.ts';
import { kinds, type KindName } from './kinds.ts';
import { Refusal } from './refusal.ts';

const names = Object.keys(kinds);

const help = `npm create tessera-plugin: a new package with a part for Tessera, ready to publish.

Usage: npm create tessera-plugin NAME -- --kind KIND

  NAME         of the package: my-head, @acme/my-head; its folder is made here
  --kind KIND  ${names.join(', ')}
  -h, --help   show this page

Examples:
  npm create tessera-plugin my-head -- --kind head
  npm create tessera-plugin @acme/spiral -- --kind order
`;

interface RunOptions {
  /** The folder that the new folder is made in. */
  readonly into: string;
  readonly print?: (line: string) => void;
}

/** Runs the command line. Returns the exit code: 0 done, 1 failed, 2 not understood. */
export function runCreate(argv: readonly string[], { into, print = console.log }: RunOptions): number {
  try {
    const request = readArguments(argv);
    if (request === null) print(help);
    else for (const line of nextSteps(createPlugin({ ...request, into }))) print(line);
    return 0;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    print(`${error.message} (${error.code})`);
    return error.code === 'usage' ? 2 : 1;
  }
}

/** Null where help is asked for. */
function readArguments(argv: readonly string[]): { readonly name: string; readonly kind: KindName } | null {
  const { values, positionals } = parse(argv);
  if (values.help) return null;
  const [name, ...more] = positionals;
  const see = 'See npm create tessera-plugin -- --help.';
  if (name === undefined || more.length > 0) {
    const got = name === undefined ? 'no name' : `the names ${positionals.join(' ')}`;
    throw new Refusal({ code: 'usage', got, expected: 'one name of a package', next: see });
  }
  const { kind } = values;
  if (kind !== undefined && Object.hasOwn(kinds, kind)) return { name, kind: kind as KindName };
  // npm takes options without -- before them for its own, and passes none of them on.
  const got = kind === undefined ? 'no --kind' : `--kind ${kind}`;
  const next =
    kind === undefined ? `After npm create, it follows --: npm create tessera-plugin ${name} -- --kind head.` : see;
  throw new Refusal({ code: 'usage', got, expected: `--kind with one of ${names.join(', ')}`, next });
}

function parse(argv: readonly string[]) {
  try {
    const options = { kind: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const;
    return parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (error) {
    const got = error instanceof Error ? error.message.split('. ')[0]! : String(error);
    throw new Refusal({
      code: 'usage',
      got,
      expected: 'NAME --kind KIND',
      next: 'See npm create tessera-plugin -- --help.',
    });
  }
}

function nextSteps({ name, folder, files }: ReturnType<typeof createPlugin>): string[] {
  return [
    `${name} is in ${folder}:`,
    ...files.map((file) => `  ${file}`),
    'Now:',
    `  cd ${folder} && npm install`,
    '  npm test         # the conformance kit',
    '  npm run certify  # the same for what is published, as a report that goes with it',
    '  npm run trial    # trains a tiny model with it, and draws images',
  ];
}
