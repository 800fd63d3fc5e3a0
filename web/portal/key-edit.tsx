/** Makes a key, or changes its name, expiry and restrictions. */

import { useState } from "preact/hooks";
import type {
  PersonCreatedKeyJson,
  PersonKeyJson,
} from "../../src/control/portal/portal-schemas.ts";
import { ApiError, api } from "../shared/api.ts";
import { Dialog } from "../shared/dialog.tsx";
import { ExpiryField, KeyNameField } from "../shared/key-fields.tsx";
import { Button, ErrorBox, Field } from "../shared/ui.tsx";

interface EditKeyProps {
  /** Undefined: a new one. */
  readonly of?: PersonKeyJson;
  readonly onClose: () => void;
  readonly onMade?: (created: PersonCreatedKeyJson) => void;
  readonly onChanged?: () => void;
}

const lists = [
  {
    field: "referers",
    label: "Only from web pages of",
    note: "Hosts, one a line: example.com, *.example.com. Empty: from anywhere.",
  },
  {
    field: "addresses",
    label: "Only from addresses",
    note: "One a line: 203.0.113.7, 203.0.113.0/24, 2001:db8::/32.",
  },
  { field: "routes", label: "Only for routes", note: "As the API has them, one a line: /users/*." },
] as const;

type Texts = Readonly<Record<(typeof lists)[number]["field"], string>>;

export function EditKeyDialog({ of, onClose, onMade, onChanged }: EditKeyProps) {
  const [name, setName] = useState(of?.name ?? "");
  const [expires, setExpires] = useState(of?.expiresAt?.slice(0, 10) ?? "");
  const [texts, setTexts] = useState<Texts>(() => textsOf(of));
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    const before = of?.expiresAt ?? null;
    // A day that was not touched keeps its time.
    const expiresAt = expires === "" ? null : before?.slice(0, 10) === expires ? before : expires;
    const body = {
      name: name.trim(),
      ...(of !== undefined && expiresAt === before ? {} : { expiresAt }),
      restrict: {
        ...{ referers: linesOf(texts.referers), addresses: linesOf(texts.addresses) },
        routes: linesOf(texts.routes),
      },
    };
    try {
      if (of === undefined) {
        onMade?.(await api<PersonCreatedKeyJson>("/portal/api/keys", { method: "POST", body }));
      } else {
        await api(`/portal/api/keys/${of.id}`, { method: "PATCH", body });
        onChanged?.();
      }
    } catch (cause) {
      setError(cause);
      setBusy(false);
    }
  };
  const wrong = (field: string): string | undefined =>
    error instanceof ApiError
      ? [...error.fields].find(([where]) => where.startsWith(`body.${field}`))?.[1]
      : undefined;
  const isRestricted = Object.values(texts).some((text) => text !== "");
  return (
    <Dialog title={of === undefined ? "New key" : "Change the key"} onClose={onClose}>
      <form class="form" onSubmit={(event) => void submit(event)}>
        {error !== undefined && <ErrorBox error={error} />}
        <KeyNameField
          note="For you: what the key is for."
          value={name}
          onInput={setName}
          error={wrong("name")}
        />
        <ExpiryField value={expires} onInput={setExpires} error={wrong("expiresAt")} />
        <details class="more" open={isRestricted}>
          <summary>Restrict where it works</summary>
          <div class="form">
            {lists.map(({ field, label, note }) => (
              <Field key={field} label={label} note={note} error={wrong(`restrict.${field}`)}>
                {(props) => (
                  <textarea
                    {...props}
                    rows={2}
                    spellcheck={false}
                    value={texts[field]}
                    onInput={(e) => setTexts({ ...texts, [field]: e.currentTarget.value })}
                  />
                )}
              </Field>
            ))}
          </div>
        </details>
        <div class="form-end">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" disabled={isBusy}>
            {of === undefined ? "Make the key" : "Save"}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function textsOf(key: PersonKeyJson | undefined): Texts {
  const { referers = [], addresses = [], routes = [] } = key?.restrict ?? {};
  return {
    referers: referers.join("\n"),
    addresses: addresses.join("\n"),
    routes: routes.join("\n"),
  };
}

function linesOf(text: string): string[] {
  return text
    .split(/[\n,]/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
