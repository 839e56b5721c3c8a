import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import { isTesseraError } from '@tessera/errors';
import { isSha256, storageFailed, type Blobs, type ByteRange, type StoredBlob } from './blobs.ts';
import { fileBlobs } from './file-blobs.ts';

/** Keys of one DeleteObjects. */
const MOST_KEYS = 1000;
const CONNECT_MS = 3000;
/** Without a byte in either direction. */
const SILENCE_MS = 15_000;
const ATTEMPTS = 4;
const HOUR_MS = 60 * 60 * 1000;

export interface S3Options {
  readonly bucket: string;
  /** Of every key; empty or ending in `/`. */
  readonly prefix: string;
  /** Folder for copies on this machine. */
  readonly cache: string;
}

type Sdk = typeof import('@aws-sdk/client-s3');

/**
 * PNG objects in a bucket of S3, or of a server that speaks its protocol. Credentials, region and endpoint come from the
 * variables and files that every AWS tool reads. The SDK is loaded here, since only some installations use it.
 */
export async function s3Blobs(options: S3Options): Promise<Blobs> {
  const sdk = await import('@aws-sdk/client-s3');
  const endpoint = process.env['AWS_ENDPOINT_URL_S3'] || process.env['AWS_ENDPOINT_URL'];
  const region = process.env['AWS_REGION'] || process.env['AWS_DEFAULT_REGION'];
  const client = new sdk.S3Client({
    maxAttempts: ATTEMPTS,
    requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: SILENCE_MS },
    // Every object carries its SHA-256, which the server compares; servers other than AWS know no other way.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Names of buckets are rarely names of hosts elsewhere.
    ...(endpoint && { endpoint, forcePathStyle: true, region: region || 'us-east-1' }),
  });
  return new S3Blobs(sdk, client, options);
}

class S3Blobs implements Blobs {
  readonly kind = 's3';
  readonly #sdk: Sdk;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;
  readonly #cache: Blobs;

  constructor(sdk: Sdk, client: S3Client, { bucket, prefix, cache }: S3Options) {
    this.#sdk = sdk;
    this.#client = client;
    this.#bucket = bucket;
    this.#prefix = prefix;
    this.#cache = fileBlobs(cache);
  }

  put(png: Uint8Array): Promise<string> {
    return this.#try(async () => {
      const hash = createHash('sha256').update(png).digest();
      const sha256 = hash.toString('hex');
      const object = { ContentType: 'image/png', CacheControl: 'public, max-age=31536000, immutable' };
      await this.#client.send(
        new this.#sdk.PutObjectCommand({
          ...this.#at(sha256),
          ...object,
          Body: png,
          ChecksumSHA256: hash.toString('base64'),
        }),
      );
      return sha256;
    });
  }

  async read(sha256: string, range?: ByteRange): ReturnType<Blobs['read']> {
    if (!isSha256(sha256)) return null;
    const Range = range && `bytes=${range.start}-${range.end}`;
    return this.#unlessMissing(async () => {
      const command = new this.#sdk.GetObjectCommand({ ...this.#at(sha256), ...(Range && { Range }) });
      const { Body, ContentLength, ContentRange } = await this.#client.send(command);
      return { size: Number(ContentRange?.split('/')[1] ?? ContentLength), stream: Body as Readable };
    });
  }

  async sizeOf(sha256: string): Promise<number | null> {
    if (!isSha256(sha256)) return null;
    return this.#unlessMissing(async () => {
      const { ContentLength } = await this.#client.send(new this.#sdk.HeadObjectCommand(this.#at(sha256)));
      return ContentLength!;
    });
  }

  /** Copies of the last hour are kept, and each use begins it again. */
  async fileOf(sha256: string): Promise<string | null> {
    const kept = await this.#cache.fileOf(sha256);
    if (kept) return kept;
    const blob = await this.read(sha256);
    if (!blob) return null;
    const png = await this.#try(() => buffer(blob.stream));
    await this.#sweepCache();
    return this.#cache.fileOf(await this.#cache.put(png, { durable: false }));
  }

  async *list(): AsyncIterable<StoredBlob> {
    const { paginateListObjectsV2 } = this.#sdk;
    const pages = paginateListObjectsV2({ client: this.#client }, { Bucket: this.#bucket, Prefix: this.#prefix });
    const next = pages[Symbol.asyncIterator]();
    for (;;) {
      const { value, done } = await this.#try(() => next.next());
      if (done) return;
      for (const { Key = '', Size = 0, LastModified } of value.Contents ?? []) {
        const sha256 = Key.slice(this.#prefix.length).replace(/\.png$/, '');
        if (isSha256(sha256)) yield { sha256, size: Size, writtenAt: LastModified! };
      }
    }
  }

  remove(sha256s: readonly string[], writtenBefore: Date): Promise<void> {
    return this.#try(async () => {
      const old = [];
      for (const sha256 of sha256s.filter(isSha256)) {
        const found = await this.#unlessMissing(() =>
          this.#client.send(new this.#sdk.HeadObjectCommand(this.#at(sha256))),
        );
        if (found && found.LastModified! < writtenBefore) old.push({ Key: this.#at(sha256).Key });
      }
      for (let i = 0; i < old.length; i += MOST_KEYS) {
        const Delete = { Objects: old.slice(i, i + MOST_KEYS), Quiet: true };
        await this.#client.send(new this.#sdk.DeleteObjectsCommand({ Bucket: this.#bucket, Delete }));
      }
    });
  }

  ready(): Promise<void> {
    return this.#try(async () => {
      await this.#client.send(new this.#sdk.HeadBucketCommand({ Bucket: this.#bucket }));
    });
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }

  #at(sha256: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#bucket, Key: `${this.#prefix}${sha256}.png` };
  }

  async #sweepCache(): Promise<void> {
    const before = new Date(Date.now() - HOUR_MS);
    for await (const { sha256, writtenAt } of this.#cache.list()) {
      if (writtenAt < before) await this.#cache.remove([sha256], before);
    }
  }

  #unlessMissing<T>(task: () => Promise<T>): Promise<T | null> {
    return this.#try(async () => {
      try {
        return await task();
      } catch (error) {
        // HeadObject says NotFound, since its answer has no body to say more.
        const { name } = error as Error;
        if (name === 'NoSuchKey' || name === 'NotFound') return null;
        throw error;
      }
    });
  }

  async #try<T>(task: () => Promise<T>): Promise<T> {
    try {
      return await task();
    } catch (error) {
      throw isTesseraError(error) ? error : storageFailed(`the bucket ${this.#bucket}`, error);
    }
  }
}
