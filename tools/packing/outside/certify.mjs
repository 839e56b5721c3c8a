// Runs where only tarballs are installed: what the conformance kit says of a head that is no part of Tessera.
import { flowMatchingHead } from '@tessera-examples/head-flow-matching';
import { cases } from '@tessera/plugin-kit/conformance';

for (const { name, run } of cases(flowMatchingHead, { config: { blocks: 1, width: 16 } })) {
  await run();
  console.log(name);
}
