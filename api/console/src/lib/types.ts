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

/** A page of a list: rows under the list's own name, and where the next page starts. */
export type Page<Name extends string, Row> = { [key in Name]: Row[] } & {
  next_cursor: string | null;
};
