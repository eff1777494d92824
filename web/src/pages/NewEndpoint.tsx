import { Page } from "../shell/Page";

export default function NewEndpoint() {
  return <Page title="New endpoint" />;
}
