/** Short names of what the API answers; `schema.ts` is generated from docs/reference/openapi.json. */

import type { components } from '@/api/schema';

type Schemas = components['schemas'];

export type Alike = Schemas['Alike'];
export type Approval = Schemas['ApprovalView'];
export type Attempt = Schemas['AttemptView'];
export type Cluster = Schemas['ClusterView'];
export type Deed = Schemas['AuditView'];
export type ChangedField = Schemas['ChangedField'];
export type DriftGroup = Schemas['DriftGroup'];
export type Fault = Schemas['FaultView'];
export type Hit = Schemas['Hit'];
export type InventoryObject = Schemas['ObjectView'];
export type ObjectResult = Schemas['ObjectResultView'];
export type PictureAnswer = Schemas['PictureAnswer'];
export type Placement = Schemas['PlacementView'];
export type Reach = Schemas['Reach'];
export type RegistryStand = Schemas['RegistryStand'];
export type Run = Schemas['RunView'];
export type RunDetail = Schemas['RunAnswer'];
export type SourceCommit = Schemas['SourceCommit'];
export type SourceStand = Schemas['SourceStand'];
export type Spread = Schemas['Spread'];
export type Status = Schemas['StatusAnswer'];
export type Step = Schemas['StepView'];
export type Session = Schemas['SessionView'];
export type Token = Schemas['TokenView'];
export type TokenWanted = Schemas['TokenWanted'];
export type Trouble = Schemas['Trouble'];
export type User = Schemas['UserView'];
export type Version = Schemas['Version'];
export type Why = Schemas['WhyAnswer'];
