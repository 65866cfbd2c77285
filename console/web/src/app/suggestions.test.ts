import { expect, test } from 'vitest';

import type { Placement } from '@/api/types';

import { suggestions } from './suggestions';

const placed = (cluster: string, application: string) =>
  ({ ref: `${cluster}/${application}`, cluster, application }) as Placement;

test('before anything is typed the pages are offered', () => {
  expect(suggestions('', []).map((one) => one.to)).toContain('/runs');
});

const leads = (text: string, found?: Placement[]) => suggestions(text, found).map((one) => one.to);

test('an id leads to the run or the commit of it', () => {
  expect(leads('01A22C7F-BDD0')).toEqual(['/runs/01a22c7f-bdd0']);
  expect(leads('01a22c7f1bdd')).toEqual(['/commits/01a22c7f1bdd', '/runs/01a22c7f1bdd']);
  expect(leads('f'.repeat(40), [])).toEqual([`/commits/${'f'.repeat(40)}`]);
});

test('any other word may be a tag, once it is known what else it is', () => {
  expect(leads('v1/2')).toEqual([]);
  expect(leads('v1/2', [])).toEqual(['/commits/v1%2F2']);
  expect(leads('pay', [placed('eu', 'pay')])).toEqual(['/applications/pay', '/placements/eu/pay', '/commits/pay']);
  expect(leads('eu', [placed('eu', 'pay')])[0]).toBe('/clusters/eu');
});

test('a placement that is found twice is offered once, and its name leads nowhere else', () => {
  expect(leads('x', [placed('eu', '../a'), placed('eu', '../a')])).toEqual(['/placements/eu/..%2Fa', '/commits/x']);
});
