import { makeStyles, tokens } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../api/client";
import { Card } from "../parts/Card";
import { DimmedButton, useRoleReason } from "../parts/DimmedButton";
import { Loading } from "../parts/Loading";
import { Problem } from "../parts/Problem";
import { Page } from "../shell/Page";
import { Domain } from "./cutover/Domain";
import { WatchDomain } from "./cutover/WatchDomain";

const useStyles = makeStyles({ list: { margin: 0, paddingLeft: tokens.spacingHorizontalXL, display: "flex", flexDirection: "column", gap: tokens.spacingVerticalS, maxWidth: "80ch" } });

/** Domains whose mail moves: how far each is, and when the batches may be completed. */
export default function CutOver() {
  const styles = useStyles();
  const role = useRoleReason("operator");
  const [open, setOpen] = useState(false);
  const [edited, setEdited] = useState<string>();
  const { data, error, refetch } = useQuery({ queryKey: ["cutovers"], queryFn: async () => (await ask(api.GET("/cutovers"))).items ?? [], refetchInterval: 30_000 });
  return (
    <Page
      title="Cut-over"
      intro="The mail of a domain has moved once its MX records name the new system, nobody sends to the old one any more, and what arrived there last was brought along. No record is changed here: that you do at your DNS host."
      actions={
        <DimmedButton appearance="primary" reason={role} onClick={() => setOpen(true)}>
          Watch a domain…
        </DimmedButton>
      }
    >
      <Problem error={error} title="The domains could not be read" retry={() => void refetch()} />
      {data === undefined && !error && <Loading rows={4} what="Loading the domains" />}
      {data?.length === 0 && (
        <Card title="No domain is watched" intro="Have a domain watched before its records are moved: then it is known when that was, and it is said when the batches may be completed. This is the order in which nothing gets lost.">
          <ol className={styles.list}>
            <li>Lower the TTL of the MX records to 3,600 seconds or less, and wait as long as it was.</li>
            <li>Let every mailbox get its first copy, and look at what was left out.</li>
            <li>Publish SPF, DKIM and autodiscover of the new system.</li>
            <li>Move the MX records, all at once. The batches go on: they bring what still arrives at the old system.</li>
            <li>Wait 72 hours after the caches have lost the old records.</li>
            <li>Synchronise every mailbox once more, then complete the batches. Only then switch the old system off.</li>
          </ol>
        </Card>
      )}
      {data?.map((c) => (
        <Domain key={c.domain} of={c} onEdit={() => setEdited(c.domain)} />
      ))}
      <WatchDomain open={open} onClose={() => setOpen(false)} />
      <WatchDomain open={edited !== undefined} of={data?.find((c) => c.domain === edited)} onClose={() => setEdited(undefined)} />
    </Page>
  );
}
