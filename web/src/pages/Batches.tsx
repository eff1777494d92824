import { Page } from "../shell/Page";

export default function Batches() {
  return <Page title="Batches" />;
}
