/** Why a call was refused, in words. */

const reasons: Readonly<Record<string, string>> = {
  "key-restricted": "The key is restricted to other pages, addresses or routes",
  "route-unknown": "There is nothing at this path",
  "method-refused": "The path does not take this method",
  "body-too-large": "The body was too large",
  "subject-missing": "Something that the plan counts by was missing",
  "quota-not-held": "The region had no quota at hand for a moment",
  "view-stale": "The region was cut off from the count",
  "usage-unrecordable": "The call could not have been counted",
  "gateway-overloaded": "The region was overloaded",
  "upstream-overloaded": "The API was overloaded",
};

export function reasonText(reason: string): string {
  const limit = /^limited:(.*)$/s.exec(reason)?.[1];
  return limit === undefined ? (reasons[reason] ?? reason) : `The limit “${limit}” was used up`;
}
