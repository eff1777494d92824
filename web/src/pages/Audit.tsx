import { Page } from "../shell/Page";

export default function Audit() {
  return <Page title="Audit log" />;
}
