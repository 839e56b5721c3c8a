/** Where a stored picture is served: immutable, since its name is its content's hash. */
export function imageUrl(sha256: string): string {
  return `/images/${sha256}.png`;
}
