import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Checkpoint } from '../checkpoint.ts';
import { toNumbers } from '../convert.ts';
import { openCheckpoint, type OpenOptions } from '../open-checkpoint.ts';
import { fixture, refusal } from '../testing/test-files.ts';
import { torchEnvironment } from './allow-list.ts';

async function opened<T>(name: string, work: (file: Checkpoint) => Promise<T>, options?: OpenOptions): Promise<T> {
  const file = await openCheckpoint(fixture(name), options);
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}

async function numbers(file: Checkpoint, name: string): Promise<number[]> {
  const { dtype } = file.tensors.get(name)!;
  return [...toNumbers(await file.read(name), dtype, { who: file.path, name })];
}

/** Written by PyTorch 2.15, whose `torch.load(weights_only=True)` reads the first one. */
describe.each(['torch_types.pth', 'torch_types_legacy.pth'])('%s', (name) => {
  it('holds tensors of every type that has a storage of bare bytes', async () => {
    await opened(name, async (file) => {
      for (const dtype of ['e4m3fn', 'e5m2', 'e4m3fnuz', 'e5m2fnuz', 'e8m0fnu']) {
        expect(await numbers(file, `state_dict.float8_${dtype}`), dtype).toEqual([1, 2, 4]);
      }
      for (const dtype of ['uint16', 'uint32', 'uint64']) {
        expect(await numbers(file, `state_dict.${dtype}`), dtype).toEqual([1, 2, 65535]);
      }
      expect(await numbers(file, 'state_dict.uint16_transposed')).toEqual([0, 3, 1, 4, 2, 5]);
      const complex = new Float32Array((await file.read('state_dict.complex64')).buffer);
      expect([...complex]).toEqual([1, 2, 3, -4]);
      expect(['complex128', 'complex32'].map((one) => file.tensors.get(`state_dict.${one}`)!.dtype)).toEqual([
        'complex128',
        'complex32',
      ]);
    });
  });

  it('holds tensors with attributes, and plain data of every allowed kind', async () => {
    await opened(name, async (file) => {
      expect(await numbers(file, 'state_dict.parameter')).toEqual([5, 6]);
      expect(await numbers(file, 'state_dict.attributes')).toEqual([7, 8]);
      expect(Object.fromEntries(file.values)).toEqual({
        'facts.size.0': 2,
        'facts.size.1': 3,
        'facts.dtype': 'torch.bfloat16',
        'facts.device': 'cuda:1',
        'facts.cpu': 'cpu',
        'facts.set.0': 4,
        'facts.counter.a': 2,
        'facts.counter.b': 1,
        'facts.complex': '(1+2j)',
        'facts.bytes': 'ab',
        'facts.bytearray': 'cd',
        'facts.layout': 'torch.strided',
        'facts.uint': 'torch.uint16',
        'facts.f8': 'torch.float8_e4m3fn',
        'facts.(a, 1)': 2,
        'facts.qscheme': 'torch.per_tensor_affine',
        'facts.class': 'torch.FloatTensor',
      });
      expect(file.leftOut).toEqual([]);
    });
  });
});

describe('the allow-list', () => {
  const names = JSON.parse(readFileSync(fixture('torch_allowed_globals.json'), 'utf8')) as string[];

  it('has all that PyTorch 2.15 allows where only weights are loaded', () => {
    const environment = torchEnvironment('test', { unknown: 'refuse', met: new Set() });
    for (const name of names) {
      const at = name.lastIndexOf('.');
      expect(environment.find(name.slice(0, at), name.slice(at + 1)), name).toEqual({ kind: 'global', name });
    }
    expect(names).toHaveLength(144);
  });
});

describe('tensors whose bytes are not their numbers', () => {
  it.each(['sparse', 'quantised', 'meta', 'conjugated', 'negated'])(
    'a %s one is refused, or left out',
    async (kind) => {
      const name = `not_dense_${kind}.pth`;
      expect((await refusal(openCheckpoint(fixture(name)))).code).toBe('tensor-unsupported');
      await opened(
        name,
        async (file) => {
          expect([...file.tensors.keys()]).toEqual(['y']);
          expect(file.leftOut.map((one) => one.name)).toEqual(['x']);
        },
        { unknown: 'skip' },
      );
    },
  );
});

/** A file of objects of many kinds: a whole module, paths, arrays, a circle, and a call of `os.system`. */
describe('objects that are not on the allow-list', () => {
  const harmful = '/tmp/pwned_by_skipping';

  it('are refused in a sentence that is true', async () => {
    const harmless = await refusal(openCheckpoint(fixture('unknown_objects.pth')));
    expect(harmless.code).toBe('pickle-global-refused');
    expect(harmless.message).toContain('"torch.nn.modules.container.Sequential", which is not on the allow-list');
    expect(harmless.message).toContain('--skip-unknown');
    const harm = await refusal(openCheckpoint(fixture('malicious_os_system.pth')));
    expect(harm.message).toContain('"posix.system", which can run code where Python loads the file');
  });

  it('are left out by name, with the tensors inside of them read, and nothing run', async () => {
    await opened(
      'unknown_objects.pth',
      async (file) => {
        expect(await numbers(file, 'model.0.weight')).toEqual([1, 2, 3, 4]);
        expect(await numbers(file, 'default.w')).toEqual([1, 2]);
        expect(await numbers(file, 'pair.0')).toEqual([3]);
        expect(await numbers(file, 'loop.w')).toEqual([9]);
        expect(await numbers(file, 'plain')).toEqual([4]);
        expect(file.tensors.size).toBe(11);
        expect([...file.values]).toEqual([['epoch', 3]]);
        expect(file.leftOut.map(({ name, what }) => `${name} ${what}`)).toEqual([
          'model torch.nn.modules.container.Sequential',
          'path pathlib.PurePosixPath',
          'default collections.defaultdict',
          'scalar numpy._core.multiarray.scalar',
          'array numpy._core.multiarray._reconstruct',
          'run posix.system',
          'pair __main__.NT',
          'loop __main__.Loop',
          'optimiser torch.optim.adamw.AdamW',
          'by functools.partial',
        ]);
        expect(file.leftOut.filter((one) => one.runsCode).map(({ name }) => name)).toEqual(['run']);
      },
      { unknown: 'skip' },
    );
    expect(existsSync(harmful)).toBe(false);
  });

  it.each([
    ['malicious_os_system.pth', ['model.w'], 'posix.system'],
    ['malicious_builtins_eval.pth', ['w'], '__builtin__.eval'],
  ])('%s stays harmless', async (name, tensors, what) => {
    await opened(
      name,
      async (file) => {
        expect([...file.tensors.keys()]).toEqual(tensors);
        expect(file.leftOut).toEqual([{ name: 'x', what, runsCode: true }]);
      },
      { unknown: 'skip' },
    );
    expect(existsSync('/tmp/pwned_by_pickle')).toBe(false);
  });
});
