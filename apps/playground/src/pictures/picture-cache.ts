/** Together about 16 seconds. */
const MOST_TRIES = 6;
const FIRST_WAIT_MS = 250;
/** What is kept, in decoded pixels of four bytes: 64 MB. */
const MOST_PIXELS = 16_000_000;

/** What loads a picture; tests give another. Rejects where it cannot be had or decoded. */
type LoadPicture = (url: string) => Promise<HTMLImageElement>;

/** A picture is given out once it can be drawn whole. */
const loadPicture: LoadPicture = async (url) => {
  const image = new Image();
  image.decoding = 'async';
  image.src = url;
  await image.decode();
  return image;
};

/**
 * Decoded pictures by address: each is asked for once, however many parts of it are shown, and tried again where the server
 * is away. Those that were not used for the longest time are forgotten.
 */
export class PictureCache {
  readonly #load: LoadPicture;
  readonly #mostPixels: number;
  readonly #loading = new Map<string, Promise<HTMLImageElement>>();
  /** In the order of their last use. */
  readonly #decoded = new Map<string, HTMLImageElement>();

  constructor(load: LoadPicture = loadPicture, mostPixels = MOST_PIXELS) {
    this.#load = load;
    this.#mostPixels = mostPixels;
  }

  /** Where it is decoded already. */
  ready(url: string): HTMLImageElement | null {
    const image = this.#decoded.get(url);
    if (!image) return null;
    this.#decoded.delete(url);
    this.#decoded.set(url, image);
    return image;
  }

  /** Rejects where every try failed; the next call tries again. */
  get(url: string): Promise<HTMLImageElement> {
    const image = this.ready(url);
    if (image) return Promise.resolve(image);
    const known = this.#loading.get(url);
    if (known) return known;
    const loading = this.#tryLoading(url).finally(() => this.#loading.delete(url));
    this.#loading.set(url, loading);
    return loading;
  }

  async #tryLoading(url: string): Promise<HTMLImageElement> {
    for (let tries = 0; ; tries++) {
      try {
        const image = await this.#load(url);
        this.#keep(url, image);
        return image;
      } catch (error) {
        if (tries === MOST_TRIES) throw error;
        await new Promise((resolve) => setTimeout(resolve, FIRST_WAIT_MS * 2 ** tries));
      }
    }
  }

  #keep(url: string, image: HTMLImageElement): void {
    this.#decoded.set(url, image);
    let pixels = 0;
    for (const one of this.#decoded.values()) pixels += one.naturalWidth * one.naturalHeight;
    for (const [oldest, one] of this.#decoded) {
      if (pixels <= this.#mostPixels || oldest === url) return;
      this.#decoded.delete(oldest);
      pixels -= one.naturalWidth * one.naturalHeight;
    }
  }
}

/** Of the whole page. */
export const pictures = new PictureCache();
