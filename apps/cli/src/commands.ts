import type { Command } from './command.ts';
import { doctor } from './commands/doctor.ts';
import { evaluate } from './commands/evaluate.ts';
import { exportCommand } from './commands/export.ts';
import { generate } from './commands/generate.ts';
import { importCommand } from './commands/import.ts';
import { inspect } from './commands/inspect.ts';
import { models } from './commands/models.ts';
import { serve } from './commands/serve.ts';
import { train } from './commands/train.ts';

/** Every verb, in the order of the help page. */
export const commands: readonly Command[] = [
  generate,
  models,
  train,
  evaluate,
  importCommand,
  exportCommand,
  inspect,
  serve,
  doctor,
];
