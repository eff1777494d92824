import { Page } from "../shell/Page";

export default function Mailbox() {
  return <Page title="Mailbox" />;
}
