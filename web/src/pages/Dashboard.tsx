import { Page } from "../shell/Page";

export default function Dashboard() {
  return <Page title="Dashboard" />;
}
