/** One operation: what it takes, what it answers, and a call of it. */

import { useId } from "preact/hooks";
import type { Operation, OperationResponse } from "../shared/operations.ts";
import type { Field } from "../shared/schema-fields.ts";
import { curlOf, placeOf } from "./groups.ts";

export function OperationCard({ of }: { readonly of: Operation }) {
  const title = useId();
  const { method, path, summary, description, parameters, fields, body, responses } = of;
  return (
    <article class="card operation" id={placeOf(of)} aria-labelledby={title} tabIndex={-1}>
      <div class="card-body operation-parts">
        <div>
          <h2 id={title}>
            <Prose text={summary || path} />
          </h2>
          <p class="operation-line">
            <span class={`operation-method ${method.toLowerCase()}`}>{method}</span>
            <span>{path}</span>
          </p>
        </div>
        {description !== "" && (
          <p>
            <Prose text={description} />
          </p>
        )}
        {parameters.length > 0 && (
          <section>
            <h3>Parameters</h3>
            <Fields
              fields={parameters.map(({ name, place, ...rest }) => {
                return { ...rest, name, place };
              })}
            />
          </section>
        )}
        {body !== "" && (
          <section>
            <h3>Body, {body}</h3>
            <Fields fields={fields} />
          </section>
        )}
        <section>
          <h3>Call</h3>
          <pre>
            <code>{curlOf(of, location.origin)}</code>
          </pre>
        </section>
        <section>
          <h3>Answers</h3>
          <p class="small">Those from 400 on are problems (RFC 9457).</p>
          {responses.map((response) => (
            <Answer key={response.status} of={response} />
          ))}
        </section>
      </div>
    </article>
  );
}

function Answer({ of }: { readonly of: OperationResponse }) {
  const { status, text, types, fields } = of;
  const isProblem = types === "application/problem+json";
  const shown = types === "" || isProblem ? [] : [types];
  const line = [`${status} ${text}`, ...shown].join(" · ");
  if (fields.length === 0) return <p class="small">{line}</p>;
  return (
    <details>
      <summary>{line}</summary>
      <Fields fields={fields} />
    </details>
  );
}

interface FieldsProps {
  /** `place`: where a parameter goes. */
  readonly fields: readonly (Field & { readonly place?: string })[];
}

function Fields({ fields }: FieldsProps) {
  return (
    <dl class="field-list">
      {fields.map(({ name, place, type, isRequired, text }) => (
        <div key={`${place ?? ""} ${name}`}>
          <dt class="field-name">{name}</dt>
          <dd>
            <span class="field-type">
              {[place, type, isRequired ? "required" : ""].filter(Boolean).join(", ")}
            </span>
            {text !== "" && (
              <>
                {" "}
                <Prose text={text} />
              </>
            )}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** What stands in backticks is code. */
function Prose({ text }: { readonly text: string }) {
  const parts = text.split("`");
  return <>{parts.map((part, i) => (i % 2 === 1 ? <code key={i}>{part}</code> : part))}</>;
}
