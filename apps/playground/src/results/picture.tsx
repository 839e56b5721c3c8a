import { useRef, type ComponentProps, type SyntheticEvent } from 'react';

/** Together about 16 seconds. */
const MOST_TRIES = 6;
const FIRST_WAIT_MS = 250;

/** A picture that is asked for again where the server that sent it is gone: browsers do not do that by themselves. */
export function Picture({ src, ...others }: ComponentProps<'img'> & { readonly src: string }) {
  const failed = useRef({ src, tries: 0 });
  const again = ({ currentTarget: image }: SyntheticEvent<HTMLImageElement>) => {
    if (failed.current.src !== src) failed.current = { src, tries: 0 };
    const tries = failed.current.tries++;
    if (tries === MOST_TRIES) return;
    const reload = () => {
      if (image.getAttribute('src') === src) image.src = src;
    };
    setTimeout(reload, FIRST_WAIT_MS * 2 ** tries);
  };
  return <img {...others} src={src} onError={again} />;
}
