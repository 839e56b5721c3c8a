/**
 * What a child process that runs models gets besides its parent's environment. Blocks of 4 MiB and more go back to the
 * system when they are freed; by default malloc learns to keep them, and 0.2 GB stay behind when a large model is loaded.
 */
export const modelEnvironment: Readonly<Record<string, string>> = {
  MALLOC_MMAP_THRESHOLD_: '4194304',
  ORT_DISABLE_TELEMETRY: '1',
};
