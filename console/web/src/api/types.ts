/** What the API answers, as far as the pages use it. */

export interface Page<T> {
  items: T[];
  after: string;
}

export interface Work {
  code: string;
  severity: string;
  message: string;
  remedy: string;
}

export interface Fault {
  scope: string;
  code: string;
  file: string;
  line: number;
  what: string;
  remedy: string;
  first_seen_at: string;
}

export interface Approval {
  id: number;
  kind: string;
  subject: string;
  reason: string;
  created_at: string;
}

export interface Fleet {
  name: string;
  commit: string;
  seen_commit: string;
  checked_at: string | null;
}

export interface Status {
  work: Work[];
  fleet: Fleet | null;
  clusters: Record<string, number>;
  blocked: number;
  sync: Record<string, number>;
  health: Record<string, number>;
  paused: number;
  leaving: number;
  faults: Fault[];
  approvals: Approval[];
}

export interface SourceRevision {
  position: number;
  repo: string;
  ref: string;
  revision: string;
}

export interface Failure {
  sentence: string;
  code: string;
  message: string;
  remedy: string;
  since: string;
  last: string;
  count: number;
  retry_at: string | null;
}

export interface Placement {
  ref: string;
  cluster: string;
  application: string;
  state: string;
  sync: string;
  confirmed_at: string | null;
  health: string;
  health_reason: string;
  health_at: string | null;
  reason: string;
  sources: SourceRevision[];
  desired_sources: SourceRevision[];
  applied_at: string | null;
  objects: number;
  paused_by: string;
  pause_reason: string;
  failure: Failure | null;
}

export interface InventoryObject {
  object: string;
  health: string;
  health_reason: string;
  wanted: boolean;
  adopted: boolean;
  refused: string;
}

export interface PlacementDetail {
  placement: Placement;
  objects: InventoryObject[];
}

export interface Step {
  sentence: string;
  code: string;
}

export interface Commit {
  id: string;
  version: string;
  at: string | null;
  author: string;
  subject: string;
}

export interface SourceCommit {
  repo: string;
  ref: string;
  commit: Commit;
}

export interface Run {
  id: string;
  ref: string;
  trigger: string;
  actor: string;
  cause: string;
  state: string;
  outcome: string;
  reason: string;
  error_code: string;
  error: string;
  sources: SourceRevision[];
  manifest_digest: string;
  attempts: number;
  counts: Record<string, number>;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
}

export interface Attempt {
  number: number;
  worker: string;
  started_at: string;
  ended_at: string | null;
  outcome: string;
  error_code: string;
  error: string;
  timings: Record<string, number>;
  requests: Record<string, number>;
}

export interface ObjectResult {
  attempt: number;
  object: string;
  action: string;
  detail: string;
  diff: string;
}

export interface RunDetail {
  run: Run;
  attempts: Attempt[];
  objects: ObjectResult[];
  next_steps: Step[];
}

export interface FleetEvent {
  id: string;
  at: string;
  kind: string;
  code: string;
  run: string | null;
  actor: string;
  sentence: string;
}

export interface Why {
  placement: Placement;
  wanted: SourceCommit[];
  applied: SourceCommit[];
  last_change: Run | null;
  changes: ObjectResult[];
  events: FleetEvent[];
  next_steps: Step[];
}
