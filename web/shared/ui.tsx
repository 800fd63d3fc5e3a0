/** The parts of which all pages are made: cards, buttons, fields, tables, notices. How they look: ui.css. */

import type { ComponentChildren, InputHTMLAttributes } from "preact";
import { useId, useState } from "preact/hooks";
import { Icon } from "./icon.tsx";

interface PageProps {
  readonly title: string;
  readonly note?: ComponentChildren;
  /** What stands at the end of the title's line. */
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** What is below the bar: one `main` with the page's one `h1`. */
export function Page({ title, note, actions, children }: PageProps) {
  return (
    <main class="page" id="main" tabIndex={-1}>
      <div class="page-head">
        <div>
          <h1>{title}</h1>
          {note !== undefined && <p class="small">{note}</p>}
        </div>
        {actions}
      </div>
      {children}
    </main>
  );
}

interface CardProps {
  readonly title: string;
  readonly note?: ComponentChildren;
  readonly actions?: ComponentChildren;
  /** Tables reach to the card's edges. */
  readonly flush?: boolean;
  readonly class?: string;
  readonly children: ComponentChildren;
}

export function Card({ title, note, actions, flush, children, ...rest }: CardProps) {
  const id = useId();
  return (
    <section class={`card ${rest.class ?? ""}`} aria-labelledby={id}>
      <div class="card-head">
        <h2 id={id}>{title}</h2>
        {note !== undefined && <span class="card-note">{note}</span>}
        {actions}
      </div>
      <div class={flush === true ? "card-body flush" : "card-body"}>{children}</div>
    </section>
  );
}

interface ButtonProps {
  readonly kind?: "plain" | "primary" | "danger" | "quiet";
  readonly type?: "button" | "submit";
  readonly disabled?: boolean;
  readonly onClick?: () => void;
  /** What a screen reader says where the content alone does not tell. */
  readonly label?: string;
  readonly children: ComponentChildren;
}

export function Button({ kind = "plain", type = "button", label, ...rest }: ButtonProps) {
  return <button class={`button ${kind}`} type={type} aria-label={label} title={label} {...rest} />;
}

interface FieldProps {
  readonly label: string;
  readonly note?: string;
  /** What is wrong with it; undefined: nothing. */
  readonly error?: string | undefined;
  readonly children: (props: FieldInput) => ComponentChildren;
}

/** Goes onto the input itself. */
interface FieldInput {
  readonly id: string;
  readonly class: string;
  readonly "aria-describedby"?: string;
  readonly "aria-invalid"?: boolean;
}

export function Field({ label, note, error, children }: FieldProps) {
  const id = useId();
  const text = error ?? note;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({
        id,
        class: "input",
        ...(text === undefined ? {} : { "aria-describedby": `${id}-note` }),
        ...(error === undefined ? {} : { "aria-invalid": true }),
      })}
      {text !== undefined && (
        <span class={error === undefined ? "field-note" : "field-error"} id={`${id}-note`}>
          {text}
        </span>
      )}
    </div>
  );
}

interface TextFieldProps extends Omit<FieldProps, "children"> {
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly input?: InputHTMLAttributes;
}

export function TextField({ value, onInput, input = {}, ...field }: TextFieldProps) {
  return (
    <Field {...field}>
      {(props) => (
        <input
          {...input}
          {...props}
          value={value}
          onInput={(e) => onInput(e.currentTarget.value)}
        />
      )}
    </Field>
  );
}

export interface Option {
  readonly value: string;
  readonly text: string;
}

interface SelectFieldProps extends Omit<FieldProps, "children"> {
  readonly value: string;
  readonly options: readonly Option[];
  readonly onChange: (value: string) => void;
}

export function SelectField({ value, options, onChange, ...field }: SelectFieldProps) {
  return (
    <Field {...field}>
      {(props) => (
        <select {...props} value={value} onChange={(e) => onChange(e.currentTarget.value)}>
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

interface EmptyProps {
  readonly title: string;
  readonly children?: ComponentChildren;
}

export function Empty({ title, children }: EmptyProps) {
  return (
    <div class="empty">
      <strong>{title}</strong>
      {children}
    </div>
  );
}

interface NoticeProps {
  readonly kind?: "plain" | "warn" | "bad";
  readonly children: ComponentChildren;
}

export function Notice({ kind = "plain", children }: NoticeProps) {
  return (
    <div class={`notice ${kind}`} role={kind === "bad" ? "alert" : "status"}>
      {children}
    </div>
  );
}

interface ErrorBoxProps {
  readonly error: unknown;
  readonly onRetry?: () => void;
}

/** One public sentence, and what to do. */
export function ErrorBox({ error, onRetry }: ErrorBoxProps) {
  const text = error instanceof Error ? error.message : "Something went wrong.";
  return (
    <Notice kind="bad">
      <span>{text}</span>
      {onRetry !== undefined && <Button onClick={onRetry}>Try again</Button>}
    </Notice>
  );
}

export function Loading({ label = "Loading" }: { readonly label?: string }) {
  return (
    <div role="status">
      <span class="visually-hidden">{label}</span>
      <div class="loading" />
    </div>
  );
}

export type Tone = "plain" | "good" | "warn" | "bad";

interface BadgeProps {
  readonly tone?: Tone;
  readonly dot?: boolean;
  readonly children: ComponentChildren;
}

export function Badge({ tone = "plain", dot = false, children }: BadgeProps) {
  return <span class={`badge ${tone}${dot ? " dot" : ""}`}>{children}</span>;
}

/** A secret that is shown once, with a button that copies it. */
export function Secret({
  text,
  label = "Copy",
}: {
  readonly text: string;
  readonly label?: string;
}) {
  const [copied, setCopied] = useState(false);
  const copy = () => {
    navigator.clipboard.writeText(text).then(
      () => setCopied(true),
      () => setCopied(false),
    );
  };
  return (
    <div class="secret">
      <code>{text}</code>
      <Button kind="quiet" onClick={copy}>
        <Icon name={copied ? "check" : "copy"} />
        <span aria-live="polite">{copied ? "Copied" : label}</span>
      </Button>
    </div>
  );
}
