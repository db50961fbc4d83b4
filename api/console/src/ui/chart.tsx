// A live curve over time (uPlot), in the page's colours.

import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { whole } from "../lib/format";

const HEIGHT = 130;
// Whole numbers only: there is no half order.
const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500]
  .flatMap((n) => [n, n * 1_000])
  .sort((a, b) => a - b);

function colour(name: string): string {
  // light-dark() is resolved only where the colour is used, so ask an element.
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function optionsOf(labels: string[], width: number, unit: string): uPlot.Options {
  const ink = colour("--soft");
  const rule = colour("--rule");
  const axis = {
    stroke: ink,
    grid: { stroke: rule, width: 1 },
    ticks: { show: false },
    font: "11px system-ui",
  };
  const strokes = [colour("--accent"), colour("--warn")];
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    scales: { y: { range: (_, __, max) => [0, Math.max(1, max * 1.1)] } },
    axes: [
      { ...axis, space: 80, size: 22 },
      {
        ...axis,
        space: 30,
        size: 52,
        incrs: STEPS,
        values: (_, ticks) => ticks.map((n) => whole(n) + unit),
      },
    ],
    series: [
      {},
      ...labels.map((label, i) => ({
        label,
        stroke: strokes[i],
        width: 1.5,
        dash: i ? [4, 3] : undefined, // told apart without colour as well
        points: { show: false },
      })),
    ],
  };
}

export function Chart(props: {
  title: string;
  at: number[];
  series: [string, (number | null)[]][];
  unit?: string;
  value: string;
}) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const data = [props.at, ...props.series.map(([, values]) => values)] as uPlot.AlignedData;
  const held = useRef(data);
  held.current = data;
  const labels = props.series.map(([label]) => label).join("|");
  useEffect(() => {
    const box = place.current!;
    const draw = () => {
      plot.current?.destroy();
      const options = optionsOf(labels.split("|"), box.clientWidth, props.unit ?? "");
      plot.current = new uPlot(options, held.current, box);
    };
    draw();
    const watch = new ResizeObserver(() => {
      plot.current?.setSize({ width: box.clientWidth, height: HEIGHT });
    });
    watch.observe(box);
    const scheme = window.matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", draw);
    window.addEventListener("dibs:theme", draw);
    return () => {
      scheme.removeEventListener("change", draw);
      window.removeEventListener("dibs:theme", draw);
      watch.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [labels, props.unit]);
  useEffect(() => {
    plot.current?.setData(data);
  });
  return (
    <section className="card">
      <h2>
        {props.title} <b>{props.value}</b>
      </h2>
      <div className="chart" ref={place} role="img" aria-label={`${props.title}: ${props.value}`} />
      {props.series.length > 1 && (
        <p className="legend">
          {props.series.map(([label], i) => (
            <span key={label} className={i ? "dashed" : "solid"}>
              {label}
            </span>
          ))}
        </p>
      )}
    </section>
  );
}
