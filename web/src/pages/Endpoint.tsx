import { Page } from "../shell/Page";

export default function Endpoint() {
  return <Page title="Endpoint" />;
}
