// The answers of the API as far as the console reads them. `tests/unit/test_console.py` holds
// every field of an interface marked `@schema` against the OpenAPI document.

/** @schema AllocationAnswer */
export interface Allocation {
  location: string;
  quantity: number;
  sku?: string;
}

/** @schema OrderLineAnswer */
export interface OrderLine {
  sku: string;
  quantity: number;
  allocations: Allocation[];
  line_id?: string;
  unit_price?: number;
  backordered?: number;
  cancelled?: number;
  shipped?: number;
}

/** @schema HoldAnswer */
export interface Hold {
  hold_id: string;
  reason: string;
  then: string;
  keeps_stock: boolean;
  owner?: string;
  until?: string;
}

/** @schema Address */
export interface Address {
  name?: string;
  company?: string;
  line1?: string;
  line2?: string;
  city?: string;
  region?: string;
  postcode?: string;
  country?: string;
  phone?: string;
  email?: string;
}

/** @schema OrderAnswer */
export interface Order {
  seq: number;
  replayed?: boolean;
  order_id: string;
  channel: string;
  status: string;
  lines: OrderLine[];
  ship_to?: Address;
  payment?: string;
  currency?: string;
  placed_at?: string;
  required_by?: string;
  customer?: string;
  note?: string;
  holds?: Hold[];
  fulfillments?: { fulfillment_id: string; location: string; status: string }[];
}

/** @schema PartAnswer */
export interface Parcel {
  shipment_id: string;
  carrier?: string;
  tracking_number?: string;
}

/** @schema FulfillmentAnswer */
export interface Fulfillment {
  fulfillment_id: string;
  location: string;
  status: string;
  lines: { sku: string; quantity: number }[];
  pickup?: boolean;
  accept_by?: string;
  reason?: string;
  shipments?: Parcel[];
}

/** @schema ReservationAnswer */
export interface Reservation {
  reservation_id: string;
  status: string;
  expires_at: string;
  lines: { sku: string; quantity: number; location: string }[];
}

/** @schema OrderRow */
export interface ViewedOrder {
  seq: number;
  channel: string;
  order_id: string;
  status: string;
  placed_us: number;
  changed_us: number;
  customer: string | null;
  currency: string | null;
  payment: string | null;
  units: number;
  shipped: number;
}

/** @schema MovementRow */
export interface Movement {
  seq: number;
  n: number;
  bucket: string;
  delta: number;
  quantity: number;
  available: number;
  reason: string | null;
  stamp_us: number;
  kind: string;
  what: string | null;
  ref: string | null;
  channel: string | null;
  order_id: string | null;
  actor: string | null;
}

/** @schema ShipmentAnswer */
export interface Shipment {
  shipment_id: string;
  status: string;
  lines: { sku: string; quantity: number; location: string }[];
  carrier?: string;
  tracking_number?: string;
}

/** @schema Units */
export interface Units {
  on_hand: number;
  reserved: number;
  allocated: number;
  unavailable: number;
  available: number;
}

/** @schema Overview */
export interface Overview {
  state: string;
  epoch: number;
  seq: number;
  rows: Record<string, number>;
  skus_seen: number;
  units: Units;
  sold_out: string[];
  latest: Order[];
}

/** @schema Beat */
export interface Beat {
  state: string;
  epoch: number;
  seq: number;
  standing: Record<string, number>;
  views: number | null;
}

/** @schema Gauges */
export interface Gauges {
  orders_per_s: number;
  units_per_s: number;
  decided_per_s: number;
  refused_per_s: number;
  p50_ms: number | null;
  p99_ms: number | null;
  append_ms: number | null;
  queue: number;
  undurable: number;
  views_behind: number | null;
  views_lag_s: number | null;
}

/** @schema Now */
export interface NowTold {
  at: number;
  overview: Overview;
  gauges: Gauges;
}

/** @schema QueueNews */
export interface QueueNews {
  anew: boolean;
  gone: [channel: string, order: string][];
  orders: Order[];
  next_cursor: string | null;
}

/** @schema LocationAnswer */
export interface Location {
  location: string;
  name: string;
  kind: string;
  country: string;
  active: boolean;
  priority: number;
  postcode?: string;
  latitude?: number;
  longitude?: number;
}

/** @schema QuantitiesAnswer */
export interface Position extends Units {
  location: string;
}

/** @schema StockAnswer */
export interface Stock extends Units {
  sku: string;
  seq: number;
  locations: Position[];
}

/** @schema SkuAnswer */
export interface Sku {
  sku: string;
  title: string;
  backorderable: boolean;
  weight_g?: number;
  components?: { sku: string; quantity: number }[];
  baseline?: number;
}

/** @schema DocumentAnswer */
export interface StockDocument {
  seq: number;
  lines: { sku: string; on_hand: number }[];
}

/** @schema PurchaseLineAnswer */
export interface PurchaseLine {
  sku: string;
  quantity: number;
  received: number;
}

/** @schema PurchaseOrderAnswer */
export interface PurchaseOrder {
  purchase_order: string;
  status: string;
  location: string;
  expected_at: string;
  supplier?: string;
  lines: PurchaseLine[];
}

/** @schema Buffer */
export interface Buffer {
  units?: number;
  percent?: number;
  skus?: string[];
  locations?: string[];
  below?: number;
  below_baseline?: boolean;
  season?: { first: string; last: string };
}

/** @schema ChannelAnswer */
export interface Channel {
  channel: string;
  name: string;
  priority: number;
  locations?: string[];
  buffers?: Buffer[];
  cap?: number;
  protect?: number;
}

/** @schema WithheldAnswer */
export interface Withheld {
  cause: string;
  units: number;
  location?: string;
  buffer?: number;
}

/** @schema FenceAnswer */
export interface Fence {
  channel: string;
  sku: string;
  quantity: number;
  status: string;
  used: number;
  left: number;
  covered?: number;
  location?: string;
  starts_at?: string;
  ends_at?: string;
  fall_back?: boolean;
}

/** @schema SellableAnswer */
export interface Sellable {
  sku: string;
  sellable: number;
  available: number;
  withheld?: Withheld[];
  backorderable?: boolean;
  own_fence?: number;
  incoming?: { expected_at: string; location: string; units: number; purchase_order: string }[];
}

/** @schema ReturnUnitsAnswer */
export interface ReturnUnits {
  sku: string;
  expected: number;
  received: number;
}

/** @schema InspectingAnswer */
export interface Inspecting {
  sku: string;
  location: string;
  quantity: number;
}

/** @schema InspectedAnswer */
export interface Inspected {
  sku: string;
  location: string;
  quantity: number;
  disposition: string;
}

/** @schema ReturnAnswer */
export interface Return {
  seq: number;
  return_id: string;
  channel: string;
  order_id: string;
  status: string;
  reason: string;
  units: ReturnUnits[];
  inspecting?: Inspecting[];
  inspected?: Inspected[];
  carrier?: string;
  tracking_number?: string;
  why?: string;
}

/** @schema Receipt */
export interface Decision {
  sentence: string;
  seq?: number;
}

/** @schema ChangedLine */
export interface ToldLine {
  quantity: number;
  sku: string;
  location?: string;
  before?: number;
  waits?: boolean;
}

/** @schema OrderChange */
export interface ToldChange {
  seq: number;
  at: string;
  what: string;
  actor: string;
  actor_name?: string;
  reason?: string;
  lines?: ToldLine[];
}

/** @schema TimelineAnswer */
export interface Timeline {
  complete: boolean;
  changes: ToldChange[];
  next_cursor: string | null;
}

/** A page of a list: rows under the list's own name, and where the next page starts. */
export type Page<Name extends string, Row> = { [key in Name]: Row[] } & {
  next_cursor: string | null;
};
