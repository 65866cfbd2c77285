import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { gathering, Renewal } from './renewal';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Events every 100 ms for some time, and answers that take some; returns when each question was asked. */
async function asked(seconds: number, took: number): Promise<number[]> {
  const start = Date.now();
  const times: number[] = [];
  const renewal = new Renewal(() => {
    times.push(Date.now() - start);
    return new Promise((resolve) => setTimeout(resolve, took));
  });
  for (let at = 0; at < seconds * 10; at += 1) {
    renewal.add('run');
    await vi.advanceTimersByTimeAsync(100);
  }
  renewal.end();
  return times;
}

test('a pause is as long as answers make it, from 1 to 15 seconds, and spread', () => {
  expect([gathering(0, 0.5), gathering(1_000, 0.5), gathering(60_000, 0.5)]).toEqual([1_000, 4_000, 15_000]);
  expect([gathering(0, 0), gathering(0, 1)]).toEqual([750, 1_250]);
});

test('a hub that answers at once is asked about once a second', async () => {
  const times = await asked(20, 1);
  expect(times.length).toBeGreaterThanOrEqual(14);
  expect(times.length).toBeLessThanOrEqual(27);
});

test('a slow hub is not asked again before it has answered, and seldom', async () => {
  const times = await asked(60, 2_000);
  expect(times.length).toBeGreaterThanOrEqual(5);
  expect(times.length).toBeLessThanOrEqual(9);
});

test('an answer that never comes ends nothing', async () => {
  expect((await asked(120, 3_600_000)).length).toBeGreaterThanOrEqual(3);
});

test('what came in one pause is asked for at once, and nothing after the end', async () => {
  const renew = vi.fn((_: ReadonlySet<string>) => Promise.resolve());
  const renewal = new Renewal(renew);
  renewal.add('run');
  renewal.add('health');
  await vi.advanceTimersByTimeAsync(1_300);
  expect(renew.mock.calls).toEqual([[new Set(['run', 'health'])]]);
  renewal.add('run');
  renewal.end();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(renew).toHaveBeenCalledTimes(1);
});
