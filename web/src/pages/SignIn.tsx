import { useQuery } from "@tanstack/react-query";
import { Navigate, useNavigate, useSearchParams } from "react-router";
import { api, ask } from "../api/client";
import { meQuery } from "../api/queries";
import { To } from "../parts/Link";
import { Alone } from "../shell/Alone";
import { SignInForm } from "../shell/SignInForm";

/** Where to go after signing in: a place of the console, and nowhere else. Browsers leave control characters out of addresses, so that one may hide the second slash of another server's. */
export function placeAfter(next: string | null): string {
  if (!next || !next.startsWith("/") || next.startsWith("//") || /[\\\p{Cc}]/u.test(next)) return "/";
  return /^\/(sign-in|setup)(\W|$)/.test(next) ? "/" : next;
}

export default function SignIn() {
  const [search] = useSearchParams();
  const navigate = useNavigate();
  const next = placeAfter(search.get("next"));
  const me = useQuery(meQuery);
  const setup = useQuery({ queryKey: ["setup"], queryFn: () => ask(api.GET("/setup")), retry: false });
  if (me.data) return <Navigate to={next} replace />;
  if (setup.data?.needed) return <Navigate to="/setup" replace />;
  return (
    <Alone title="Sign in">
      <SignInForm onDone={() => void navigate(next, { replace: true })} />
      <p>
        Is this a new server? <To to="/setup">Make its first operator</To>
      </p>
    </Alone>
  );
}
