import { describe, expect, expectTypeOf, it } from 'vitest';
import { helpOf, nearestCommand, readCommandLine, runProgram } from './command.ts';
import { choice, choices, flag, integer, integers, list, number, numbers, text, texts } from './options.ts';

const line = {
  call: 'tessera draw',
  summary: 'Draw pictures.',
  positionals: { usage: 'FILE', least: 1, most: 2 },
  options: {
    out: text({ value: 'DIR', required: true, help: 'folder for the pictures' }),
    seed: integer({ value: 'S', from: 0, to: 99, otherwise: 3, help: 'seed of the first picture' }),
    guidance: number({ value: 'G', help: 'strength of guidance' }),
    set: texts({ value: 'NAME=VALUE', help: 'an option of the model, repeatable' }),
    tolerance: number({ value: 'X', from: 0, help: 'how far numbers may differ' }),
    dtype: choice({ value: 'T', of: ['float32', 'float16'], otherwise: 'float32', help: 'how numbers are stored' }),
    target: choices({ value: 'T', of: ['onnx', 'eager', 'tensorflow'], help: 'where programs run' }),
    kind: list({ value: 'PATTERNS', help: 'patterns' }),
    patchNums: integers({ value: 'LIST', from: 1, to: 64, help: 'sides of the scales' }),
    box: numbers({
      value: 'x0,y0,x1,y1',
      count: 4,
      expected: 'four numbers x0,y0,x1,y1 from 0 to 1',
      help: 'a rectangle',
    }),
    stepsStrip: flag('also write steps.png'),
  },
  examples: ['tessera draw picture.png --out pictures'],
} as const;

const read = (...argv: string[]) => readCommandLine(line, ['picture.png', '--out', 'x', ...argv])!.values;

describe('a command line', () => {
  it('gives every option by its type, with defaults', () => {
    const given = readCommandLine(line, ['a', '--out', 'x', 'b'])!;
    expect(given.positionals).toEqual(['a', 'b']);
    expect(given.values).toEqual({
      ...{ out: 'x', seed: 3, guidance: undefined, set: [], dtype: 'float32', target: [], kind: [] },
      ...{ patchNums: undefined, tolerance: undefined, box: undefined, stepsStrip: false },
    });
    expectTypeOf(given.values.out).toEqualTypeOf<string>();
    expectTypeOf(given.values.seed).toEqualTypeOf<number>();
    expectTypeOf(given.values.guidance).toEqualTypeOf<number | undefined>();
    expectTypeOf(given.values.set).toEqualTypeOf<readonly string[]>();
    expectTypeOf(given.values.dtype).toEqualTypeOf<'float32' | 'float16'>();
    expectTypeOf(given.values.stepsStrip).toEqualTypeOf<boolean>();
  });

  it('reads values, lists separated by commas, and repeated options', () => {
    expect(read('--seed', '7', '--guidance=-1.5', '--set', 'a=1', '--set=b=2,3', '--steps-strip')).toMatchObject({
      ...{ seed: 7, guidance: -1.5, set: ['a=1', 'b=2,3'], stepsStrip: true },
    });
    const lists = [
      '--target',
      'onnx, eager',
      '--kind',
      'var.*',
      '--kind',
      'mar.net',
      '--patch-nums',
      '1,2,3',
      '--box',
      '0,.5,1,1',
    ];
    expect(read(...lists)).toMatchObject({
      ...{ target: ['onnx', 'eager'], kind: ['var.*', 'mar.net'], patchNums: [1, 2, 3], box: [0, 0.5, 1, 1] },
    });
    expect(read('--tolerance', '0').tolerance).toBe(0);
    expect(readCommandLine(line, ['--out', 'x', '--', '--seed'])!.positionals).toEqual(['--seed']);
  });

  it.each([
    [['--seed', '100'], '[tessera draw] got --seed 100; expected an integer from 0 to 99.'],
    [['--seed', '-1'], '[tessera draw] got --seed -1; expected an integer from 0 to 99.'],
    [['--seed', '1.5'], 'got --seed 1.5; expected an integer from 0 to 99.'],
    [['--guidance', 'NaN'], 'got --guidance NaN; expected a number.'],
    [['--guidance', ''], "got --guidance ''; expected a number."],
    [['--tolerance', '-1'], 'got --tolerance -1; expected a number of at least 0.'],
    [['--tolerance', 'some'], 'got --tolerance some; expected a number of at least 0.'],
    [['--set', ''], "got --set ''; expected a value."],
    [['--dtype', 'int8'], 'got --dtype int8; expected float32 or float16.'],
    [['--target', 'onnx,abacus'], 'got --target abacus; expected one of onnx, eager, tensorflow.'],
    [['--patch-nums', '1,2,many'], 'got --patch-nums many; expected an integer from 1 to 64.'],
    [['--guidance', ' '], "got --guidance ' '; expected a number."],
    [['--patch-nums', ''], "got --patch-nums ''; expected values separated by commas, none of them empty."],
    [['--patch-nums', '1,,2'], 'got --patch-nums 1,,2; expected values separated by commas, none of them empty.'],
    [['--target', 'onnx,'], 'got --target onnx,; expected values separated by commas, none of them empty.'],
    [['--kind', 'a,,b'], 'got --kind a,,b; expected values separated by commas, none of them empty.'],
    [['--box', '0,0,1'], 'got --box 0,0,1; expected four numbers x0,y0,x1,y1 from 0 to 1.'],
  ])('refuses %j as a wrong value', (argv, sentence) => {
    expect(() => read(...argv)).toThrow(
      expect.objectContaining({ code: 'option', message: expect.stringContaining(sentence) }),
    );
  });

  it.each([
    [
      ['a', '--sed', '1', '--out', 'x'],
      'got the unknown option --sed; expected tessera draw FILE --out DIR [OPTIONS]. Did you mean --seed or --set? See tessera draw --help.',
    ],
    [['a', '-q', '--out', 'x'], 'got the unknown option -q; expected tessera draw FILE --out DIR [OPTIONS]. See'],
    [
      ['a', '--out', 'x', '--steps-strip=3'],
      'got --steps-strip=3; expected --steps-strip alone, which takes no value.',
    ],
    [['a', '--out', 'x', '--seed'], 'got --seed S without its value; expected'],
    [['a', '--out', '--seed', '3'], 'got --out DIR without its value; expected'],
    [['a', '--out', '--seed=3'], 'got --out DIR without its value; expected'],
    [['a', '--out', 'x', '--seed', '1', '--seed=2'], 'got --seed S twice; expected --seed S once.'],
    [['a', '--out', 'x', '--out', 'x'], 'got --out DIR twice; expected --out DIR once.'],
    [['a', '--out', 'x', '--steps-strip', '--steps-strip'], 'got --steps-strip twice; expected --steps-strip once.'],
    [['a'], 'got no --out DIR; expected a value for it.'],
    [['--out', 'x'], 'got no argument; expected tessera draw FILE --out DIR [OPTIONS].'],
    [['a', 'b', 'c', '--out', 'x'], 'got the arguments a b c; expected'],
  ])('refuses %j as not understood', (argv, sentence) => {
    expect(() => readCommandLine(line, argv)).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining(sentence) }),
    );
  });

  it('finds the command that was probably meant', () => {
    expect(nearestCommand('inspekt', ['generate', 'inspect'])).toBe('inspect');
    expect(nearestCommand('paint', ['generate', 'inspect'])).toBeNull();
  });

  it('shows its page, whatever else is missing', () => {
    for (const argv of [['--help'], ['-h'], ['--seeed', '--help'], ['a', 'b', 'c', '-h']]) {
      expect(readCommandLine(line, argv)).toBeNull();
    }
    const page = helpOf(line).join('\n');
    expect(page).toMatch(/^Draw pictures\.\n\nUsage: tessera draw FILE --out DIR \[OPTIONS\]\n\nOptions:\n/);
    expect(page).toMatch(/^ {2}--seed S +seed of the first picture \(default: 3\)$/m);
    expect(page).toMatch(/^ {2}--box x0,y0,x1,y1 +a rectangle$/m);
    expect(page).toMatch(/^ {2}--steps-strip +also write steps\.png$/m);
    expect(page).toMatch(
      /^ {2}-h, --help +show this page\n\nExamples:\n {2}tessera draw picture\.png --out pictures\n$/m,
    );
  });
});

describe('a program of one command', () => {
  const run = async (argv: string[]) => {
    const lines: string[] = [];
    const own = { ...line, call: 'npm run draw --', who: 'draw' };
    const exit = await runProgram(own, argv, {
      print: (printed) => lines.push(printed),
      async run({ positionals: [file] }) {
        if (file === 'broken') throw new Error('It broke.');
        return 3;
      },
    });
    return [exit, ...lines];
  };

  it('ends with the code of its run, with 0 after help, and with a sentence and 1 where it fails, 2 where it is not understood', async () => {
    expect(await run(['a', '--out', 'x'])).toEqual([3]);
    expect(await run(['--help'])).toEqual([0, expect.stringContaining('npm run draw -- FILE --out DIR')]);
    expect(await run(['broken', '--out', 'x'])).toEqual([1, 'It broke.']);
    expect(await run(['a', '--out', 'x', '--seed', 'y'])).toEqual([
      1,
      expect.stringMatching(/got --seed y; .*\(option\)$/),
    ]);
    expect(await run(['a'])).toEqual([
      2,
      '[draw] got no --out DIR; expected a value for it. See npm run draw -- --help. (usage)',
    ]);
  });
});
