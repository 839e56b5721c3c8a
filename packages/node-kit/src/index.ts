export { childArguments } from './child-arguments.ts';
export { cacheFolder } from './cache-folder.ts';
export { download, fileSha256, type Download, type DownloadProgress } from './download.ts';
export { fetchPackage, unpackFiles, type PackageArchive } from './fetch-package.ts';
export { modelEnvironment } from './model-environment.ts';
export { takeLock, type LockOwner, type Unlock } from './lock.ts';
