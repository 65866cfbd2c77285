import { useState } from 'react';

import { may, type Me, type Verb } from '@/api/me';
import type { Token } from '@/api/types';
import { until } from '@/lib/age';
import { Age } from '@/ui/Age';
import { useNow } from '@/ui/clock';
import { type Column, DataTable } from '@/ui/DataTable';
import { Empty } from '@/ui/Empty';
import { Problem } from '@/ui/Problem';
import { Query } from '@/ui/Query';

import { Copy } from './Copy';
import { bounds, stateOf, VERBS } from './model';
import { useMake, useRevoke, useTokens } from './queries';
import { Sure } from './Sure';

/** How a token stands, in words. */
function Ends({ of }: { of: Token }) {
  const now = useNow();
  const state = stateOf(of, now);
  if (state === 'open') return <>in {until(of.expires_at, now)}</>;
  return (
    <span className="soft">
      {state} <Age at={of.revoked_at ?? of.expires_at} ago />
    </span>
  );
}

function columns(revoke: (id: number) => void): readonly Column<Token>[] {
  return [
    { key: 'name', title: 'Name', cell: (one) => one.name },
    { key: 'maker', title: 'Made by', cell: (one) => one.maker },
    { key: 'may', title: 'May at most', wide: true, cell: (one) => bounds(one.rights).join('; ') },
    { key: 'used', title: 'Last used', numeric: true, cell: (one) => (one.used_at ? <Age at={one.used_at} ago /> : <span className="soft">never</span>) },
    { key: 'ends', title: 'Ends', numeric: true, cell: (one) => <Ends of={one} /> },
    { key: 'revoke', title: 'Revoke', cell: (one) => one.revoked_at === null && <Sure title="Revoke" of={one.name} sure={() => revoke(one.id)} /> },
  ];
}

const USUAL: readonly Verb[] = ['read'];

/** Makes a token, and tells it this once. */
function Make({ of }: { of: Me }) {
  const made = useMake();
  const [verbs, setVerbs] = useState<readonly Verb[]>(USUAL);
  return (
    <details className="card">
      <summary>Make a token …</summary>
      <form
        className="entries"
        aria-label="Make a token"
        onSubmit={(event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          const projects = String(form.get('projects') ?? '').split(/[\s,]+/).filter(Boolean);
          made.mutate({ name: String(form.get('name')), verbs: [...verbs], projects, days: Number(form.get('days')) });
        }}
      >
        <label>
          What it is for
          <input name="name" required maxLength={100} autoComplete="off" />
        </label>
        <label>
          Projects; none is all of yours
          <input name="projects" autoComplete="off" />
        </label>
        <label>
          Ends after days
          <input name="days" type="number" min={1} max={365} defaultValue={90} required />
        </label>
        <fieldset className="verbs">
          <legend>It may at most</legend>
          {VERBS.filter(([verb]) => may(of, verb)).map(([verb, says]) => (
            <label key={verb} title={says}>
              <input
                type="checkbox"
                checked={verbs.includes(verb)}
                onChange={(event) => setVerbs(event.target.checked ? [...verbs, verb] : verbs.filter((one) => one !== verb))}
              />
              {verb}
            </label>
          ))}
        </fieldset>
        <button type="submit" className="act" disabled={verbs.length === 0 || made.isPending}>
          Make it
        </button>
      </form>
      {made.isError && <Problem error={made.error} />}
      {made.data && (
        <div role="status">
          <p>This is told once. Whoever has it can do what it allows:</p>
          <pre className="command">
            <code>{made.data.secret}</code>
          </pre>
          <Copy text={made.data.secret} />
        </div>
      )}
    </details>
  );
}

/** What programs show in somebody's stead. */
export function Tokens({ all, of }: { all: boolean; of: Me }) {
  const found = useTokens(all);
  const revoked = useRevoke();
  return (
    <section>
      <h2>Tokens</h2>
      <Make of={of} />
      {revoked.isError && <Problem error={revoked.error} />}
      <Query of={found}>
        {(data) =>
          data.length > 0 ? (
            <DataTable label="Tokens" columns={columns(revoked.mutate)} rows={data} rowKey={(one) => String(one.id)} />
          ) : (
            <Empty command="flotilla tokens create NAME --verb read">No token yet. A program shows one in place of a person. It is made here, or by:</Empty>
          )
        }
      </Query>
    </section>
  );
}
