import { createEngine } from '@tessera/engine';
import { openCase } from '/work/main/packages/parity/src/case-file.ts';
import { Checks } from '/work/main/packages/parity/src/checks.ts';
import { runners } from '/work/main/packages/parity/src/runners/runners.ts';
const [path, target='onnx', min='0.3'] = process.argv.slice(2);
const engine = createEngine({ target: target as 'onnx' });
const opened = await openCase(path!);
const file = await opened.read(); await opened.close();
const checks = new Checks(file);
try { await runners.find(r=>r.kind===file.kind)!.run(file,{checks,engine}); } catch(e) { console.log(e); }
for (const v of checks.finish()) if (v.share>Number(min)) console.log(v.share.toPrecision(3), v.name, v.failure ?? '');
