// A few strokes, drawn in the text's colour. Each is one path in a box of 16.

const PATHS = {
  now: "M1.5 8.5h3l2-5 3 9 2-5.5h3",
  orders: "M3 2.5h10v11H3zM5.5 6h5M5.5 8.5h5M5.5 11h3",
  stock: "M2 5l6-3 6 3v6l-6 3-6-3zM2 5l6 3 6-3M8 8v6",
  returns: "M5.5 3L2 6.5L5.5 10M2 6.5h7.5a4 4 0 0 1 0 7H7",
  exceptions: "M8 2l6.5 11.5h-13zM8 6.5v3M8 11.3v.4",
  purchases: "M1.5 3.5h8v8h-8zM9.5 6.5h3l2 2.5v2.5h-5M4 13a1 1 0 1 0 .01 0M12 13a1 1 0 1 0 .01 0",
  locations: "M8 14s5-4.4 5-8A5 5 0 0 0 3 6c0 3.6 5 8 5 8zM8 7.8a1.8 1.8 0 1 0 .01 0",
  channels: "M2 4h5l2 4h5M2 12h5l2-4M12 6l2 2-2 2",
  plug: "M5.5 2v3M10.5 2v3M3.5 5h9v2.5a4.5 4.5 0 0 1-9 0zM8 12v2.5",
  letter: "M2 4h12v8.5H2zM2 4.5l6 4.5 6-4.5",
  flash: "M9 1.5L3.5 9H8l-1 5.5L12.5 7H8z",
  settings: "M2 5h7M13 5h1M2 11h1M7 11h7M11 3v4M5 9v4",
  check: "M3 8.5l3.5 3.5L13 4.5",
  alert: "M8 2.5a5.5 5.5 0 1 0 .01 0M8 5v4M8 11v.4",
  close: "M4 4l8 8M12 4l-8 8",
  hold: "M5 3v10M11 3v10",
  truck: "M1.5 4h8v7h-8zM9.5 6.5h3l2 2v2.5h-5",
  wait: "M8 2.5a5.5 5.5 0 1 0 .01 0M8 5v3.2l2.2 1.6",
  part: "M8 2.5a5.5 5.5 0 1 0 .01 0M8 2.5v11",
  full: "M8 2.5a5.5 5.5 0 1 0 .01 0M5.2 8.2l2 2 3.6-4",
  none: "M8 2.5a5.5 5.5 0 1 0 .01 0M4.2 11.8l7.6-7.6",
  box: "M2.5 5.5h11v8h-11zM2.5 5.5L5 2.5h6l2.5 3M8 2.5v6",
  lock: "M4 7.5h8v6H4zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5",
  user: "M8 2.5a2.8 2.8 0 1 0 .01 0M2.8 14c0-3 2.3-4.6 5.2-4.6s5.2 1.6 5.2 4.6",
  search: "M7 2.5a4.5 4.5 0 1 0 .01 0M10.4 10.4L14 14",
  menu: "M2 4h12M2 8h12M2 12h12",
  plus: "M8 3v10M3 8h10",
  download: "M8 2v8M4.5 7L8 10.5 11.5 7M2.5 13.5h11",
  upload: "M8 11V3M4.5 6L8 2.5 11.5 6M2.5 13.5h11",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="glyph" viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
