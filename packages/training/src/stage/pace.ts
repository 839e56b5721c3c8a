/** Seconds that a speed is averaged over. */
const WINDOW = 30;

/** Images per second of the latest steps. */
export function openPace() {
  const steps: { readonly images: number; readonly seconds: number }[] = [];
  let [images, seconds] = [0, 0];
  return {
    /** Counts a step; `spent` is in seconds, without the time of compiling. */
    add(more: number, spent: number): void {
      steps.push({ images: more, seconds: spent });
      images += more;
      seconds += spent;
      while (steps.length > 1 && seconds - steps[0]!.seconds > WINDOW) {
        images -= steps[0]!.images;
        seconds -= steps.shift()!.seconds;
      }
    },
    /** 0 before the first step. */
    imagesPerSecond: () => (seconds > 0 ? images / seconds : 0),
  };
}
