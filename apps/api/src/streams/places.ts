import type { GenerationRecords } from '@tessera/store';
import type { Feed } from './feed.ts';

const asking = new WeakSet<object>();

/**
 * Tells followers of what waits where it stands, all by one statement. Where no generation is quiet, nothing is asked. An
 * event that comes meanwhile is newer than the answer, which then says nothing any more.
 */
export async function tellPlaces(
  feeds: ReadonlyMap<string, Feed>,
  generations: Pick<GenerationRecords, 'places'>,
): Promise<void> {
  const quiet = [...feeds.values()].filter((feed) => feed.isQuiet).map((feed) => ({ feed, seq: feed.lastSeq }));
  if (quiet.length === 0 || asking.has(feeds)) return;
  asking.add(feeds);
  try {
    const places = new Map((await generations.places()).map((place) => [place.id, place]));
    for (const { feed, seq } of quiet) {
      const place = places.get(feed.id);
      if (place && feed.lastSeq === seq) feed.tellPlace(place);
    }
  } catch {
    // The next look asks again; readers hear of a database that stays away from the log.
  } finally {
    asking.delete(feeds);
  }
}
