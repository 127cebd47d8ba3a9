/** The bulk job that was made last in this visit, for the examples that follow it. */

let jobId: string | null = null;

export function lastJob(): string | null {
  return jobId;
}

/** Takes the first id of a job in the answer of a mutation, whatever its fields are called there. */
export function noteJobIn(data: unknown): void {
  jobId = globalIdIn(data) ?? jobId;
}

function globalIdIn(value: unknown): string | null {
  if (typeof value === "string") return value.startsWith("BulkLocationJob:") ? value : null;
  if (typeof value !== "object" || value === null) return null;
  for (const part of Object.values(value)) {
    const found = globalIdIn(part);
    if (found != null) return found;
  }
  return null;
}
