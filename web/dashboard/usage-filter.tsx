/** Adds one condition to a usage view. */

import { useState } from "preact/hooks";
import { Button, SelectField, TextField } from "../shared/ui.tsx";
import { type Dimension, dimensions, dimensionText } from "./usage-query.ts";

interface FilterFormProps {
  readonly onAdd: (dimension: Dimension, value: string) => void;
}

export function FilterForm({ onAdd }: FilterFormProps) {
  const [dimension, setDimension] = useState<Dimension>("owner");
  const [value, setValue] = useState("");
  const submit = (event: Event): void => {
    event.preventDefault();
    onAdd(dimension, value.trim());
    setValue("");
  };
  return (
    <form class="filter-form" onSubmit={submit}>
      <SelectField
        label="Only"
        value={dimension}
        options={dimensions.map((one) => ({ value: one, text: dimensionText[one] }))}
        onChange={(chosen) => setDimension(chosen as Dimension)}
      />
      <TextField
        label="Is exactly"
        value={value}
        onInput={setValue}
        input={{ maxLength: 512, spellcheck: false, autoComplete: "off" }}
      />
      <Button type="submit" disabled={value.trim() === ""}>
        Add
      </Button>
    </form>
  );
}
