/** An edit that was made before, in its room, with its picture and its mask. */
export function editAddress(id: string): string {
  return `/edit?again=${encodeURIComponent(id)}`;
}
