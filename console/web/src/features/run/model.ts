/** The stages of an attempt as parts of a bar. */

export interface Stage {
  name: string;
  /** Milliseconds. */
  took: number;
  /** Both in per cent of the whole. */
  from: number;
  share: number;
}

/** Return the stages of an attempt in their order, from milliseconds by stage; empty where none took any time. */
export function stages(timings: Readonly<Record<string, number>>): Stage[] {
  const all = Object.entries(timings);
  const whole = all.reduce((sum, [, took]) => sum + took, 0);
  let from = 0;
  return whole === 0
    ? []
    : all.map(([name, took]) => {
        const stage = { name, took, from, share: (100 * took) / whole };
        from += stage.share;
        return stage;
      });
}
