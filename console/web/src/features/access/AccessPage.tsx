import { useSearch } from '@tanstack/react-router';

import { may, type Me, useMe } from '@/api/me';
import { Choice } from '@/ui/Choice';
import { Query } from '@/ui/Query';
import { Title } from '@/ui/Title';

import { means, VERBS, where } from './model';
import { Sessions } from './Sessions';
import { Tokens } from './Tokens';
import { Users } from './Users';

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
                {says}: {held || <b>nowhere</b>}
              </dd>
            </div>
          );
        })}
      </dl>
      {VERBS.some(([verb]) => !may(of, verb, '')) && (
        <p className="soft">
          More is given by a role: the registry gives groups their roles, in <code>Fleet.spec.roles</code> for all and in{' '}
          <code>Project.spec.roles</code> for one project.
        </p>
      )}
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
        <small>{means(of.means)}</small>
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
      {everybodys && <Users />}
      <Sessions all={everybodys} />
      <Tokens all={everybodys} of={of} />
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
