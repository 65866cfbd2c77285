import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';

import { clock } from '@/lib/age';
import { Problem } from '@/ui/Problem';

/** Says that what is shown is old, and of when it is. */
export function Stale({ since }: { since: number }) {
  return (
    <p className="stale" role="status">
      <span aria-hidden="true">◔</span> data of {clock(since)}, reconnecting
    </p>
  );
}

/** What an answer shows; never a spinner over old data, and an error only where there is nothing to show. */
export function Query<T>({ of, children }: { of: UseQueryResult<T>; children: (data: T) => ReactNode }) {
  if (of.data === undefined) {
    return of.isError ? <Problem error={of.error} /> : <p className="loading">Loading …</p>;
  }
  return (
    <div className={of.isError ? 'hatched' : undefined}>
      {of.isError && <Stale since={of.dataUpdatedAt} />}
      {children(of.data)}
    </div>
  );
}
