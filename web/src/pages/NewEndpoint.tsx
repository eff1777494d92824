import { useState } from "react";
import { useNavigate } from "react-router";
import { useToasts } from "../parts/Toasts";
import { useUnsaved } from "../parts/useUnsaved";
import { Page } from "../shell/Page";
import { CreateEndpoint } from "./endpoints/CreateEndpoint";
import { emptyForm } from "./endpoints/form";

export default function NewEndpoint() {
  const navigate = useNavigate();
  const toasts = useToasts();
  const [form, setForm] = useState(emptyForm);
  const { forget } = useUnsaved(JSON.stringify(form) !== JSON.stringify(emptyForm()));
  return (
    <Page title="New endpoint" narrow crumbs={[["/endpoints", "Endpoints"]]} intro="A server that mail is read from or written to, and how mailboxes are signed in to there.">
      <CreateEndpoint
        form={form}
        onChange={(changes) => setForm((f) => ({ ...f, ...changes }))}
        onCancel={() => void navigate("/endpoints")}
        onCreated={(made) => {
          toasts.done(`The endpoint ${made.name} was created`);
          forget();
          void navigate(`/endpoints/${encodeURIComponent(made.name)}`);
        }}
      />
    </Page>
  );
}
