import { varPresets, varTokenizer } from '@tessera/models';
import type { BenchmarkRun } from './arguments.ts';
import { alternate, startOwnSide } from './measure.ts';
import { randomVar } from './random-model.ts';
import { seconds, table } from './format.ts';

/** How long the server's event loop waits while its model process makes images of VAR-d16. */
export const benchServer: BenchmarkRun = async ({ images, threads }, print) => {
  print('API server: delay of its event loop while VAR-d16 generates, one client polling every 100 ms');
  const { backbone, patchNums } = varPresets.d16;
  const model = 'var-d16';
  const folder = await randomVar({ name: model, backbone, tokenizer: varTokenizer(patchNums) });
  const side = await startOwnSide('server', { folder, model, threads, label: 207 });
  try {
    const [measured] = await alternate([side], { rounds: images, warmUp: true }, (_, { total }) =>
      print(`  ${seconds(total!)}`),
    );
    const { figures } = measured!;
    const milliseconds = (name: string): string => `${(1000 * figures[name]!).toFixed(1)} ms`;
    print(
      table([
        [`median of ${images}`, 'event loop delay'],
        ['p50', milliseconds('p50')],
        ['p99', milliseconds('p99')],
        ['worst', milliseconds('worst')],
      ]),
    );
    return measured!;
  } finally {
    await side.end();
  }
};
