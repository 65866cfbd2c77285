import { expect, test } from 'vitest';

import { held, lacks, type Me, may } from './me';

const me = {
  actor: 'ada',
  means: 'session',
  rights: [
    { verb: 'sync', everywhere: false, projects: ['pay'] },
    { verb: 'read', everywhere: true, projects: [] },
  ],
} as unknown as Me;

test('a right holds where it was given, and one of the fleet everywhere', () => {
  expect(may(me, 'sync', 'pay')).toBe(true);
  expect(may(me, 'sync', 'shop')).toBe(false);
  expect(may(me, 'sync', '')).toBe(false);
  expect(may(me, 'read', '')).toBe(true);
  expect(may(me, 'approve', 'pay')).toBe(false);
});

test('where the project is not known, a right in any is enough to ask', () => {
  expect(may(me, 'sync')).toBe(true);
  expect(may(me, 'approve')).toBe(false);
});

test('rights are told by where they are held, what is held everywhere first', () => {
  const some = {
    actor: 'a',
    means: 'session',
    rights: [
      { verb: 'read', everywhere: true, projects: [] },
      { verb: 'sync', everywhere: false, projects: ['shop', 'pay'] },
      { verb: 'pause', everywhere: false, projects: ['pay'] },
    ],
  } as Me;
  expect(held(some)).toEqual([
    { project: null, verbs: ['read'] },
    { project: 'pay', verbs: ['sync', 'pause'] },
    { project: 'shop', verbs: ['sync'] },
  ]);
  expect(held({ ...some, rights: [] })).toEqual([]);
});

test('who may do nothing is told why, and which groups they are in', () => {
  expect(lacks({ lacking: 'role.none', groups: ['team-a', 'team-b'] })[0]).toBe('No role is yours. You are in team-a, team-b.');
  expect(lacks({ lacking: 'role.none', groups: [] })[0]).toBe('No role is yours. You are in no group.');
  expect(lacks({ lacking: 'groups.old', groups: [] })[1]).toBe('Sign out and in again.');
});
