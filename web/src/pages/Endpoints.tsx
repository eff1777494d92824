import { Page } from "../shell/Page";

export default function Endpoints() {
  return <Page title="Endpoints" />;
}
