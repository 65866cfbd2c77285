/** The versions of an application, summed up. */

import type { Version } from '@/api/types';

/** Clusters that are named of one version before the rest is counted. */
export const NAMED = 12;

/** Return how many placements of all versions are in each health. */
export function healthOf(versions: readonly Version[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { health } of versions) {
    for (const [word, count] of Object.entries(health)) found[word] = (found[word] ?? 0) + count;
  }
  return found;
}

/** Return the commit that most placements have which are to get another; empty where all have what is wanted. */
export function former(versions: readonly Version[]): string {
  const left = versions.filter(({ wanted, sources }) => wanted === 0 && sources.length === 1);
  const [most] = left.sort((a, b) => b.clusters.length - a.clusters.length);
  return most?.sources[0]?.commit.id ?? '';
}

/** Return what is to come of a version: who is to get it still, or that it is to go; empty where all is as wanted. */
export function outlook({ clusters, wanted }: Version): string {
  if (wanted === 0) return 'to be replaced';
  if (wanted === clusters.length) return '';
  return wanted > clusters.length ? `${wanted - clusters.length} more to get it` : `${clusters.length - wanted} to leave it`;
}
