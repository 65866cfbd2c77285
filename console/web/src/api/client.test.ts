import { afterEach, expect, test, vi } from 'vitest';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.resetModules();
});

async function answering(fetch: () => Promise<Response>) {
  const left: string[] = [];
  const location = { pathname: '/runs', search: '?state=running', assign: (to: string) => left.push(to) };
  const asked = vi.fn(fetch);
  vi.stubGlobal('window', { location });
  vi.stubGlobal('fetch', asked);
  const { api, read } = await import('./client');
  const status = () => read(api.GET('/api/v1/status', { baseUrl: 'http://hub' }));
  return { status, left, asked };
}

test('an ended session leads to the form once, and nothing more is asked', async () => {
  const { status, left, asked } = await answering(() => Promise.resolve(new Response('{}', { status: 401 })));
  void status();
  void status();
  await vi.waitFor(() => expect(left).toHaveLength(1));
  void status();
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(left).toEqual(['/login?next=%2Fruns%3Fstate%3Drunning']);
  expect(asked.mock.calls.length).toBeLessThanOrEqual(2);
});

test('a problem is thrown as one, with what to do', async () => {
  const body = JSON.stringify({ detail: 'no such cluster', code: 'not-found', remedy: 'Look.', request_id: 'r1' });
  const { status } = await answering(() => Promise.resolve(new Response(body, { status: 404 })));
  await expect(status()).rejects.toMatchObject({ status: 404, code: 'not-found', remedy: 'Look.', request: 'r1' });
});

test('a hub that hangs is one that does not answer, in its headers as in its body', async () => {
  const late = new AbortController();
  vi.spyOn(AbortSignal, 'timeout').mockReturnValue(late.signal);
  const hangs = (_: Request, { signal }: RequestInit) =>
    new Promise<Response>((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)));
  const { status } = await answering(hangs as never);
  const asked = status();
  late.abort(new DOMException('late', 'TimeoutError'));
  await expect(asked).rejects.toMatchObject({ code: 'hub.unreachable', passes: true });
  const cut = new ReadableStream({ start: (body) => body.error(new DOMException('late', 'TimeoutError')) });
  const torn = await answering(() => Promise.resolve(new Response(cut)));
  await expect(torn.status()).rejects.toMatchObject({ code: 'hub.unreachable', passes: true });
});

test('a hub that does not answer is an error that passes', async () => {
  const { status } = await answering(() => Promise.reject(new TypeError('failed to fetch')));
  await expect(status()).rejects.toMatchObject({ code: 'hub.unreachable', passes: true });
});
