// Runs where only tarballs are installed: digits from a model folder whose head is no part of Tessera, and how many of
// them the judge that ships recognises.
import { flowMatchingHead } from '@tessera-examples/head-flow-matching';
import { openShippedJudge } from '@tessera/features';
import { createEngine } from '@tessera/targets';
import { openModel } from '@tessera/models';
import { encodePng, tile } from '@tessera/pictures';
import { imagesOfClasses } from '@tessera/request';
import { writeFile } from 'node:fs/promises';

const labels = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const engine = createEngine({ threads: 1 });
const model = await openModel(process.argv[2], { engine, plugins: { heads: [flowMatchingHead] } });
const images = [];
const events = model.generate({ images: imagesOfClasses(labels), seed: 1 });
for await (const event of events) if (event.type === 'image') images.push(event.pixels);
await writeFile('digits.png', await encodePng(tile(images, { columns: 10 })));

const judge = await openShippedJudge('mnist-32');
const { height, width, channels } = images[0];
const program = judge.open(engine, { height, width, channels });
const { label_N } = await program.run(Float32Array.from(images.flatMap(({ data }) => [...data])));
const recognised = labels.filter((label, n) => label_N[n] === label).length;
console.log(JSON.stringify({ recognised, of: labels.length }));
program.dispose();
judge.dispose();
model.dispose();
engine.dispose();
