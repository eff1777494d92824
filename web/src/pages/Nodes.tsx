import { Page } from "../shell/Page";

export default function Nodes() {
  return <Page title="Nodes" />;
}
