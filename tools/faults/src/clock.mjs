// Loaded before a process under test (`node --import`): shifts its clock by the milliseconds that the file in TESSERA_FAULTS_CLOCK names.
import { readFileSync, watchFile } from 'node:fs';
import process from 'node:process';

const file = process.env.TESSERA_FAULTS_CLOCK;
const RealDate = Date;
let shift = 0;
const read = () => {
  shift = Number(readFileSync(file, 'utf8')) || 0;
};
read();
watchFile(file, { interval: 100, persistent: false }, read);

globalThis.Date = class extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(RealDate.now() + shift);
    else super(...given);
  }

  static now() {
    return RealDate.now() + shift;
  }
};
