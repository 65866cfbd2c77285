import { expect, test } from 'vitest';

import { arrange, between, byApplication, decode, isSmall, neighbour, overview, scale, shares, states, tally, troubles, wordOf, words } from './model';

const HEALTH = ['healthy', 'degraded', 'progressing'];
const SYNC = ['synced', 'failed', 'out-of-sync'];
const GOOD = 0x11;
const DEGRADED = 0x12;
const FAILED = 0x21;

function drawn(clusters: number, applications: number, cells: (row: number, column: number) => number) {
  const bytes = Array.from({ length: clusters * applications }, (_, at) => cells(Math.floor(at / applications), at % applications));
  const names = (what: string, count: number) => Array.from({ length: count }, (_, at) => `${what}${String(at).padStart(4, '0')}`);
  const picture = { clusters: names('c', clusters), applications: names('a', applications), health: HEALTH, sync: SYNC, more: false };
  // In parts: a call takes only so many arguments.
  const text = bytes.map((byte) => String.fromCharCode(byte)).join('');
  return decode({ picture: { ...picture, cells: btoa(text) } });
}

const SMALL = drawn(3, 3, (row, column) => [[GOOD, 0, FAILED], [0, GOOD, 0], [DEGRADED, 0, GOOD]][row]?.[column] ?? 0);

test('a byte is a health and a sync status; a word of a newer hub is unknown', () => {
  expect(states(SMALL, 0x21)).toEqual({ health: 'healthy', sync: 'failed' });
  expect(states(SMALL, 0xff)).toEqual({ health: 'unknown', sync: 'unknown' });
  expect(wordOf(scale(SMALL, 'health')[0x21] ?? 0)).toBe('healthy');
  expect(wordOf(scale(SMALL, 'worst')[0x21] ?? 0)).toBe('failed');
  expect(wordOf(scale(SMALL, 'sync')[0xf1] ?? 0)).toBe('unknown');
});

test('arrows pass over what is not placed, and end at the edge', () => {
  expect(neighbour(SMALL, 0, 'ArrowRight')).toBe(2);
  expect(neighbour(SMALL, 2, 'ArrowRight')).toBe(-1);
  expect(neighbour(SMALL, 0, 'ArrowDown')).toBe(6);
  expect(neighbour(SMALL, 6, 'ArrowLeft')).toBe(-1);
  expect(neighbour(SMALL, 4, 'ArrowUp')).toBe(-1);
});

test('applications are told with how their placements are, the worst first', () => {
  const found = byApplication(SMALL, scale(SMALL, 'worst'));
  expect(found.map(({ application, found: { placed, bad } }) => [application, placed, bad])).toEqual([
    ['a0002', 2, 1],
    ['a0000', 2, 1],
    ['a0001', 1, 0],
  ]);
  expect(words(found[0]?.found ?? { counts: [], placed: 0, bad: 0, worst: 0 })).toEqual([
    ['failed', 1],
    ['healthy', 1],
  ]);
});

test('of many, the one that is worst is seen in a pixel, in a group and in a bar', () => {
  const large = drawn(1000, 100, (row, column) => (row === 777 && column === 42 ? FAILED : GOOD));
  expect([isSmall(SMALL), isSmall(large)]).toEqual([true, false]);
  const ranks = scale(large, 'worst');
  const grouping = { label: 'zone', values: ['x', 'y'], of: large.clusters.map((_, row) => (row < 990 ? row % 2 : -1)) };
  const { rows, groups } = arrange(large, grouping);
  expect(groups).toEqual([
    { value: 'x', from: 0, to: 495 },
    { value: 'y', from: 495, to: 990 },
    { value: null, from: 990, to: 1000 },
  ]);
  const pixels = overview(large, ranks, rows, 50, 300);
  const worst = Math.max(...pixels);
  expect(wordOf(worst)).toBe('failed');
  expect([...pixels.keys()].filter((at) => pixels[at] === worst)).toEqual([Math.floor((rows.indexOf(777) * 300) / 1000) * 50 + 21]);
  const [x, y] = groups.map((one) => tally(large, ranks, rows, one.from, one.to));
  expect([x?.bad, y?.bad, y?.placed, wordOf(y?.worst ?? 0)]).toEqual([0, 1, 49_500, 'failed']);
  const parts = y ? shares(y) : [];
  expect(parts[0]?.width).toBeGreaterThan(1);
  expect(parts.reduce((sum, one) => sum + one.width, 0)).toBeCloseTo(100);
});

test('where nothing is placed, nothing is told', () => {
  const none = tally(SMALL, scale(SMALL, 'worst'), Uint32Array.of(0), 0, 0);
  expect(none).toMatchObject({ placed: 0, bad: 0, worst: 0 });
  expect(shares(none)).toEqual([]);
  expect(arrange(drawn(0, 0, () => 0), undefined)).toEqual({ rows: new Uint32Array(), groups: [] });
});

test('a row tells which applications are bad, by how they are', () => {
  const ranks = scale(SMALL, 'worst');
  const told = (row: number) => troubles(SMALL, ranks, row).map((one) => [wordOf(one.rank), ...one.applications]);
  expect([told(0), told(1), told(2)]).toEqual([[['failed', 'a0002']], [], [['degraded', 'a0000']]]);
});

test('rows of an address are found by their clusters, in either order; one that left is none', () => {
  const { rows } = arrange(SMALL, undefined);
  expect(between(SMALL, rows, 'c0002', 'c0001')).toEqual({ from: 1, to: 3 });
  expect(between(SMALL, rows, 'c0001', 'gone')).toBeNull();
  expect(between(SMALL, rows, undefined, undefined)).toBeNull();
});
