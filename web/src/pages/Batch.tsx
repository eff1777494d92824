import { Page } from "../shell/Page";

export default function Batch() {
  return <Page title="Batch" />;
}
