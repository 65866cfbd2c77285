import { expect, test } from 'vitest';

import { PAGES } from '@/app/pages';

import { suggestions } from './suggestions';

const COMMIT = 'f'.repeat(40);

test('each kind leads to its page, and what it is of helps to tell it', () => {
  const found = suggestions('x', [
    { kind: 'placement', name: 'eu-1/web', about: 'degraded' },
    { kind: 'commit', name: COMMIT, about: 'v1.2 Fix it' },
    { kind: 'run', name: '0199-1', about: 'eu-1/web' },
  ]);
  expect(found).toEqual([
    { to: '/placements/eu-1/web', title: 'eu-1/web', what: 'placement', health: 'degraded' },
    { to: `/commits/${COMMIT}`, title: 'ffffffffffff v1.2 Fix it', what: 'commit' },
    { to: '/runs/0199-1', title: '0199-1', what: 'run of eu-1/web' },
  ]);
});

test('a name is one part of an address, whatever is in it', () => {
  const [cluster, placement] = suggestions('x', [
    { kind: 'cluster', name: '?q=#<b>', about: '' },
    { kind: 'placement', name: 'eu/../a', about: '' },
  ]);
  expect([cluster?.to, placement?.to]).toEqual(['/clusters/%3Fq%3D%23%3Cb%3E', '/placements/eu/..%2Fa']);
});

test('pages are offered by how they begin, all of them for no text', () => {
  expect(suggestions('', []).map((one) => one.title)).toEqual(PAGES.map((page) => page.title));
  expect(suggestions('run', []).map((one) => one.to)).toEqual(['/runs']);
});
