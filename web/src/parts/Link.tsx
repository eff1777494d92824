import { Button, Link as FluentLink, type ButtonProps, type LinkProps } from "@fluentui/react-components";
import type { MouseEvent, ReactNode } from "react";
import { useHref, useNavigate } from "react-router";

function useGoing(to: string) {
  const href = useHref(to);
  const navigate = useNavigate();
  const onClick = (event: MouseEvent) => {
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    void navigate(to);
  };
  return { href, onClick };
}

/** A link to another page of the console. */
export function To({ to, children, ...props }: { to: string; children: ReactNode } & Pick<LinkProps, "tabIndex" | "className" | "title" | "inline">) {
  return (
    <FluentLink {...props} {...useGoing(to)}>
      {children}
    </FluentLink>
  );
}

/** A link that looks as a button. */
export function ToButton({ to, children, ...props }: { to: string; children: ReactNode } & Pick<ButtonProps, "appearance" | "icon" | "size" | "className">) {
  return (
    <Button as="a" {...props} {...useGoing(to)}>
      {children}
    </Button>
  );
}
