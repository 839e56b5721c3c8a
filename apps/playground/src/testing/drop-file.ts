/** As a person drops a file on the page. Runs in the page. */
export function dropFile({ bytes, name, type }: { bytes: number[]; name: string; type: string }): void {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([new Uint8Array(bytes)], name, { type }));
  const bubbles = { bubbles: true, cancelable: true, dataTransfer };
  document.body.dispatchEvent(new DragEvent('dragover', bubbles));
  document.body.dispatchEvent(new DragEvent('drop', bubbles));
}
