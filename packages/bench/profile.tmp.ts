import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { createEngine } from '@tessera/engine';
import { openModel } from '@tessera/models';
const require = createRequire(import.meta.resolve('@tessera/engine'));
const ort = require('onnxruntime-node');
const create = ort.InferenceSession.create.bind(ort.InferenceSession);
const sessions: any[] = [];
let n = 0;
const prof = process.argv.includes('--profile');
ort.InferenceSession.create = async (bytes: any, options: any) => {
  const extra = prof ? { enableProfiling: true, profileFilePrefix: `/tmp/prof/s${n++}` } : {};
  const t = performance.now();
  const s = await create(bytes, { ...options, ...extra });
  console.log('create', (performance.now() - t).toFixed(0), 'ms', bytes.byteLength);
  sessions.push(s);
  return s;
};
const engine = createEngine({ target: 'onnx', threads: 2 });
const t0 = performance.now();
const model = await openModel('/tmp/tessera-bench/var-d16', { engine });
console.log('open', performance.now() - t0);
const N = 3;
for (let i = 0; i < N; i++) {
  const c = process.cpuUsage();
  const start = performance.now();
  let last = start;
  const steps: string[] = [];
  for await (const e of model.generate({
    labels: [207],
    seed: i,
    guidance: 1.5,
    options: { topK: 900, topP: 0.96 },
    preview: 'none',
  })) {
    const now = performance.now();
    steps.push((now - last).toFixed(0));
    last = now;
  }
  const u = process.cpuUsage(c);
  console.log(
    'image',
    (last - start).toFixed(0),
    'cpu',
    ((u.user + u.system) / 1000).toFixed(0),
    'steps',
    steps.join(' '),
  );
}
console.log(engine.profile());
console.log(readFileSync('/proc/self/status', 'utf8').match(/VmHWM.*|VmRSS.*/g));
if (prof) for (const s of sessions) s.endProfiling();
