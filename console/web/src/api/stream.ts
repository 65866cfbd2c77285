/** The stream of events of one tab: it goes on where it broke, and says what it cannot know. */

import { ApiError } from '@/api/problem';
import { delay, type Place, reader } from '@/lib/sse';

const STREAM = '/api/v1/events/stream';
/** Milliseconds without a word after which a stream is taken for dead: a comment comes every 15 seconds. */
const SILENCE = 45_000;
/** Milliseconds after which a stream that broke is no sign that the next one does. */
const LASTED = 60_000;

/** What a tab learns: that something came about, that messages were lost, or whether the stream goes. */
export type Told = { kind: 'event'; topic: string } | { kind: 'reset' } | { kind: 'live'; live: boolean };

/** Ends a connection that says nothing for too long. */
function watched(outer: AbortSignal): { signal: AbortSignal; heard: () => void; end: () => void } {
  const silent = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const end = () => clearTimeout(timer);
  const heard = () => {
    end();
    timer = setTimeout(() => silent.abort(new DOMException('the stream of events is silent', 'TimeoutError')), SILENCE);
  };
  heard();
  return { signal: AbortSignal.any([outer, silent.signal]), heard, end };
}

/** Listen until a connection ends; the place moves on with what is told, however that is. */
async function listen(place: Place, signal: AbortSignal, heard: () => void, tell: (told: Told) => void): Promise<void> {
  const unknown = place.id === '';
  const headers = { Accept: 'text/event-stream', ...(place.id && { 'Last-Event-ID': place.id }) };
  const answer = await fetch(STREAM, { headers, credentials: 'same-origin', signal, cache: 'no-store' });
  if (!answer.ok || answer.body === null) throw new ApiError(answer.status, 'the stream of events was refused');
  const take = reader(place);
  const text = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  tell({ kind: 'live', live: true });
  for (let piece = await text.read(); !piece.done; piece = await text.read()) {
    heard();
    for (const { event } of take(piece.value)) {
      if (event === 'ready') {
        // What came about between the pages' questions and here, nobody has told.
        if (unknown) tell({ kind: 'reset' });
      } else if (event === 'reset' || event === 'end') {
        // At an end too: who is signed out learns it by the questions that follow.
        tell({ kind: 'reset' });
      } else tell({ kind: 'event', topic: event.split('.')[0] ?? '' });
    }
  }
}

/** Listen, again and again, until the session ends or this tab does. */
export async function keepListening(outer: AbortSignal, tell: (told: Told) => void): Promise<void> {
  const place: Place = { id: '' };
  let failures = 0;
  while (!outer.aborted) {
    const since = Date.now();
    const { signal, heard, end } = watched(outer);
    try {
      await listen(place, signal, heard, tell);
    } catch (error) {
      // Whoever is signed out is told so by the next question of a page; a stream does not ask again.
      if (error instanceof ApiError && error.status === 401) return;
    } finally {
      end();
    }
    tell({ kind: 'live', live: false });
    failures = Date.now() - since > LASTED ? 0 : failures + 1;
    await new Promise((resolve) => setTimeout(resolve, delay(failures - 1, Math.random())));
  }
}
