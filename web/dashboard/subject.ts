/** Subjects of counters as text: `key:k_1`, `ip:192.0.2.0/24`, `header:x-team=red`. */

export interface SubjectParts {
  readonly dimension: string;
  readonly value: string;
}

export function subjectParts(subject: string): SubjectParts {
  const isNamed = /^(header|query|path):/.test(subject);
  const at = subject.indexOf(isNamed ? "=" : ":");
  if (at < 0) return { dimension: "", value: subject };
  return { dimension: subject.slice(0, at), value: subject.slice(at + 1) };
}
