import { Page } from "../shell/Page";

export default function CutOver() {
  return <Page title="Cut-over" />;
}
