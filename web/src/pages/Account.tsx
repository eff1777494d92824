import { Page } from "../shell/Page";

export default function Account() {
  return <Page title="Your account" />;
}
