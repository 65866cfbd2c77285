import { useMantineColorScheme } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, Outlet } from '@tanstack/react-router';
import { useCallback, useEffect, useState } from 'react';

import { api, read } from '@/api/client';
import { follow } from '@/api/events';
import { may, useMe } from '@/api/me';
import { setLive, useStream } from '@/api/queries';
import { Account } from '@/app/Account';
import { Help } from '@/app/Help';
import { NoRights } from '@/app/NoRights';
import { PAGES } from '@/app/pages';
import { Search } from '@/app/Search';
import { useKeys } from '@/app/useKeys';

const SCHEMES = { auto: ['light', '◐', 'as the system'], light: ['dark', '○', 'light'], dark: ['auto', '●', 'dark'] } as const;

function ColourScheme() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const [next, glyph, said] = SCHEMES[colorScheme];
  return (
    <button type="button" className="quiet" onClick={() => setColorScheme(next)} aria-label={`Colours: ${said}. Change.`} title={`Colours: ${said}`}>
      {glyph}
    </button>
  );
}

/** How many things wait for a yes. */
function Waiting({ count }: { count: number }) {
  if (count === 0) return null;
  return (
    <b className="badge">
      {count}
      <span className="unseen"> open</span>
    </b>
  );
}

/** Says that events do not come any more; nothing while they do, and where there never were any. */
function NoEvents() {
  if (useStream() !== 'lost') return null;
  return (
    <span className="soft" title="The stream of events is broken. It is tried again; meanwhile pages ask every 5 seconds.">
      <span aria-hidden="true">◔</span> no events
    </span>
  );
}

/** What is around every page. */
export function Shell() {
  const [shown, setShown] = useState<'search' | 'help' | null>(null);
  const close = useCallback(() => setShown(null), []);
  useKeys(setShown);
  const client = useQueryClient();
  useEffect(() => follow(client, setLive), [client]);
  const status = useQuery({ queryKey: ['status'], queryFn: ({ signal }) => read(api.GET('/api/v1/status', { signal })) });
  const me = useMe();
  return (
    <>
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <header className="bar">
        <Link to="/" className="brand">
          {status.data?.fleet?.name ?? 'Flotilla'}
        </Link>
        <nav aria-label="Pages">
          {PAGES.filter((page) => !page.aside).map((page) => (
            <Link key={page.to} to={page.to} activeOptions={{ exact: page.to === '/', includeSearch: false }} activeProps={{ 'aria-current': 'page' }}>
              {page.title}
              {page.to === '/waiting' && <Waiting count={status.data ? status.data.approvals.length + status.data.more_approvals : 0} />}
            </Link>
          ))}
          {me.data && may(me.data, 'read', '') && <a href="/flower/">Flower</a>}
        </nav>
        <button type="button" className="find" onClick={() => setShown('search')}>
          <span>Find</span> <kbd>Ctrl K</kbd>
        </button>
        <NoEvents />
        <ColourScheme />
        <button type="button" className="quiet" onClick={() => setShown('help')} aria-label="Keys" title="Keys: ?">
          ?
        </button>
        <Account />
      </header>
      <main id="main" tabIndex={-1}>
        {me.data && me.data.rights.length === 0 && <NoRights of={me.data} />}
        <Outlet />
      </main>
      <Search opened={shown === 'search'} close={close} />
      <Help opened={shown === 'help'} close={close} />
    </>
  );
}
