import { age } from '@/lib/age';
import { useNow } from '@/ui/clock';

/** How long ago an instant was; the instant itself is its tooltip. */
export function Age({ at, ago = false }: { at: string | null; ago?: boolean }) {
  const now = useNow();
  if (at === null) return <span className="age">never</span>;
  return (
    <time className="age" dateTime={at} title={new Date(at).toLocaleString()}>
      {age(at, now)}
      {ago && ' ago'}
    </time>
  );
}
