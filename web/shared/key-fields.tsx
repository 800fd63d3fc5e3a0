/** Fields of a key that operators and its owner fill in alike. */

import { TextField } from "./ui.tsx";

interface KeyFieldProps {
  readonly value: string;
  readonly onInput: (text: string) => void;
  readonly error: string | undefined;
}

export function KeyNameField({ note, ...field }: KeyFieldProps & { readonly note?: string }) {
  return (
    <TextField
      label="Name"
      {...(note === undefined ? {} : { note })}
      {...field}
      input={{ maxLength: 128, autoComplete: "off" }}
    />
  );
}

export function ExpiryField(field: KeyFieldProps) {
  return (
    <TextField
      label="Expires"
      note="At the beginning of this day, UTC. Empty: never."
      {...field}
      input={{ type: "date" }}
    />
  );
}
