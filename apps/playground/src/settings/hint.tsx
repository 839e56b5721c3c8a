/** The sentence under a field, which `aria-describedby` finds as `ID-hint`. */
export function Hint({ id, text }: { readonly id: string; readonly text: string | undefined }) {
  return (
    text && (
      <p className="hint" id={`${id}-hint`}>
        {text}
      </p>
    )
  );
}
