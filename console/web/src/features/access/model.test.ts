import { expect, test } from 'vitest';

import type { Me } from '@/api/me';

import { bounds, stateOf, VERBS, where } from './model';

test('a verb is held everywhere, in projects, or nowhere', () => {
  const rights = [
    { verb: 'read', everywhere: true, projects: [] },
    { verb: 'sync', everywhere: false, projects: ['shop', 'pay'] },
  ];
  const me = { actor: 'ada', means: 'session', rights } as unknown as Me;
  expect([where(me, 'read'), where(me, 'sync'), where(me, 'approve')]).toEqual(['everywhere', 'pay, shop', '']);
});

test('what a token may is told by where', () => {
  expect(bounds([{ verb: 'read', project: 'pay' }, { verb: 'sync', project: 'pay' }, { verb: 'read', project: '*' }])).toEqual(['read, sync in pay', 'read']);
  expect(bounds(VERBS.map(([verb]) => ({ verb, project: '*' })))).toEqual(['whatever its maker may']);
});

test('a token ends by itself, or before', () => {
  const now = Date.parse('2026-11-30T12:00:00Z');
  expect(stateOf({ revoked_at: null, expires_at: '2026-12-01T00:00:00Z' }, now)).toBe('open');
  expect(stateOf({ revoked_at: null, expires_at: '2026-11-30T12:00:00Z' }, now)).toBe('ended');
  expect(stateOf({ revoked_at: '2026-11-29T12:00:00Z', expires_at: '2026-12-01T00:00:00Z' }, now)).toBe('revoked');
});
