export { modelEnvironment } from './model-environment.ts';
export { takeLock, type LockOwner, type Unlock } from './lock.ts';
