// A curve as small as a word, beside the number that it belongs to. Gaps are times without a value.

const WIDTH = 60;
const HEIGHT = 14;

const FEWEST = 6; // of which a curve is drawn: it begins where there is something to show

export function Spark({ values: all }: { values: (number | null)[] }) {
  const first = all.findIndex((value) => value !== null);
  const values = all.slice(first < 0 ? -FEWEST : Math.min(first, all.length - FEWEST));
  const most = Math.max(1, ...values.map((value) => value ?? 0));
  const step = WIDTH / Math.max(values.length - 1, 1);
  let drawing = false;
  const path = values.map((value, i) => {
    if (value === null) {
      drawing = false;
      return "";
    }
    const height = (value / most) * (HEIGHT - 2);
    const at = `${(i * step).toFixed(1)} ${(HEIGHT - 1 - height).toFixed(1)}`;
    // A value between two gaps is a point: a line as long as nothing, with round ends.
    const alone = !drawing && values[i + 1] == null;
    const move = drawing ? `L${at}` : alone ? `M${at}h.01` : `M${at}`;
    drawing = true;
    return move;
  });
  return (
    <svg className="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
      <path d={path.join("")} />
    </svg>
  );
}
