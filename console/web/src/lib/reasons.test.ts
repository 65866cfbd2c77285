import { expect, test } from 'vitest';

import { reasonOf } from './reasons';

const fine = { reason: '', health_reason: '', hold: '', hold_code: '', paused_by: '', pause_reason: '' };
const paused = { ...fine, reason: 'paused', hold: 'paused', hold_code: 'placement.paused', paused_by: 'anna', pause_reason: 'the audit' };

test('that it is paused is said once, with who did it', () => {
  expect(reasonOf(paused)).toBe('paused by anna: the audit');
  expect(reasonOf({ ...paused, reason: 'paused; 2 objects differ', pause_reason: '' })).toBe('2 objects differ; paused by anna');
});

test('nothing else is left out', () => {
  expect(reasonOf(fine)).toBe('');
  expect(reasonOf({ ...paused, reason: 'the cluster does not answer' })).toBe('the cluster does not answer; paused by anna: the audit');
  expect(reasonOf({ ...fine, reason: 'waits', hold: 'waits', hold_code: 'placement.waits', health_reason: 'crashed' })).toBe('waits; crashed');
});
