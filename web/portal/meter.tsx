/** How much of a quota is used. */

import { count, percent } from "../shared/format.ts";

interface MeterProps {
  readonly title: string;
  readonly note: string;
  readonly used: number;
  readonly quota: number;
}

/** From here on it is close. */
const warnShare = 0.8;

export function Meter({ title, note, used, quota }: MeterProps) {
  const share = quota === 0 ? 1 : used / quota;
  const tone = share >= 1 ? "bad" : share >= warnShare ? "warn" : "good";
  const text = `${count(used)} of ${count(quota)}`;
  return (
    <div class="meter">
      <div class="meter-head">
        <span class="meter-title">{title}</span>
        <span class="num">{text}</span>
      </div>
      <svg
        class={`meter-bar ${tone}`}
        viewBox="0 0 100 2"
        preserveAspectRatio="none"
        role="img"
        aria-label={`${title}: ${text}, ${percent(share)}`}
      >
        <rect class="meter-all" width="100" height="2" />
        <rect class="meter-used" width={Math.min(100, share * 100)} height="2" />
      </svg>
      <span class="meter-note">{note}</span>
    </div>
  );
}
