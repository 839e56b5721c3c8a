export { helpOf, nearestCommand, readCommandLine, runProgram } from './command.ts';
export type { Arguments, CommandLine } from './command.ts';
export {
  choice,
  choices,
  flag,
  given,
  integer,
  integers,
  list,
  number,
  numbers,
  optional,
  text,
  texts,
  wrongValue,
} from './options.ts';
export type { Option, Options, ValuesOf } from './options.ts';
