// The answers of the API about webhooks, and what is asked of it; as `types.ts` for the others.

import { call, freshId, path } from "./api";

/** @schema WebhookAnswer */
export interface Webhook {
  webhook: string;
  url: string;
  types: string[];
  active: boolean;
  waiting: number;
  created_at: string;
  channel?: string;
  stopped?: string;
  old_secret_until?: string;
  secret?: string;
}

/** @schema DeliveryRow */
export interface Delivery {
  message: string;
  type: string;
  at: string;
  attempt: number;
  status: number;
  took_ms: number;
  problem: string | null;
  next_at: string | null;
}

export const TYPES = [
  "order.placed",
  "order.changed",
  "order.shipped",
  "order.cancelled",
  "order.returned",
  "stock.sold_out",
  "stock.back",
];

/** Make a webhook, or change one; the answer has the secret of a new one. */
export const put = (it: Pick<Webhook, "webhook" | "url" | "types" | "channel">, active = true) =>
  call<Webhook>("PUT", path("webhooks", it.webhook), {
    url: it.url,
    types: it.types,
    active,
    ...(it.channel ? { channel: it.channel } : {}),
  });

export const rotate = (name: string) =>
  call<Webhook>("POST", path("webhooks", name, "rotations"), { rotation_id: freshId("rotation") });

export const remove = (name: string) => call("DELETE", path("webhooks", name));

export const test = (name: string) =>
  call("POST", path("webhooks", name, "tests"), { test_id: freshId("console") });

export const replay = (name: string, message: string) =>
  call("POST", path("webhooks", name, "deliveries", message, "replay"));

/** Whether the service took the message. */
export const taken = (it: Delivery): boolean => it.status >= 200 && it.status < 300;
