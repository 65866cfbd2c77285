/** What is asked of the audit, as it stands in the address. */

import type { Deed } from '@/api/types';
import { given } from '@/lib/given';

/** Texts of an address; `since` and `until` are days. */
export interface Wanted {
  actor?: string;
  action?: string;
  subject?: string;
  project?: string;
  outcome?: string;
  since?: string;
  until?: string;
}

/** Of an address: by a socket of the machine, from the user of this number. */
const LOCAL = 'uid:';
const DAY = 24 * 3_600_000;

/** Return the instant at which a day begins, in UTC, or the one after it; what is no day comes back as it is. */
function begin(day: string, after = 0): string {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN;
  return Number.isNaN(at) ? day : new Date(at + after * DAY).toISOString();
}

/**
 * Return the filter that the API takes: the whole of both days, in UTC.
 *
 * What is no day is for the API to refuse: an audit that leaves out a filter tells of more than was asked for.
 */
export function filter(wanted: Wanted): Record<string, string> {
  const { since = '', until = '', ...others } = wanted;
  return given({ ...others, since: begin(since), until: begin(until, 1) }) as Record<string, string>;
}

/** Return the days of the quarter of a year that holds an instant, or of one that many before it. */
export function quarter(at: number, before = 0): { since: string; until: string } {
  const now = new Date(at);
  const first = Math.floor(now.getUTCMonth() / 3) * 3 - 3 * before;
  const day = (month: number, of: number) => new Date(Date.UTC(now.getUTCFullYear(), month, of)).toISOString().slice(0, 10);
  return { since: day(first, 1), until: day(first + 3, 0) };
}

/** Return the address of all of it as a file. */
export function exported(wanted: Wanted, format: 'csv' | 'ndjson'): string {
  return `/api/v1/audit?${new URLSearchParams({ ...filter(wanted), format }).toString()}`;
}

/** As whom the audit knows the bearer of the hub's own token, and whoever showed nothing that counts. */
const HUB = 'operator';
const UNKNOWN = ['unknown', 'several'];

/** Return what somebody showed; empty where the audit does not say. */
function shown({ actor, credential }: Pick<Deed, 'actor' | 'credential'>): string {
  if (UNKNOWN.includes(actor)) return 'nothing that counts';
  return credential === '' && actor === HUB ? "the hub's own token" : credential;
}

/** Return by what means and from where something was asked for; empty for what the hub did by itself. */
export function means(deed: Pick<Deed, 'actor' | 'outcome' | 'credential' | 'address'>): string {
  const { outcome, address } = deed;
  if (outcome === '') return '';
  const user = address.startsWith(LOCAL) ? `user ${address.slice(LOCAL.length)} of the hub's machine` : address;
  return [shown(deed), user && `from ${user}`].filter(Boolean).join(', ');
}

/** Return what else is known, as names and values. */
export function details(of: Readonly<Record<string, unknown>>): [string, string][] {
  return Object.entries(of).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]);
}

/** Return whether a subject is a placement. */
export function isPlacement(subject: string): boolean {
  return /^[a-z0-9.-]+\/[a-z0-9.-]+$/.test(subject);
}
