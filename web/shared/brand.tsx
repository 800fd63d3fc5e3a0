/** The mark and the name beside it. */

interface BrandProps {
  readonly name: string;
  /** Address of a logo on this origin; the tally mark without one. */
  readonly logo?: string | undefined;
  readonly href?: string | undefined;
}

export function Brand({ name, logo, href = "#/" }: BrandProps) {
  return (
    <a class="brand" href={href}>
      {logo === undefined ? <Mark /> : <img class="brand-logo" src={logo} alt="" />}
      <span>{name}</span>
    </a>
  );
}

function Mark() {
  return (
    <svg class="brand-mark" viewBox="0 0 32 32" aria-hidden="true">
      <path class="brand-strokes" d="M9 8v16M13.6 8v16M18.2 8v16M22.8 8v16" />
      <path class="brand-slash" d="M4.8 21 27.2 11" />
    </svg>
  );
}
