/** Pages as files of their own, which come when they are wanted, or before: a page must open while the hub is away. */

import { lazyRouteComponent } from '@tanstack/react-router';
import type { FunctionComponent } from 'react';

import { ApiError } from '@/api/problem';

const wanted: (() => Promise<unknown>)[] = [];

/** Return whether something answers here, whatever it says. */
async function answers(): Promise<boolean> {
  return fetch('/healthz', { method: 'HEAD', cache: 'no-store' }).then(
    () => true,
    () => false,
  );
}

/**
 * Return a page that is loaded when it is opened.
 *
 * The router loads the whole document anew where a file is missing, as after an upgrade. Without a hub that would leave
 * the application for the browser's own page, so it is told another error.
 */
export function lazy<M extends Record<K, FunctionComponent>, K extends string>(load: () => Promise<M>, name: K) {
  const importer = () =>
    load().catch(async (error: unknown) => {
      if (await answers()) throw error;
      throw new ApiError(0, 'the hub does not answer', 'hub.unreachable', 'Look whether the hub and the network are up, then load this page again.');
    });
  wanted.push(load);
  return lazyRouteComponent(importer as () => Promise<Record<K, FunctionComponent>>, name);
}

/** Get all pages' files, one after the other, once the first page is there. */
export async function loadAll(): Promise<void> {
  for (const load of wanted) await load().catch(() => undefined);
}
