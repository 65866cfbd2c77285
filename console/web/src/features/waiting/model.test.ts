import { expect, test } from 'vitest';

import type { Approval } from '@/api/types';

import { groups, meaning } from './model';

const of = (kind: string, payload: Record<string, unknown>) => meaning({ kind, subject: 'eu-1/web', payload });

test('what removes is told so, with its count', () => {
  expect(of('prune', { objects: ['apps/Deployment:web/web'] })).toMatchObject({ removes: true, does: 'Removes 1 object of eu-1/web, and nothing else.' });
  expect(of('drain', { placements: ['eu-1/a', 'eu-1/b'] })).toMatchObject({ removes: true, placements: ['eu-1/a', 'eu-1/b'] });
  expect(of('leaving', { placements: ['eu-1/a'] }).removes).toBe(true);
});

test('a move names where from and the revision', () => {
  const payload = { from: 'eu-1/a', objects: [':ConfigMap/x/1'], revision: 'f'.repeat(40) };
  expect(of('move', payload)).toMatchObject({ removes: false, does: 'Moves 1 object from eu-1/a to eu-1/web, at ffffffffffff.' });
});

test('a kind that is not known, or a list that is none, is told nothing of', () => {
  expect(of('other', { objects: 'x', placements: null })).toEqual({ does: '', objects: [], placements: [], removes: false });
});

test('what asks for the very same is one group, whatever its subject', () => {
  const asked = (id: number, subject: string, ...objects: string[]) => ({ id, kind: 'prune', subject, reason: 'many', payload: { objects } }) as unknown as Approval;
  const found = groups([asked(4, 'us/web', 'a'), asked(3, 'us/web', 'a', 'b'), asked(2, 'eu/web', 'a')]);
  expect(found.map(({ all }) => all.map((one) => one.id))).toEqual([[4, 2], [3]]);
});
