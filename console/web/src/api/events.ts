/** What comes about, as it does: one stream for all tabs of a browser, and what it makes old is asked for again. */

import type { QueryClient } from '@tanstack/react-query';

import { ApiError } from '@/api/problem';
import { delay, reader } from '@/lib/sse';

const STREAM = '/api/v1/events/stream';
const LOCK = 'flotilla.events';
/** Milliseconds in which events are gathered before anything is asked for again. */
const GATHERED = 1_000;

/** What a tab learns: that something came about, that messages were lost, or whether the stream goes. */
type Told = { kind: 'event'; topic: string } | { kind: 'reset' } | { kind: 'live'; live: boolean };
/** What a tab that opens asks the others: whether one of them has a stream that goes. */
const HELLO = 'hello';

/** Which answers an event makes old, by the first word of their keys; the fleet's own counts always. */
const OLD: Readonly<Record<string, readonly string[]>> = {
  run: ['status', 'placements', 'picture', 'why', 'placement', 'runs', 'run', 'cluster'],
  health: ['status', 'placements', 'picture', 'why', 'placement', 'cluster'],
  drift: ['status', 'placements', 'picture', 'why', 'placement', 'cluster', 'drift'],
  fault: ['status', 'faults'],
  approval: ['status', 'approvals', 'why'],
  cluster: ['status', 'clusters', 'cluster', 'placements', 'picture'],
  revision: ['status', 'placements', 'why', 'versions', 'commit'],
};

/** Topics after which whatever is shown is asked for again. */
export const ALL: ReadonlySet<string> = new Set(['all']);

/**
 * Return whether an answer is old after events of some topics; after a topic that is not known, any is.
 *
 * What a worker was asked to look at is not: it is asked again by people.
 */
export function isOld(key: readonly unknown[], topics: ReadonlySet<string>): boolean {
  if (key[0] === 'inspection') return false;
  return [...topics].some((topic) => !Object.hasOwn(OLD, topic) || OLD[topic]?.includes(String(key[0])));
}

async function listen(last: string, signal: AbortSignal, tell: (told: Told) => void): Promise<string> {
  let at = last;
  const headers = { Accept: 'text/event-stream', ...(last && { 'Last-Event-ID': last }) };
  const answer = await fetch(STREAM, { headers, credentials: 'same-origin', signal, cache: 'no-store' });
  if (!answer.ok || answer.body === null) throw new ApiError(answer.status, 'the stream of events was refused');
  const take = reader(last);
  const text = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  tell({ kind: 'live', live: true });
  for (let piece = await text.read(); !piece.done; piece = await text.read()) {
    for (const message of take(piece.value)) {
      at = message.id;
      // At an end too: who is signed out learns it by the questions that follow.
      if (message.event === 'reset' || message.event === 'end') tell({ kind: 'reset' });
      else if (message.event !== 'ready') tell({ kind: 'event', topic: message.event.split('.')[0] ?? '' });
    }
  }
  return at;
}

/** Listen, again and again, until the session ends or this tab does. */
async function keepListening(signal: AbortSignal, tell: (told: Told) => void): Promise<void> {
  let failures = 0;
  let last = '';
  while (!signal.aborted) {
    const since = Date.now();
    try {
      last = await listen(last, signal, tell);
    } catch (error) {
      // Whoever is signed out is told so by the next question of a page; a stream does not ask again.
      if (error instanceof ApiError && error.status === 401) return;
    }
    tell({ kind: 'live', live: false });
    failures = Date.now() - since > 60_000 ? 0 : failures + 1;
    await new Promise((resolve) => setTimeout(resolve, delay(failures - 1, Math.random())));
  }
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
  const topics = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const renew = () => {
    timer = undefined;
    const now = new Set(topics);
    topics.clear();
    void client.invalidateQueries({ predicate: (query) => isOld(query.queryKey, now) });
  };
  const take = (told: Told) => {
    if (told.kind === 'live') live(told.live);
    if (told.kind === 'live' && told.live) return;
    // A stream that ended says no more what is new, and perhaps the hub went with it: the pages' questions tell.
    topics.add(told.kind === 'event' ? told.topic : 'all');
    timer ??= setTimeout(renew, GATHERED);
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
    clearTimeout(timer);
    channel.close();
  };
}
