import { Toast, ToastBody, Toaster, ToastTitle, ToastTrigger, useId, useToastController, Button } from "@fluentui/react-components";
import { DismissRegular } from "@fluentui/react-icons";
import { createContext, useContext, useMemo, type ReactNode } from "react";
import { problemOf } from "../api/problem";
import { Said } from "./Said";

export interface Toasts {
  /** Tells of what was done. */
  done(text: string, detail?: string): void;
  /** Tells of what could not be done, with why and what to do; it stays until it is closed. */
  failed(text: string, error: unknown): void;
}

const Context = createContext<Toasts>({ done: () => {}, failed: () => {} });

export function useToasts(): Toasts {
  return useContext(Context);
}

export function ToastsProvider({ children }: { children: ReactNode }) {
  const id = useId("toasts");
  const { dispatchToast } = useToastController(id);
  const toasts = useMemo<Toasts>(() => {
    const close = (
      <ToastTrigger>
        <Button appearance="transparent" size="small" icon={<DismissRegular />} aria-label="Close" />
      </ToastTrigger>
    );
    return {
      done: (text, detail) =>
        dispatchToast(
          <Toast>
            <ToastTitle action={close}>{text}</ToastTitle>
            {detail && <ToastBody>{detail}</ToastBody>}
          </Toast>,
          { intent: "success", timeout: 6_000 },
        ),
      failed: (text, error) => {
        const problem = problemOf(error);
        dispatchToast(
          <Toast>
            <ToastTitle action={close}>{text}</ToastTitle>
            <ToastBody>
              <Said text={problem.detail} /> {problem.remedy && <Said text={problem.remedy} />}
            </ToastBody>
          </Toast>,
          { intent: "error", timeout: -1 },
        );
      },
    };
  }, [dispatchToast]);
  return (
    <Context.Provider value={toasts}>
      {children}
      <Toaster toasterId={id} position="bottom-end" pauseOnHover pauseOnWindowBlur />
    </Context.Provider>
  );
}
