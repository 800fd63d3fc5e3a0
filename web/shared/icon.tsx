/** The few icons, drawn on a grid of 20. */

const paths = {
  check: "M4 10.5 8 14.5 16 6",
  copy: "M7 7h9v9H7zM4 13V4h9",
  close: "M5 5l10 10M15 5 5 15",
  sun: "M10 6.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7M10 2v1.5M10 16.5V18M2 10h1.5M16.5 10H18M4.3 4.3l1 1M14.7 14.7l1 1M4.3 15.7l1-1M14.7 5.3l1-1",
  moon: "M16 12.2A6.5 6.5 0 0 1 7.8 4 6.5 6.5 0 1 0 16 12.2Z",
  auto: "M3 4.5h14v9H3zM7 16.5h6",
  out: "M8 4H4v12h4M12 6.5 15.5 10 12 13.5M15 10H8",
  plus: "M10 4v12M4 10h12",
  back: "M12 5l-5 5 5 5",
  forward: "M8 5l5 5-5 5",
  download: "M10 3v9M6 8.5l4 4 4-4M4 16.5h12",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}
