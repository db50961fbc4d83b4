// The answers of the API about people, keys and what they did; as `types.ts` for the others.

/** @schema SessionAnswer */
export interface Session {
  kind: "user" | "key" | "nobody";
  may: string[];
  user: string | null;
  role: string | null;
  password_due: boolean;
  first_admin: boolean;
}

/** @schema SessionRow */
export interface SessionRow {
  session: string;
  user: string;
  began_at: string;
  seen_at: string;
  ends_at: string;
  agent: string;
  address: string;
  current: boolean;
}

/** @schema UserAnswer */
export interface User {
  user: string;
  role: string;
  created_at: string;
  password_until?: string;
  password?: string;
  sessions?: number;
}

/** @schema KeyAnswer */
export interface ApiKey {
  key: string;
  label: string;
  scopes: string[];
  created_at: string;
  revoked_at?: string;
  token?: string;
}

/** @schema AccessRow */
export interface Access {
  at: string;
  by: string;
  what: string;
  of: string;
  before: Record<string, string>;
  after: Record<string, string>;
}

/** @schema AuditRow */
export interface Audited {
  seq: number;
  stamp_us: number;
  actor: string | null;
  actor_name: string | null;
  kind: string;
  what: string | null;
  subject: string | null;
  ref: string | null;
  channel: string | null;
  order_id: string | null;
  before: unknown;
  after: unknown;
  moved: { sku: string; location: string; bucket: string; before: number; after: number }[];
}
