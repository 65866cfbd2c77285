/** What comes about, as it does: one stream for all tabs of a browser, and what it makes old is asked for again. */

import type { QueryClient } from '@tanstack/react-query';

import { keepListening, type Told } from '@/api/stream';
import { pagesOf } from '@/lib/fresh';
import { Renewal } from '@/lib/renewal';

const LOCK = 'flotilla.events';
/** What a tab that opens asks the others: whether one of them has a stream that goes. */
const HELLO = 'hello';

/** Which answers an event makes old, by the first word of their keys; the fleet's own counts always. */
const OLD: Readonly<Record<string, readonly string[]>> = {
  run: ['status', 'placements', 'problems', 'picture', 'why', 'placement', 'runs', 'run', 'cluster'],
  health: ['status', 'placements', 'problems', 'picture', 'why', 'placement', 'cluster'],
  drift: ['status', 'placements', 'problems', 'picture', 'why', 'placement', 'cluster', 'drift'],
  fault: ['status', 'faults'],
  approval: ['status', 'approvals', 'problems', 'why'],
  cluster: ['status', 'clusters', 'cluster', 'placements', 'problems', 'picture'],
  revision: ['status', 'placements', 'problems', 'why', 'versions', 'commit'],
};

/** Topics after which whatever is shown is asked for again. */
export const ALL: ReadonlySet<string> = new Set(['all']);

/**
 * Return whether an answer is old after events of some topics; after a topic that is not known, any is.
 *
 * What a worker was asked to look at is not, nor what somebody is about to agree to: they are asked again by people.
 */
export function isOld(key: readonly unknown[], topics: ReadonlySet<string>): boolean {
  if (key[0] === 'inspection' || key[0] === 'preview') return false;
  return [...topics].some((topic) => !Object.hasOwn(OLD, topic) || OLD[topic]?.includes(String(key[0])));
}

/** Pages of an endless list that are asked for again at an event; longer ones wait for their next look. */
const PAGES = 3;

/** Return whether an answer that is old is asked for again now: somebody sees it, and it is not a list of many pages. */
export function isAskedNow(data: unknown, hidden: boolean): boolean {
  return !hidden && pagesOf(data) <= PAGES;
}

/** Make old what events say is; resolves when what is asked for again is answered. */
async function renew(client: QueryClient, topics: ReadonlySet<string>): Promise<void> {
  const hidden = document.visibilityState === 'hidden';
  // What a tab that is hidden shows is marked as old, and asked for when the tab is shown again.
  await client.invalidateQueries({ predicate: (query) => isOld(query.queryKey, topics), refetchType: 'none' });
  await client.refetchQueries({
    type: 'active',
    predicate: (query) => isOld(query.queryKey, topics) && isAskedNow(query.state.data, hidden),
  });
}

/**
 * Keep the answers of a tab as new as the events say; returns what ends it.
 *
 * One tab of a browser has the stream and tells the others; where the browser has no locks (a page without TLS on
 * another host), none has it, and pages ask by the clock.
 *
 * @param live is called with whether a stream goes.
 */
export function follow(client: QueryClient, live: (goes: boolean) => void): () => void {
  if (!('locks' in navigator) || !('BroadcastChannel' in window)) return () => undefined;
  const ending = new AbortController();
  const channel = new BroadcastChannel(LOCK);
  const renewal = new Renewal((topics) => renew(client, topics));
  const take = (told: Told) => {
    if (told.kind === 'live') live(told.live);
    if (told.kind === 'live' && told.live) return;
    // A stream that ended says no more what is new, and perhaps the hub went with it: the pages' questions tell.
    renewal.add(told.kind === 'event' ? told.topic : 'all');
  };
  let mine = false;
  const tell = (told: Told) => {
    if (told.kind === 'live') mine = told.live;
    channel.postMessage(told);
    take(told);
  };
  channel.onmessage = (message: MessageEvent<Told | typeof HELLO>) => {
    if (message.data !== HELLO) take(message.data);
    else if (mine) channel.postMessage({ kind: 'live', live: true } satisfies Told);
  };
  channel.postMessage(HELLO);
  navigator.locks.request(LOCK, { signal: ending.signal }, () => keepListening(ending.signal, tell)).catch(() => undefined);
  return () => {
    ending.abort();
    renewal.end();
    channel.close();
  };
}
