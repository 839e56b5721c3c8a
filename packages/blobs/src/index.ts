export { isSha256, type Blob, type Blobs, type ByteRange, type PutOptions, type StoredBlob } from './blobs.ts';
export { fileBlobs } from './file-blobs.ts';
export { openBlobs } from './open-blobs.ts';
