import { lacks, type Me } from '@/api/me';
import { Sentence } from '@/ui/Steps';

/** Says above every page why it shows nothing, to who may see nothing, and what to do about it. */
export function NoRights({ of }: { of: Me }) {
  const [why, then] = lacks(of);
  return (
    <div className="problem" role="status">
      <p>
        <b>You may see nothing here yet.</b> {why}
      </p>
      <p className="remedy">
        <Sentence of={then} />
      </p>
    </div>
  );
}
