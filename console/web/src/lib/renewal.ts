/** When what events make old is asked for again: gathered, never twice at once, and the seldomer the longer it takes. */

/** Milliseconds in which events are gathered, at least and at most. */
const LEAST = 1_000;
const MOST = 15_000;
/** How much longer than its answers took a pause is: a hub that is busy is left alone for most of the time. */
const SHARE = 4;

/** Return how many milliseconds to gather for, after answers that took some, spread by `chance` from 0 to 1. */
export function gathering(took: number, chance: number): number {
  return Math.min(MOST, Math.max(LEAST, SHARE * took)) * (0.75 + chance / 2);
}

/**
 * Gathers topics and hands them on together.
 *
 * @param renew asks again; resolves when all is answered. It is not called again before, or before 15 seconds passed.
 */
export class Renewal {
  private readonly topics = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private busy = false;
  private ended = false;
  private took = 0;

  constructor(private readonly renew: (topics: ReadonlySet<string>) => Promise<unknown>) {}

  /** Take note that something came about. */
  add(topic: string): void {
    this.topics.add(topic);
    this.plan();
  }

  /** Hand on nothing any more. */
  end(): void {
    this.ended = true;
    clearTimeout(this.timer);
  }

  private plan(): void {
    if (this.busy || this.ended || this.topics.size === 0) return;
    this.timer ??= setTimeout(() => void this.hand(), gathering(this.took, Math.random()));
  }

  private async hand(): Promise<void> {
    this.timer = undefined;
    this.busy = true;
    const now = new Set(this.topics);
    this.topics.clear();
    const since = Date.now();
    let late: ReturnType<typeof setTimeout> | undefined;
    const enough = new Promise((resolve) => (late = setTimeout(resolve, MOST)));
    await Promise.race([this.renew(now).catch(() => undefined), enough]);
    clearTimeout(late);
    this.took = Date.now() - since;
    this.busy = false;
    this.plan();
  }
}
