/** When what is shown is old: by its age, whatever the last question came to, and how often it is asked for. */

/** Milliseconds between two looks at what changes, while no events come. */
export const EVERY = 5_000;
/** The same while they do: what is looked at all the same tells of a time that passed, not of a change. */
export const SELDOM = 20_000;
/** Milliseconds that an answer may take before what it replaces is called old. */
const TAKES = 10_000;

/** Return how many pages an answer has that are each asked for again; 1 for what is no endless list. */
export function pagesOf(data: unknown): number {
  const pages = typeof data === 'object' && data !== null && 'pages' in data ? data.pages : undefined;
  return Array.isArray(pages) ? Math.max(1, pages.length) : 1;
}

/** Return the milliseconds until the next look: a list of many pages costs no more than one of a single page. */
export function interval(live: boolean, data: unknown): number {
  return (live ? SELDOM : EVERY) * pagesOf(data);
}

export interface Looked {
  data: unknown;
  dataUpdatedAt: number;
  isError: boolean;
}

/**
 * Return whether what is shown is called old: two looks were missed, or the last one failed.
 *
 * What is shown until the first answer to another question is there has no age.
 */
export function isStale(of: Looked, every: number | false, now: number): boolean {
  if (of.isError) return true;
  return every !== false && of.dataUpdatedAt > 0 && now - of.dataUpdatedAt > 2 * every + TAKES;
}
