import { expect, test } from 'vitest';

import type { Status } from '@/api/types';

import { headline, keptAlone } from './headline';

const fault = {} as Status['faults'][number];

test('what is retained is counted, with the faults that are open', () => {
  expect(headline({ retained: 0, faults: [fault], more_faults: 3 })).toBe('');
  expect(headline({ retained: 54, faults: [fault, fault], more_faults: 10 })).toBe('54 placements retained: 12 faults are open.');
  expect(headline({ retained: 1, faults: [fault], more_faults: 0 })).toBe('1 placement retained: 1 fault is open.');
});

test('what is retained without a fault is wanted so', () => {
  expect(headline({ retained: 1, faults: [], more_faults: 0 })).toBe('1 placement retained: the registry does not place it any more.');
  expect(keptAlone(2)).toContain('2 placements are kept');
});
