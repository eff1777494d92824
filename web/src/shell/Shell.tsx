import {
  Button,
  makeStyles,
  Menu,
  MenuDivider,
  MenuItem,
  MenuItemRadio,
  MenuList,
  MenuPopover,
  MenuTrigger,
  mergeClasses,
  Spinner,
  tokens,
} from "@fluentui/react-components";
import {
  ArrowSwapRegular,
  ClipboardTextLtrRegular,
  DarkThemeRegular,
  DataPieRegular,
  MailMultipleRegular,
  NavigationRegular,
  PeopleRegular,
  PersonCircleRegular,
  PlugConnectedRegular,
  ServerRegular,
  SettingsRegular,
  SignOutRegular,
  type FluentIcon,
} from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { Navigate, NavLink, Outlet, useLocation, useNavigate, useNavigation } from "react-router";
import { api, ask } from "../api/client";
import { atLeast, MeContext, meQuery, queries, type Me, type Role } from "../api/queries";
import { watchReachable } from "../live/reachable";
import { useLiveStatus } from "../live/useLive";
import { Empty } from "../parts/Empty";
import { Problem } from "../parts/Problem";
import { useToasts } from "../parts/Toasts";
import { anyUnsaved, forgetUnsaved, useAnyUnsaved } from "../parts/useUnsaved";
import { LeaveDialog, Leaving } from "./Leaving";
import { Page } from "./Page";
import { onOtherTabs, tellOtherTabs } from "./tabs";
import { choose, useChoice, type Choice } from "./theme";

// What few visits need is loaded with its first use.
const NavigationDrawer = lazy(() => import("./NavigationDrawer"));
const SignInAgain = lazy(async () => ({ default: (await import("./SignInAgain")).SignInAgain }));

const places: { to: string; text: string; icon: FluentIcon; least?: Role }[] = [
  { to: "/", text: "Dashboard", icon: DataPieRegular },
  { to: "/batches", text: "Batches", icon: MailMultipleRegular },
  { to: "/endpoints", text: "Endpoints", icon: PlugConnectedRegular },
  { to: "/cut-over", text: "Cut-over", icon: ArrowSwapRegular },
  { to: "/nodes", text: "Nodes", icon: ServerRegular },
  { to: "/operators", text: "Operators", icon: PeopleRegular, least: "admin" },
  { to: "/audit", text: "Audit log", icon: ClipboardTextLtrRegular, least: "admin" },
  { to: "/settings", text: "Settings", icon: SettingsRegular, least: "admin" },
];

const narrow = "@media (max-width: 860px)";

const useStyles = makeStyles({
  shell: { display: "grid", gridTemplate: '"bar bar" 48px "nav main" minmax(0, 1fr) / 220px minmax(0, 1fr)', height: "100vh", backgroundColor: tokens.colorNeutralBackground2, [narrow]: { gridTemplate: '"bar" 48px "main" minmax(0, 1fr) / minmax(0, 1fr)' } },
  skip: { position: "absolute", left: "-9999px", ":focus": { left: tokens.spacingHorizontalM, top: tokens.spacingVerticalS, zIndex: 10, padding: "8px 12px", backgroundColor: tokens.colorNeutralBackground1, color: tokens.colorBrandForegroundLink, borderRadius: tokens.borderRadiusMedium, boxShadow: tokens.shadow8 } },
  bar: { gridArea: "bar", display: "flex", alignItems: "center", gap: tokens.spacingHorizontalS, padding: `0 ${tokens.spacingHorizontalM}`, backgroundColor: tokens.colorNeutralBackground1, borderBottom: `1px solid ${tokens.colorNeutralStroke2}`, minWidth: 0 },
  name: { fontWeight: tokens.fontWeightSemibold, fontSize: tokens.fontSizeBase400, color: tokens.colorNeutralForeground1, textDecorationLine: "none" },
  gap: { flexGrow: 1 },
  who: { maxWidth: "40vw", overflow: "hidden", textOverflow: "ellipsis", whiteSpace: "nowrap" },
  whoText: { overflow: "hidden", textOverflow: "ellipsis", "@media (max-width: 520px)": { display: "none" } },
  burger: { display: "none", [narrow]: { display: "inline-flex" } },
  nav: { gridArea: "nav", overflowY: "auto", padding: tokens.spacingVerticalS, borderRight: `1px solid ${tokens.colorNeutralStroke2}`, backgroundColor: tokens.colorNeutralBackground1, [narrow]: { display: "none" } },
  list: { listStyle: "none", margin: 0, padding: 0, display: "flex", flexDirection: "column", gap: "2px" },
  item: {
    display: "flex", alignItems: "center", gap: tokens.spacingHorizontalM, minHeight: "36px", padding: `0 ${tokens.spacingHorizontalM}`, borderRadius: tokens.borderRadiusMedium, color: tokens.colorNeutralForeground2, textDecorationLine: "none",
    ":hover": { backgroundColor: tokens.colorNeutralBackground1Hover, color: tokens.colorNeutralForeground1 },
    ":focus-visible": { outline: `2px solid ${tokens.colorStrokeFocus2}` },
  },
  here: { backgroundColor: tokens.colorNeutralBackground1Selected, color: tokens.colorNeutralForeground1, fontWeight: tokens.fontWeightSemibold, boxShadow: `inset 3px 0 0 ${tokens.colorCompoundBrandStroke}` },
  icon: { fontSize: "20px", display: "inline-flex" },
  main: { gridArea: "main", overflow: "auto", padding: `${tokens.spacingVerticalXL} ${tokens.spacingHorizontalXXL}`, outlineStyle: "none", position: "relative", [narrow]: { padding: `${tokens.spacingVerticalM} ${tokens.spacingHorizontalM}` } },
  live: { display: "inline-flex", alignItems: "center", gap: tokens.spacingHorizontalXS, fontSize: tokens.fontSizeBase200, whiteSpace: "nowrap", color: tokens.colorNeutralForeground2 },
  dot: { width: "8px", height: "8px", borderRadius: "50%", backgroundColor: tokens.colorNeutralForeground4 },
  good: { backgroundColor: tokens.colorStatusSuccessForeground3 },
  bad: { backgroundColor: tokens.colorStatusWarningForeground3 },
  whole: { display: "grid", placeItems: "center", minHeight: "100vh", padding: tokens.spacingHorizontalL },
  loading: { position: "absolute", top: tokens.spacingVerticalS, right: tokens.spacingHorizontalM },
});

/** What is around every page of who is signed in. */
export function Shell() {
  const styles = useStyles();
  const me = useQuery(meQuery);
  const unsaved = useAnyUnsaved();
  const location = useLocation();
  // Whose pages these are. What somebody has entered is not sent in the name of another.
  const [owner, setOwner] = useState<Me | null>();
  const now = me.data;
  const other = now && owner && now.name !== owner.name ? now : undefined;
  if (now && now !== owner && !other) setOwner(now);
  useEffect(() => {
    if (!other || unsaved) return;
    // Nothing that the one may see is left for the other.
    queries.removeQueries({ predicate: (q) => q.queryKey[0] !== meQuery.queryKey[0] });
    setOwner(other);
  }, [other, unsaved]);
  useEffect(() => onOtherTabs(() => void queries.invalidateQueries(meQuery)), []);
  if (me.isPending) {
    return (
      <div className={styles.whole}>
        <Spinner label="Loading" />
      </div>
    );
  }
  if (me.error && !owner) {
    return (
      <div className={styles.whole}>
        <Problem error={me.error} title="The console cannot start" retry={() => void me.refetch()} />
      </div>
    );
  }
  // What is not saved must not be lost because a session has ended.
  if (!owner || (!now && !unsaved)) {
    const next = location.pathname + location.search + location.hash;
    return <Navigate to={next === "/" ? "/sign-in" : `/sign-in?next=${encodeURIComponent(next)}`} replace />;
  }
  return (
    <MeContext value={owner}>
      <Frame key={owner.name} name={owner.name} role={owner.role} />
      <Suspense>{unsaved && (!now || other) && <SignInAgain name={owner.name} other={other?.name} />}</Suspense>
    </MeContext>
  );
}

function Frame({ name, role }: { name: string; role: Role }) {
  const styles = useStyles();
  const [open, setOpen] = useState(false);
  const [wanted, setWanted] = useState(false);
  const { pathname } = useLocation();
  const going = useNavigation().state !== "idle";
  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    setOpen(false);
    main.current?.scrollTo(0, 0);
  }, [pathname]);
  return (
    <div className={styles.shell}>
      <a
        href="#main"
        className={styles.skip}
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to the page
      </a>
      <header className={styles.bar}>
        <Button
          className={styles.burger}
          appearance="subtle"
          icon={<NavigationRegular />}
          aria-label="Navigation"
          aria-expanded={open}
          onClick={() => {
            setWanted(true);
            setOpen(true);
          }}
        />
        <NavLink to="/" className={styles.name} aria-label="mailhaul, to the dashboard">
          mailhaul
        </NavLink>
        <span className={styles.gap} />
        <LiveMark />
        <ThemeMenu />
        <WhoMenu name={name} role={role} />
      </header>
      <nav className={styles.nav} aria-label="Main">
        <Places role={role} />
      </nav>
      <Suspense>
        {wanted && (
          <NavigationDrawer open={open} onClose={() => setOpen(false)}>
            <nav aria-label="Main">
              <Places role={role} />
            </nav>
          </NavigationDrawer>
        )}
      </Suspense>
      <main id="main" ref={main} tabIndex={-1} className={styles.main}>
        {going && <Spinner size="tiny" className={styles.loading} aria-label="Loading" />}
        <Here role={role} />
      </main>
      <Leaving />
    </div>
  );
}

/** The page, or why this role does not see it. */
function Here({ role }: { role: Role }) {
  const { pathname } = useLocation();
  const place = places.find((p) => p.to === pathname);
  if (!place?.least || atLeast(role, place.least)) return <Outlet />;
  return (
    <Page title={place.text}>
      <Empty title="This page is for admins" icon={place.icon}>
        Your role is {role}. An admin can do what you have come for, or give you the role {place.least}.
      </Empty>
    </Page>
  );
}

function Places({ role }: { role: Role }) {
  const styles = useStyles();
  return (
    <ul className={styles.list}>
      {places
        .filter((place) => !place.least || atLeast(role, place.least))
        .map(({ to, text, icon: Icon }) => (
          <li key={to}>
            <NavLink to={to} end={to === "/"} className={({ isActive }) => mergeClasses(styles.item, isActive && styles.here)}>
              <span className={styles.icon} aria-hidden>
                <Icon />
              </span>
              {text}
            </NavLink>
          </li>
        ))}
    </ul>
  );
}

/** Whether the server answers, asked for only where no live view tells. */
function useReachable(ask: boolean): boolean {
  const [reachable, setReachable] = useState(true);
  useEffect(() => {
    setReachable(true);
    if (ask) return watchReachable(setReachable);
  }, [ask]);
  return reachable;
}

function LiveMark() {
  const styles = useStyles();
  const status = useLiveStatus();
  const texts = {
    live: ["Live", "What you see changes as it happens."],
    polling: ["Every 5 s", "Many are watching: what you see is asked for every 5 seconds."],
    connecting: ["Connecting…", "What you see is being asked for."],
    reconnecting: ["Reconnecting…", "The line to the server is lost: what you see may be old."],
  } as const;
  const reachable = useReachable(status === undefined);
  if (status === undefined) {
    return (
      <span className={styles.live} role="status" title={reachable ? "This page is not followed: it shows what was there when it was opened." : "The server of mailhaul does not answer. Check that it runs and that your network reaches it."}>
        <span className={mergeClasses(styles.dot, !reachable && styles.bad)} aria-hidden />
        {reachable ? "Not live" : "The server can't be reached"}
      </span>
    );
  }
  const [text, title] = texts[status];
  return (
    <span className={styles.live} role="status" title={title}>
      <span className={mergeClasses(styles.dot, status === "live" && styles.good, status === "reconnecting" && styles.bad)} aria-hidden />
      {text}
    </span>
  );
}

function ThemeMenu() {
  const choice = useChoice();
  return (
    <Menu checkedValues={{ theme: [choice] }} onCheckedValueChange={(_, data) => choose((data.checkedItems[0] ?? "system") as Choice)}>
      <MenuTrigger disableButtonEnhancement>
        <Button appearance="subtle" icon={<DarkThemeRegular />} aria-label="Theme" title="Theme" />
      </MenuTrigger>
      <MenuPopover>
        <MenuList>
          <MenuItemRadio name="theme" value="system">
            As the system
          </MenuItemRadio>
          <MenuItemRadio name="theme" value="light">
            Light
          </MenuItemRadio>
          <MenuItemRadio name="theme" value="dark">
            Dark
          </MenuItemRadio>
        </MenuList>
      </MenuPopover>
    </Menu>
  );
}

function WhoMenu({ name, role }: { name: string; role: Role }) {
  const styles = useStyles();
  const navigate = useNavigate();
  const toasts = useToasts();
  const [asking, setAsking] = useState(false);
  const signOut = async () => {
    setAsking(false);
    try {
      await ask(api.DELETE("/session"));
    } catch (error) {
      if (queries.getQueryData(meQuery.queryKey) !== null) {
        toasts.failed("You could not be signed out", error);
        return;
      }
    }
    forgetUnsaved();
    queries.clear();
    queries.setQueryData(meQuery.queryKey, null);
    tellOtherTabs();
    void navigate("/sign-in", { replace: true });
  };
  return (
    <>
      <Menu>
        <MenuTrigger disableButtonEnhancement>
          <Button appearance="subtle" icon={<PersonCircleRegular />} className={styles.who} aria-label={`${name}, ${role}`} title={`Signed in as ${name} (${role})`}>
            <span className={styles.whoText}>{name}</span>
          </Button>
        </MenuTrigger>
        <MenuPopover>
          <MenuList>
            <MenuItem icon={<PersonCircleRegular />} onClick={() => void navigate("/account")}>
              Your account
            </MenuItem>
            <MenuDivider />
            <MenuItem icon={<SignOutRegular />} onClick={() => (anyUnsaved() ? setAsking(true) : void signOut())}>
              Sign out
            </MenuItem>
          </MenuList>
        </MenuPopover>
      </Menu>
      <LeaveDialog open={asking} onStay={() => setAsking(false)} onLeave={() => void signOut()} />
    </>
  );
}
