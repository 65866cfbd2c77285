/** What is said of what an action would do, in words. */

interface Foreseen {
  paused: number;
  obstacles: Readonly<Record<string, number>>;
  items: readonly { obstacle: string; obstacle_code: string }[];
}

const PAUSED = 'placement.paused';
/** What becomes of what is paused, by the kind of the action, of one and of more. */
const OF_PAUSED: Readonly<Record<string, readonly [string, string]>> = {
  sync: ['syncs once and stays paused', 'sync once and stay paused'],
  check: ['is checked and stays paused', 'are checked and stay paused'],
};

/** Return what becomes of placements that are paused; empty where that is what the action is about. */
export function ofPaused(kind: string, { paused }: Pick<Foreseen, 'paused'>): string {
  if (paused === 0 || kind === 'resume') return '';
  const [one, more] = OF_PAUSED[kind] ?? ['', ''];
  const then = paused === 1 ? one : more;
  return `${paused === 1 ? '1 is' : `${paused.toLocaleString('en')} are`} paused${then && `: ${then}`}.`;
}

/** Return why placements got no run by themselves so far, each reason once; that they are paused is said elsewhere. */
export function soFar({ obstacles, items }: Omit<Foreseen, 'paused'>): string[] {
  return Object.entries(obstacles)
    .filter(([code]) => code !== PAUSED)
    .map(([code, count]) => {
      const told = items.find((one) => one.obstacle_code === code)?.obstacle ?? code;
      return `${count === 1 ? '1 waits' : `${count.toLocaleString('en')} wait`} so far: ${told}.`;
    });
}
