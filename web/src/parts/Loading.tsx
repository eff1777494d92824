import { makeStyles, Skeleton, SkeletonItem, tokens } from "@fluentui/react-components";

const useStyles = makeStyles({ list: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM, padding: `${tokens.spacingVerticalM} 0` } });

/** Skeletons of what comes: rows, or cards. It says "Loading" once to who cannot see them. */
export function Loading({ rows = 5, height = 20, what = "Loading" }: { rows?: number; height?: 16 | 20 | 32 | 48 | 64 | 96 | 128; what?: string }) {
  const styles = useStyles();
  return (
    <div role="status" aria-label={what}>
      <Skeleton aria-hidden className={styles.list}>
        {Array.from({ length: rows }, (_, i) => (
          <SkeletonItem key={i} size={height} />
        ))}
      </Skeleton>
    </div>
  );
}
