import { useCallback, useEffect, useRef } from 'react';
import { useLocation, useSearch } from 'wouter';

/** Browsers let a page change its address about three times a second. */
const SETTLE_MS = 350;

export interface PageAddress {
  readonly path: string;
  readonly search: URLSearchParams;
  /** The person comes from another room; at first, too. */
  readonly isEntered: boolean;
}

/**
 * The address, read when it changes for another reason than `write`: a link, Back, a reload. Changes that are written
 * settle first; one that is read meanwhile wins.
 */
export function useCreateAddress(isShown: boolean, read: (address: PageAddress) => void) {
  const [path, navigate] = useLocation();
  const search = useSearch();
  const address = search === '' ? path : `${path}?${search}`;
  const written = useRef<string | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const newest = useRef(read);
  newest.current = read;
  // Where the room was left, a step that plays on must not bring it back.
  const isOn = useRef(isShown);
  useEffect(() => {
    isOn.current = isShown;
    if (!isShown) clearTimeout(timer.current);
  }, [isShown]);
  const wasShown = useRef(false);
  useEffect(() => {
    const isEntered = !wasShown.current;
    wasShown.current = isShown;
    if (!isShown || address === written.current) return;
    written.current = address;
    clearTimeout(timer.current);
    newest.current({ path, search: new URLSearchParams(search), isEntered });
  }, [isShown, address, path, search]);

  const write = useCallback(
    (to: string, { replace = false, isLater = false } = {}) => {
      clearTimeout(timer.current);
      const now = () => {
        if (!isOn.current) return;
        written.current = to;
        navigate(to, { replace });
      };
      if (isLater) timer.current = setTimeout(now, SETTLE_MS);
      else now();
    },
    [navigate],
  );
  return { path, write };
}

const RESULT = /^\/g\/([^/]+)$/;

/** The result that a path shows; null where it is none. */
export function resultIn(path: string): string | null {
  return RESULT.exec(path)?.[1] ?? null;
}
