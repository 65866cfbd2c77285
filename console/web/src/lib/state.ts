/** The words of states, each with its glyph and its tone: no state is told by colour alone. */

export type Tone =
  | 'healthy'
  | 'progressing'
  | 'suspended'
  | 'missing'
  | 'degraded'
  | 'unknown'
  | 'synced'
  | 'out-of-sync'
  | 'failed'
  | 'blocked'
  | 'paused'
  | 'plain';

interface Look {
  glyph: string;
  tone: Tone;
}

const LOOKS: Readonly<Record<string, Look>> = {
  healthy: { glyph: '●', tone: 'healthy' },
  progressing: { glyph: '◔', tone: 'progressing' },
  suspended: { glyph: '‖', tone: 'suspended' },
  missing: { glyph: '◌', tone: 'missing' },
  degraded: { glyph: '▲', tone: 'degraded' },
  unknown: { glyph: '?', tone: 'unknown' },
  synced: { glyph: '✓', tone: 'synced' },
  'out-of-sync': { glyph: '≠', tone: 'out-of-sync' },
  failed: { glyph: '✕', tone: 'failed' },
  blocked: { glyph: '⊘', tone: 'blocked' },
  paused: { glyph: '‖', tone: 'paused' },
  reachable: { glyph: '✓', tone: 'synced' },
  unreachable: { glyph: '✕', tone: 'failed' },
  leaving: { glyph: '→', tone: 'suspended' },
  retained: { glyph: '⊙', tone: 'suspended' },
  frozen: { glyph: '‖', tone: 'suspended' },
  // of runs and their attempts
  queued: { glyph: '◔', tone: 'progressing' },
  running: { glyph: '◔', tone: 'progressing' },
  retrying: { glyph: '↻', tone: 'out-of-sync' },
  waiting: { glyph: '◔', tone: 'out-of-sync' },
  succeeded: { glyph: '✓', tone: 'synced' },
  superseded: { glyph: '»', tone: 'suspended' },
  skipped: { glyph: '»', tone: 'suspended' },
  cancelled: { glyph: '‖', tone: 'suspended' },
  'needs-approval': { glyph: '⊘', tone: 'out-of-sync' },
  interrupted: { glyph: '✕', tone: 'failed' },
  error: { glyph: '✕', tone: 'failed' },
  // of drift
  fight: { glyph: '⇄', tone: 'failed' },
  corrected: { glyph: '↻', tone: 'synced' },
  'by hand': { glyph: '+', tone: 'suspended' },
  // of what was asked for
  asked: { glyph: '→', tone: 'plain' },
  done: { glyph: '✓', tone: 'synced' },
  joined: { glyph: '✓', tone: 'synced' },
  refused: { glyph: '⊘', tone: 'failed' },
  broken: { glyph: '✕', tone: 'failed' },
  approved: { glyph: '✓', tone: 'synced' },
  rejected: { glyph: '⊘', tone: 'failed' },
  void: { glyph: '»', tone: 'suspended' },
  // of a commit
  'have it': { glyph: '✓', tone: 'synced' },
  // of what was done to an object
  created: { glyph: '+', tone: 'healthy' },
  configured: { glyph: '~', tone: 'progressing' },
  recreated: { glyph: '↻', tone: 'out-of-sync' },
  unchanged: { glyph: '=', tone: 'suspended' },
  pruned: { glyph: '−', tone: 'missing' },
  deleted: { glyph: '−', tone: 'missing' },
  adopted: { glyph: '+', tone: 'healthy' },
  conflict: { glyph: '✕', tone: 'failed' },
};

/** Return how a state is shown; a word that is not known is shown as it is, without a colour. */
export function look(word: string): Look {
  return (Object.hasOwn(LOOKS, word) && LOOKS[word]) || { glyph: '·', tone: 'plain' };
}

interface Dated {
  failure: { since: string } | null;
  paused_by: string;
  paused_at: string | null;
  health_at: string | null;
  confirmed_at: string | null;
}

/** Return since when a placement stands as it does, or, where that was not noted, when it was last `seen` so. */
export function since(one: Dated): { at: string | null; seen: boolean } {
  const noted = one.failure?.since ?? (one.paused_by ? one.paused_at : null);
  return noted ? { at: noted, seen: false } : { at: one.health_at ?? one.confirmed_at, seen: true };
}

const HEALTH_FIRST: readonly string[] = ['degraded', 'missing', 'unknown', 'progressing', 'suspended', 'healthy'];
const SYNC_FIRST: readonly string[] = ['failed', 'unknown', 'out-of-sync', 'synced'];

/** Return states with their counts in the order of who needs a person most; those of count 0 are left out. */
export function ordered(kind: 'health' | 'sync', counts: Readonly<Record<string, number>>): [string, number][] {
  const order = kind === 'health' ? HEALTH_FIRST : SYNC_FIRST;
  const rank = (word: string) => (order.includes(word) ? order.indexOf(word) : order.length);
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .sort(([a], [b]) => rank(a) - rank(b) || a.localeCompare(b));
}

/** Return which word of a placement says most about it: what is wrong with its sync, else its health. */
export function worst(sync: string, health: string): string {
  if (sync === 'failed') return sync;
  if (health === 'degraded' || health === 'missing') return health;
  if (sync !== 'synced') return sync;
  return health;
}
