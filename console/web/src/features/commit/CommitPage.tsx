import { Link, useParams, useSearch } from '@tanstack/react-router';

import type { Alike, Reach, RegistryStand, SourceStand, Spread } from '@/api/types';
import { Age } from '@/ui/Age';
import { Empty } from '@/ui/Empty';
import { Facts } from '@/ui/Facts';
import { Query } from '@/ui/Query';
import { Refs } from '@/ui/Refs';
import { State } from '@/ui/State';
import { Sentence } from '@/ui/Steps';
import { Title } from '@/ui/Title';
import { CommitLink } from '@/ui/Versions';

import { answer, count, spreadOf } from './model';
import { useReach } from './queries';

function Groups({ of, word, count: all }: { of: readonly Alike[]; word: string; count: number }) {
  if (all === 0) return null;
  return (
    <section>
      <h2>
        <State word={word} count={all} />
      </h2>
      <ul className="results">
        {of.map((one) => (
          <li key={`${one.code} ${one.reason}`}>
            <p>
              <Sentence of={one.reason} />
            </p>
            <Refs of={one.refs} count={one.count} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Has({ of, count: all }: { of: Spread['has']; count: number }) {
  if (all === 0) return null;
  return (
    <section>
      <h2>
        <State word="have it" count={all} />
      </h2>
      <ul className="results">
        {of.map((one) => (
          <li key={one.application}>
            <Link to="/applications/$application" params={{ application: one.application }}>
              <b>{one.application}</b>
            </Link>{' '}
            <Refs of={one.refs} count={one.count} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Source({ of, commit }: { of: SourceStand; commit: string }) {
  const now = (
    <>
      now <CommitLink id={of.newest.id} called={of.newest.version} /> {of.newest.subject}
    </>
  );
  return (
    <li>
      <code>
        {of.repo} {of.ref}
      </code>
      :{' '}
      {of.lost_at !== null ? (
        <>
          no longer in it since <Age at={of.lost_at} />; {now}
        </>
      ) : of.newest.id !== commit ? (
        <>
          in it since <Age at={of.seen_at} />; {now}
        </>
      ) : of.is_followed ? (
        <>
          the newest, since <Age at={of.seen_at} />
        </>
      ) : (
        'the last that was seen, followed no more'
      )}
    </li>
  );
}

function Registry({ of }: { of: RegistryStand }) {
  return (
    <>
      {of.lost_at !== null ? (
        <>
          no longer in the registry since <Age at={of.lost_at} />
        </>
      ) : of.in_force ? (
        'in force'
      ) : (
        'not in force'
      )}
      {of.faults > 0 && (
        <>
          , with{' '}
          <Link to="/faults">
            {of.faults} {of.faults === 1 ? 'fault' : 'faults'}
          </Link>
        </>
      )}
    </>
  );
}

function Detail({ of }: { of: Reach }) {
  const { commit } = of;
  const spread = spreadOf(of);
  return (
    <>
      <h1>
        {commit.version && <span>{commit.version} </span>}
        <code>{commit.id.slice(0, 8)}</code>
        <span className="states">
          {count(spread, 'failed') > 0 && <State word="failed" count={count(spread, 'failed')} />}
          {count(spread, 'waits') > 0 && <State word="waiting" count={count(spread, 'waits')} />}
          {count(spread, 'unsynced') > 0 && <State word="out-of-sync" count={count(spread, 'unsynced')} />}
          {Object.values(spread.counts).some((one) => one > 0) && <State word="have it" count={count(spread, 'has')} />}
        </span>
      </h1>
      <section className="reason" aria-label="Whether it is everywhere">
        <p>{answer(of)}</p>
        {of.alone.length > 0 && <p className="soft">The revision of {of.alone.join(', ')} comes from it.</p>}
        {of.unclear && <p>{of.unclear}</p>}
        {of.untouched > 0 && (
          <p className="soft">
            {of.untouched === 1 ? 'One application follows' : `${of.untouched.toLocaleString('en')} applications follow`} a repository that has it, and{' '}
            {of.untouched === 1 ? 'its files are' : 'their files are'} the same before and after it.
          </p>
        )}
      </section>
      <Facts
        of={[
          ['Subject', commit.subject],
          ['Author', commit.author],
          ['Committed', commit.at && <Age at={commit.at} ago />],
          ['Commit', <code>{commit.id}</code>],
          [
            'Before',
            of.earlier.length > 0 &&
              of.earlier.map((one) => (
                <span className="commit" key={one.id}>
                  {one.version} was <CommitLink id={one.id} /> {one.subject}
                </span>
              )),
          ],
          ['Registry', of.registry && <Registry of={of.registry} />],
        ]}
      />
      <Groups of={spread.failed} word="failed" count={count(spread, 'failed')} />
      <Groups of={spread.waits} word="waiting" count={count(spread, 'waits')} />
      <Groups of={spread.unsynced} word="out-of-sync" count={count(spread, 'unsynced')} />
      <Has of={spread.has} count={count(spread, 'has')} />
      <h2>Sources</h2>
      {of.sources.length > 0 ? (
        <ul className="results">
          {of.sources.map((one) => (
            <Source key={`${one.repo} ${one.ref}`} of={one} commit={commit.id} />
          ))}
        </ul>
      ) : (
        <Empty>No source has it: it is a commit of the registry alone.</Empty>
      )}
      {of.more_sources > 0 && <p className="soft">and {of.more_sources.toLocaleString('en')} more</p>}
    </>
  );
}

/** One commit, by its id, the beginning of it, a tag or a version: who has it, who waits for what, and who failed. */
export function CommitPage() {
  const { name } = useParams({ from: '/commits/$name' });
  const { repo } = useSearch({ from: '/commits/$name' });
  const found = useReach(name, repo);
  return (
    <>
      <Title of={`Commit ${name.slice(0, 12)}`} />
      <Query of={found} title={name}>{(data) => <Detail of={data} />}</Query>
    </>
  );
}
