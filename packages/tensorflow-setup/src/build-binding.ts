import { existsSync, readdirSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { FLAGS, ownSources } from './native.ts';
import { runTool } from './run-tool.ts';

export interface BindingSources {
  readonly compiler: string;
  /** Folders: TensorFlow in the unpacked wheel, the package with the binding's sources, Node's headers. */
  readonly tensorFlow: string;
  readonly kernels: string;
  readonly headers: string;
}

/** Compiles tfjs' N-API binding and our own ops against the wheel's libraries. N-API is stable: one file serves every Node. */
export async function buildBinding(
  { compiler, tensorFlow, kernels, headers }: BindingSources,
  output: string,
): Promise<void> {
  const isMac = process.platform === 'darwin';
  const libraries = ['tensorflow_cc', 'tensorflow_framework'].map((name) => linkable(tensorFlow, name));
  // Headers of the system: what a compiler has to say of them is not our business.
  const includes = [join(headers, 'include'), join(tensorFlow, 'include'), kernels].flatMap((path) => [
    '-isystem',
    path,
  ]);
  const sources = [
    ...['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => join(kernels, 'binding', name)),
    ...ownSources(),
  ];
  await runTool(
    compiler,
    [
      ...FLAGS,
      ...['-DNAPI_VERSION=8', '-DNODE_GYP_MODULE_NAME=tfjs_binding'],
      ...(isMac ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared']),
      ...includes,
      ...sources,
      `-L${tensorFlow}`,
      ...libraries.map((name) => `-l${name}`),
      // From where the binding lies, so that the whole may be moved.
      `-Wl,-rpath,${isMac ? '@loader_path' : '$ORIGIN'}/${relative(dirname(output), tensorFlow)}`,
      '-o',
      output,
    ],
    kernels,
  );
}

/** Wheels name their libraries with a version, `libX.so.2`; linkers want one without. */
function linkable(folder: string, name: string): string {
  const ending = process.platform === 'darwin' ? 'dylib' : 'so';
  const plain = `lib${name}.${ending}`;
  const versioned = readdirSync(folder).find((file) => file.startsWith(`lib${name}.`) && file !== plain);
  if (versioned && !existsSync(join(folder, plain))) symlinkSync(versioned, join(folder, plain));
  return name;
}
