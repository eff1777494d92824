import { ApiProblem } from "../../api/problem";

/** A problem that the console itself has found, with nothing to do but what it says. */
export function told(detail: string): ApiProblem {
  return new ApiProblem(0, { code: "console", detail });
}
