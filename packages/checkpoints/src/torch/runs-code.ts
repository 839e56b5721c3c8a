/** Modules of Python whose functions run commands or code, or fetch some. */
const modules: ReadonlySet<string> = new Set([
  ...['os', 'posix', 'nt', 'sys', 'subprocess', 'commands', 'pty', 'shutil', 'ctypes', 'socket', 'webbrowser'],
  ...['importlib', 'imp', 'runpy', 'pkgutil', 'code', 'codeop', 'timeit', 'profile', 'cProfile', 'pdb', 'bdb', 'trace'],
  ...['pickle', '_pickle', 'cPickle', 'dill', 'cloudpickle', 'marshal', 'shelve', 'doctest', 'pydoc'],
  ...['multiprocessing', 'asyncio', 'http', 'urllib', 'requests', 'ftplib', 'pip', 'ensurepip', 'venv'],
]);

/** Built-ins of Python that run code, reach for any attribute, or touch files. */
const builtins: ReadonlySet<string> = new Set([
  ...['eval', 'exec', 'execfile', 'compile', '__import__', 'open', 'file', 'input', 'raw_input', 'breakpoint', 'help'],
  ...['getattr', 'setattr', 'delattr', 'globals', 'locals', 'vars', 'apply', 'map', 'filter', 'type'],
]);

/** Functions of other modules that make code, reach for it, or read it out of a file. */
const inside =
  /^(torch\.(hub|jit|package|load|utils\.cpp_extension|distributed\.rpc)|numpy\.(load|f2py)|joblib\.load|types\.(Code|Function|Lambda)Type|operator\.(attrgetter|methodcaller))\b/;

/** Whether a global of a pickle is known to run commands or code where Python loads the file. */
export function runsCode(global: string): boolean {
  const [module, ...rest] = global.split('.');
  if (module === 'builtins' || module === '__builtin__') return builtins.has(rest[0] ?? '');
  return modules.has(module!) || inside.test(global);
}
