interface NoteProps {
  readonly message: string;
  readonly retry?: (() => void) | undefined;
}

/** What cannot be had and what to do, read out at once. */
export function Note({ message, retry }: NoteProps) {
  return (
    <div className="error" role="alert">
      <p>{message}</p>
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}
