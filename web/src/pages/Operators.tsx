import { Page } from "../shell/Page";

export default function Operators() {
  return <Page title="Operators" />;
}
