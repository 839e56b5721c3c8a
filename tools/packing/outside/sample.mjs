// Runs where only tarballs are installed: digits from a model folder whose head is no part of Tessera, and how many of
// them the judge that ships recognises.
import { flowMatchingHead } from '@tessera-examples/head-flow-matching';
import { createEngine } from '@tessera/targets';
import { openModel } from '@tessera/models';
import { encodePng, tile } from '@tessera/pictures';
import { imagesOfClasses } from '@tessera/request';
import { openShippedJudge } from '@tessera/training';
import * as tf from '@tensorflow/tfjs';
import { writeFile } from 'node:fs/promises';

const labels = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const engine = createEngine({ threads: 1 });
const model = await openModel(process.argv[2], { engine, plugins: { heads: [flowMatchingHead] } });
const images = [];
const events = model.generate({ images: imagesOfClasses(labels), seed: 1 });
for await (const event of events) if (event.type === 'image') images.push(event.pixels);
await writeFile('digits.png', await encodePng(tile(images, { columns: 10 })));

const { judge, dispose } = await openShippedJudge('mnist-32');
const seen = images.map(({ data, height, width }) =>
  tf.tidy(() => {
    const logits = judge.classify(judge.features(tf.tensor4d(data, [1, height, width, 1])));
    return logits.argMax(1).dataSync()[0];
  }),
);
console.log(
  JSON.stringify({ recognised: seen.filter((label, row) => label === labels[row]).length, of: labels.length }),
);
dispose();
model.dispose();
engine.dispose();
