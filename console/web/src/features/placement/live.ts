/** Looks at the cluster as it is now: asked for, carried out by a worker, and read when they are there. */

import { useQuery } from '@tanstack/react-query';

import { api, read } from '@/api/client';
import { ApiError } from '@/api/problem';
import type { components } from '@/api/schema';
import type { TreeNode } from '@/lib/objects';

export type Question = components['schemas']['InspectionQuestion'];
export type Operation = components['schemas']['Operation'];
export type Inspection = components['schemas']['InspectionView'];
export type LiveObject = components['schemas']['NodeView'];

/** Milliseconds between two looks whether the answer is there. */
const EVERY = 400;

function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, EVERY);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(new DOMException('aborted', 'AbortError'));
    });
  });
}

/** Return what came of something that a worker was asked for. */
async function answered(asked: Inspection, signal: AbortSignal): Promise<Inspection> {
  let found = asked;
  while (found.state === 'asked' || found.state === 'taken') {
    await pause(signal);
    const path = { inspection_id: found.id };
    found = await read(api.GET('/api/v1/inspections/{inspection_id}', { params: { path }, signal }));
  }
  if (found.state === 'failed') {
    throw new ApiError(0, found.error?.message ?? 'there is no answer', found.error?.code, found.error?.remedy);
  }
  return found;
}

async function inspect(question: Question, signal: AbortSignal): Promise<Inspection> {
  return answered(await read(api.POST('/api/v1/inspections', { body: question, signal })), signal);
}

/** Have something done to an object on its cluster; returns what came of it. */
export async function operate(operation: Operation): Promise<Inspection> {
  return answered(await read(api.POST('/api/v1/operations', { body: operation })), new AbortController().signal);
}

/** Return what a cluster answers; asked once, and again when somebody asks again. */
export function useInspection(question: Omit<Question, 'previous' | 'lines'> & Partial<Question>, enabled = true) {
  return useQuery({
    queryKey: ['inspection', question],
    queryFn: ({ signal }) => inspect({ previous: false, lines: 200, ...question }, signal),
    enabled,
    staleTime: Infinity,
    refetchInterval: false,
    retry: false,
  });
}

/** Return live objects as the nodes of a tree. */
export function liveNodes(objects: readonly LiveObject[]): TreeNode<LiveObject>[] {
  return objects.map((one) => ({
    key: one.id,
    kind: one.kind,
    name: one.namespace === '' ? one.name : `${one.namespace}/${one.name}`,
    value: one,
    children: liveNodes(one.children),
  }));
}

/** Return the names and tags of images without where they are kept: `web:1.4` of `registry.example.com/shop/web:1.4`. */
export function imageTags(images: readonly string[]): string {
  return [...new Set(images.map((one) => (one.split('/').at(-1) ?? one).replace(/@sha256:([0-9a-f]{8})[0-9a-f]+$/, '@$1')))].join(', ');
}
