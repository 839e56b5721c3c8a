import { expect, it } from 'vitest';
import { BatchMeter, registry } from './index.ts';

it('counts a step of a batch once, with all who took part in it', async () => {
  const meter = new BatchMeter('m');
  meter.step({ id: 'a', images: 2, milliseconds: 10 });
  meter.step({ id: 'b', images: 1, milliseconds: 10 });
  // The next step, by chance as long; and one of a newcomer that catches up alone.
  meter.step({ id: 'a', images: 2, milliseconds: 10 });
  meter.step({ id: 'b', images: 1, milliseconds: 10 });
  meter.step({ id: 'c', images: 4, milliseconds: 3 });
  meter.image(7);
  meter.end();
  meter.end();
  const text = await registry.metrics();
  expect(text).toContain('tessera_batch_images_sum{model="m"} 10');
  expect(text).toContain('tessera_batch_images_count{model="m"} 3');
  expect(text).toContain('tessera_batch_members_sum{model="m"} 5');
  expect(text).toContain('tessera_model_seconds_total{model="m"} 0.03');
});
