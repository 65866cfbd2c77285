import { useNavigate, useSearch } from '@tanstack/react-router';

import type { Deed } from '@/api/types';
import { Choice } from '@/ui/Choice';
import { useNow } from '@/ui/clock';
import { type Column, DataTable } from '@/ui/DataTable';
import { Empty } from '@/ui/Empty';
import { Query } from '@/ui/Query';
import { PlacementLink } from '@/ui/RunTable';
import { State } from '@/ui/State';
import { Title } from '@/ui/Title';

import { details, exported, isPlacement, means, quarter, type Wanted } from './model';
import { useAudit } from './queries';

const COLUMNS: readonly Column<Deed>[] = [
  {
    key: 'at',
    title: 'When, UTC',
    cell: (one) => (
      <time dateTime={one.at} title={new Date(one.at).toLocaleString()}>
        {one.at.slice(0, 19).replace('T', ' ')}
      </time>
    ),
  },
  {
    key: 'actor',
    title: 'Who',
    cell: (one) => (
      <>
        <div>{one.actor}</div>
        <div className="soft">{means(one)}</div>
      </>
    ),
  },
  {
    key: 'action',
    title: 'What',
    cell: (one) => (
      <>
        <div>
          <b>{one.action}</b> {isPlacement(one.subject) ? <PlacementLink placement={one.subject} /> : one.subject}
        </div>
        <div className="soft">
          {[one.project && `in ${one.project}`, one.verb && `by the right ${one.verb}`].filter(Boolean).join(', ')}
        </div>
      </>
    ),
  },
  { key: 'outcome', title: 'Outcome', cell: (one) => <State word={one.outcome || 'done'} /> },
  {
    key: 'why',
    title: 'Why, and what else is known',
    wide: true,
    cell: (one) => (
      <>
        {one.reason}
        {details(one.detail).map(([name, value]) => (
          <div key={name} className="soft">
            {name}: {value}
          </div>
        ))}
      </>
    ),
  },
];

const FIELDS = [
  ['actor', 'Who', 'search'],
  ['action', 'Verb', 'search'],
  ['subject', 'Subject', 'search'],
  ['project', 'Project', 'search'],
  ['since', 'From', 'date'],
  ['until', 'To', 'date'],
] as const;

/** Fields whose texts stand in the address as soon as they are sent. */
function Fields({ wanted }: { wanted: Wanted }) {
  const navigate = useNavigate();
  return (
    <form
      className="entries"
      role="search"
      aria-label="Which rows"
      // Another address, as by Back, brings other texts.
      key={JSON.stringify(wanted)}
      onSubmit={(event) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        const texts = Object.fromEntries(FIELDS.map(([name]) => [name, String(form.get(name) ?? '').trim() || undefined]));
        void navigate({ to: '.', search: (old: object) => ({ ...old, ...texts }) });
      }}
    >
      {FIELDS.map(([name, title, type]) => (
        <label key={name}>
          {title}
          <input name={name} type={type} defaultValue={wanted[name] ?? ''} maxLength={300} autoComplete="off" data-filter={name === 'actor' || undefined} />
        </label>
      ))}
      <button type="submit" className="act">
        Show
      </button>
    </form>
  );
}

/** Who did what, when, by what means and why, refusals too; days and instants are those of UTC. */
export function AuditPage() {
  const wanted = useSearch({ from: '/audit' });
  const found = useAudit(wanted);
  const outcomes = [
    ['all', undefined],
    ['asked', 'asked'],
    ['refused', 'refused'],
  ] as const;
  const now = useNow();
  const spans = [
    ['any time', { since: undefined, until: undefined }],
    ['this quarter', quarter(now)],
    ['last quarter', quarter(now, 1)],
  ] as const;
  return (
    <>
      <Title of="Audit" />
      <h1>
        Audit
        <Choice label="Outcome" options={outcomes.map(([title, outcome]) => ({ title, on: wanted.outcome === outcome, search: { outcome } }))} />
        <Choice label="When" options={spans.map(([title, span]) => ({ title, on: span.since === wanted.since && span.until === wanted.until, search: span }))} />
        <small className="exports">
          all of it as{' '}
          <a href={exported(wanted, 'csv')} download>
            CSV
          </a>{' '}
          or{' '}
          <a href={exported(wanted, 'ndjson')} download>
            NDJSON
          </a>
        </small>
      </h1>
      <Fields wanted={wanted} />
      <Query of={found}>
        {(data) => {
          const rows = data.pages.flatMap((page) => page.items);
          return rows.length > 0 ? (
            <DataTable
              label="Audit"
              columns={COLUMNS}
              rows={rows}
              rowKey={(one) => String(one.id)}
              more={found.hasNextPage ? () => void found.fetchNextPage() : undefined}
            />
          ) : (
            <Empty command="flotilla audit">Nothing like that is in the audit of what you may read. In a terminal:</Empty>
          );
        }}
      </Query>
    </>
  );
}
