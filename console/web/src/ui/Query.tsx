import type { UseQueryResult } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';

import { useStream } from '@/api/queries';
import { clock } from '@/lib/age';
import { interval, isStale } from '@/lib/fresh';
import { useNow } from '@/ui/clock';
import { Problem } from '@/ui/Problem';

/** Says that what is shown is old, and of when it is. */
export function Stale({ since }: { since: number }) {
  return (
    <p className="stale" role="status">
      <span aria-hidden="true">◔</span> data of {clock(since)}, reconnecting
    </p>
  );
}

interface Props<T> {
  of: UseQueryResult<T>;
  /** Heads the page as long as there are no data, where these have the heading. */
  title?: string;
  /** Milliseconds between two looks, where it is not what others have; false for what is asked for once. */
  every?: number | false | undefined;
  children: (data: T) => ReactNode;
}

/** What an answer shows; never a spinner over old data, and an error only where there is nothing to show. */
export function Query<T>({ of, title, every, children }: Props<T>) {
  const live = useStream() === 'live';
  const now = useNow();
  const [opened] = useState(Date.now);
  if (of.data === undefined) {
    return (
      <>
        {title !== undefined && <h1>{title}</h1>}
        {of.isError ? <Problem error={of.error} /> : <p className="loading">Loading …</p>}
      </>
    );
  }
  // What is still known from an earlier look is asked for as its page opens: said to be old only if no answer comes.
  const stale = of.isError || (now - opened > 2_000 && isStale(of, every ?? interval(live, of.data), now));
  return (
    <div className={stale ? 'hatched' : undefined}>
      {stale && <Stale since={of.dataUpdatedAt} />}
      {children(of.data)}
    </div>
  );
}
