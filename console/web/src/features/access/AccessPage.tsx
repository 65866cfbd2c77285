import { useSearch } from '@tanstack/react-router';

import { may, type Me, useMe } from '@/api/me';
import { Choice } from '@/ui/Choice';
import { Query } from '@/ui/Query';
import { Title } from '@/ui/Title';

import { VERBS, where } from './model';
import { Sessions } from './Sessions';
import { Tokens } from './Tokens';

function Rights({ of }: { of: Me }) {
  return (
    <section>
      <h2>What you may do</h2>
      <dl className="facts rights">
        {VERBS.map(([verb, says]) => {
          const held = where(of, verb);
          return (
            <div key={verb}>
              <dt>{verb}</dt>
              <dd>
                {held || <b>nowhere</b>}
                <span className="soft">, {says}</span>
              </dd>
            </div>
          );
        })}
      </dl>
      <p className="soft">
        What you may not do is in no role of yours: the registry gives groups their roles, in <code>Fleet.spec.roles</code> for all and in{' '}
        <code>Project.spec.roles</code> for one project.
      </p>
    </section>
  );
}

function Detail({ of }: { of: Me }) {
  const { all } = useSearch({ from: '/access' });
  const everybodys = all !== undefined && may(of, 'admin', '');
  return (
    <>
      <h1>
        {of.actor}
        <small>by {of.means === 'hub-token' ? "the hub's own token" : of.means}</small>
        {may(of, 'admin', '') && (
          <Choice
            label="Whose"
            options={[
              { title: 'yours', on: !everybodys, search: { all: undefined } },
              { title: "everybody's", on: everybodys, search: { all: '1' } },
            ]}
          />
        )}
      </h1>
      <Rights of={of} />
      <Sessions all={everybodys} />
      <Tokens all={everybodys} />
    </>
  );
}

/** Who somebody is here, what they may do where and why not more, where they are signed in, and their tokens. */
export function AccessPage() {
  const me = useMe();
  return (
    <>
      <Title of="Access" />
      <Query of={me} title="Access" every={false}>
        {(data) => <Detail of={data} />}
      </Query>
    </>
  );
}
