import { useMemo } from 'react';

import type { PictureAnswer } from '@/api/types';
import { Empty } from '@/ui/Empty';
import { Query } from '@/ui/Query';
import { Title } from '@/ui/Title';

import { Applications } from './Applications';
import { decode, scale } from './model';
import { usePicture } from './queries';

function All({ answer }: { answer: PictureAnswer }) {
  const of = useMemo(() => decode(answer), [answer]);
  const ranks = useMemo(() => scale(of, 'worst'), [of]);
  if (of.applications.length === 0) return <Empty command="flotilla plan DIR">Nothing is placed that you may see. What a registry in a folder would place:</Empty>;
  return (
    <>
      {of.more && <p className="soft">There are more placements than are counted here.</p>}
      <Applications of={of} ranks={ranks} />
    </>
  );
}

/** All applications that are placed somewhere, those first that somebody should look at. */
export function ApplicationsPage() {
  const found = usePicture({});
  return (
    <>
      <Title of="Applications" />
      <h1>Applications</h1>
      <Query of={found}>{(answer) => <All answer={answer} />}</Query>
    </>
  );
}
