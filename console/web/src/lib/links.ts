/** Addresses that come from elsewhere. */

/** Return an address as a link may have it: `https` alone; null for any other. */
export function outside(address: string): string | null {
  try {
    const url = new URL(address);
    return url.protocol === 'https:' && url.username === '' && url.password === '' ? url.href : null;
  } catch {
    return null;
  }
}

/** Return the commits of sources as people write them: eight characters each, a plus between two. */
export function shortened(sources: readonly { revision: string }[]): string {
  return sources.map((one) => one.revision.slice(0, 8)).join('+');
}
