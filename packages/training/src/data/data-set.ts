/** Size of every image of a data set, in pixels. */
export interface ImageSize {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Some images, read by index. Labels are -1 where there are none. */
export interface Split {
  readonly count: number;
  readonly label_N: Int32Array;
  /** `[indices.length, height, width, channels]` row-major, in [0, 1]. */
  read(indices: Int32Array): Promise<Float32Array>;
  /** SHA-256 of the pixels of all its images, in their order, in hexadecimal digits: what was made of them is known by it. */
  digest(): Promise<string>;
}

/** Images of one size, apart in the three splits that training and evaluation need. */
export interface DataSet {
  readonly name: string;
  /** Names of the classes in the order of their labels; empty for unlabelled data. */
  readonly classes: readonly string[];
  readonly image: ImageSize;
  readonly train: Split;
  /** Never trained on; what validation losses are measured on. */
  readonly validation: Split;
  /** Never trained on and never looked at while choosing; what the final figures are measured on. */
  readonly test: Split;
  /** What was found where the images come from, in words: `1,204 images of 3 classes; skipped 12: 9 .heic, 3 empty`. */
  readonly found?: string;
  /** How many entries of a folder were passed over, by kind. */
  readonly skipped?: Readonly<Record<string, number>>;
}
