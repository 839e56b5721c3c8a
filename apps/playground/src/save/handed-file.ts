/* A picture that was dropped in one room and is to be worked on in another: it has no address. */

let handed: File | null = null;

export function handFile(file: File): void {
  handed = file;
}

/** The file that was handed over, once; null where there is none. */
export function takeFile(): File | null {
  const file = handed;
  handed = null;
  return file;
}
