import { expect, test } from 'vitest';

import type { Placement } from '@/api/types';

import { suggestions } from './suggestions';

const placed = (cluster: string, application: string) =>
  ({ ref: `${cluster}/${application}`, cluster, application }) as Placement;

test('before anything is typed the pages are offered', () => {
  expect(suggestions('', []).map((one) => one.to)).toContain('/runs');
});

test('an id of a run leads to it, and a word does not', () => {
  expect(suggestions('01A22C7F1BDD', [])[0]?.to).toBe('/runs/01a22c7f1bdd');
  expect(suggestions('payments', [])).toEqual([]);
});

test('a placement that is found twice is offered once, and its name leads nowhere else', () => {
  const found = suggestions('x', [placed('eu', '../a'), placed('eu', '../a')]);
  expect(found.map((one) => one.to)).toEqual(['/placements/eu/..%2Fa']);
});
