import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { keepListening, type Told } from './stream';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

type Body = ReadableStreamDefaultController<Uint8Array>;

/** Listens to streams that a test writes; `places` are what each connection said it had heard. */
function listening() {
  const places: (string | undefined)[] = [];
  const bodies: Body[] = [];
  const told: Told[] = [];
  vi.stubGlobal('fetch', (_: string, { headers, signal }: { headers: Record<string, string>; signal: AbortSignal }) => {
    places.push(headers['Last-Event-ID']);
    const body = new ReadableStream<Uint8Array>({
      start: (one) => {
        bodies.push(one);
        signal.addEventListener('abort', () => one.error(signal.reason));
      },
    });
    return Promise.resolve(new Response(body));
  });
  const ending = new AbortController();
  void keepListening(ending.signal, (one) => told.push(one));
  const say = async (text: string) => {
    bodies.at(-1)?.enqueue(new TextEncoder().encode(text));
    await vi.advanceTimersByTimeAsync(1);
  };
  const events = () => told.filter((one) => one.kind !== 'live');
  return { places, bodies, told, events, say, ending };
}

test('a broken connection goes on behind the last message, or the last comment', async () => {
  const { places, bodies, say, ending } = listening();
  await vi.advanceTimersByTimeAsync(1);
  await say('event: ready\nid: 5.a\ndata: {}\n\nevent: run.ended\nid: 6.b\ndata: {}\n\n');
  bodies.at(-1)?.error(new TypeError('network error'));
  await vi.advanceTimersByTimeAsync(2_000);
  await say('event: ready\nid: 6.b\ndata: {}\n\nid: 9.d\n: \n\n');
  bodies.at(-1)?.close();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(places).toEqual([undefined, '6.b', '9.d']);
  ending.abort();
});

test('where there was no place, all is old once events come; where there was one, nothing is', async () => {
  const { bodies, events, say, ending } = listening();
  await vi.advanceTimersByTimeAsync(1);
  await say('event: ready\nid: 5.a\ndata: {}\n\n');
  expect(events()).toEqual([{ kind: 'reset' }]);
  bodies.at(-1)?.error(new TypeError('network error'));
  await vi.advanceTimersByTimeAsync(2_000);
  await say('event: ready\nid: 5.a\ndata: {}\n\n');
  expect(events()).toEqual([{ kind: 'reset' }]);
  ending.abort();
});

test('a stream that says nothing is given up', async () => {
  const { told, places, say, ending } = listening();
  await vi.advanceTimersByTimeAsync(1);
  await say('event: ready\nid: 5.a\ndata: {}\n\n');
  await vi.advanceTimersByTimeAsync(40_000);
  await say('id: 6.b\n: \n\n');
  await vi.advanceTimersByTimeAsync(40_000);
  expect(places).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(7_000);
  expect(told.at(-1)).toEqual({ kind: 'live', live: true });
  expect(places).toEqual([undefined, '6.b']);
  ending.abort();
});
