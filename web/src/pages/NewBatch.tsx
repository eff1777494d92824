import { Page } from "../shell/Page";

export default function NewBatch() {
  return <Page title="New batch" />;
}
