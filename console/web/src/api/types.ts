/** Short names of what the API answers; `schema.ts` is generated from docs/reference/openapi.json. */

import type { components } from '@/api/schema';

type Schemas = components['schemas'];

export type Attempt = Schemas['AttemptView'];
export type InventoryObject = Schemas['ObjectView'];
export type ObjectResult = Schemas['ObjectResultView'];
export type Placement = Schemas['PlacementView'];
export type Run = Schemas['RunView'];
export type RunDetail = Schemas['RunAnswer'];
export type SourceCommit = Schemas['SourceCommit'];
export type Status = Schemas['StatusAnswer'];
export type Step = Schemas['StepView'];
export type Why = Schemas['WhyAnswer'];
