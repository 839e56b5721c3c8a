interface Props {
  readonly message: string;
  readonly retry: (() => void) | undefined;
}

/** What went wrong and what to do, read out at once. */
export function ErrorNote({ message, retry }: Props) {
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
