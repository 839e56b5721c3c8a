import { useState } from 'react';
import { Link } from 'wouter';

/** Copies an address of the page. Pages that are not served safely may not: there the link itself is what one copies. */
export function CopyLink({ path }: { readonly path: string }) {
  const [copied, setCopied] = useState<string | null>(null);
  const clipboard = navigator.clipboard as Clipboard | undefined;
  const copy = () =>
    clipboard!.writeText(new URL(path, location.href).href).then(
      () => setCopied(path),
      () => setCopied(null),
    );
  if (!clipboard) {
    return (
      <Link href={path} className="button">
        Open as a result
      </Link>
    );
  }
  return (
    <button type="button" onClick={() => void copy()}>
      <span aria-live="polite">{copied === path ? 'Link copied' : 'Copy link'}</span>
    </button>
  );
}
