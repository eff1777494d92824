import { SearchRegular } from "@fluentui/react-icons";
import { Empty } from "../parts/Empty";
import { ToButton } from "../parts/Link";
import { Page } from "./Page";

export function NotFound() {
  return (
    <Page title="Not found">
      <Empty title="There is no such page" icon={SearchRegular} actions={<ToButton to="/">Go to the dashboard</ToButton>}>
        The address may have been mistyped, or what it led to was deleted.
      </Empty>
    </Page>
  );
}
