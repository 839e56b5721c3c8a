import type { History } from '../mask/mask.ts';
import { tools, type ToolName } from './keys.ts';
import { LEAST_BREADTH, MOST_BREADTH, withBreadth, type Actions } from './use-commands.ts';
import type { Tool } from './use-drawing.ts';
import type { View } from './view.ts';

const titles: Readonly<Record<ToolName, string>> = {
  brush: 'Brush',
  eraser: 'Eraser',
  rectangle: 'Rectangle',
  lasso: 'Lasso',
};

interface ToolbarProps {
  readonly tool: Tool;
  readonly history: History;
  readonly view: View;
  readonly actions: Actions;
  /** Where a part of the picture is cut off. */
  readonly onWhole: (() => void) | undefined;
}

export function Toolbar({ tool, history, view, actions, onWhole }: ToolbarProps) {
  return (
    <div className="edit-tools" role="group" aria-label="Tools">
      <fieldset className="edit-segments">
        <legend className="unseen">Tool</legend>
        {tools.map((name) => (
          <label key={name} title={`${titles[name]} (${name[0]!.toUpperCase()})`}>
            <input
              type="radio"
              name="tool"
              checked={tool.name === name}
              onChange={() => actions.setTool({ ...tool, name })}
            />
            <span>{titles[name]}</span>
          </label>
        ))}
      </fieldset>
      {(tool.name === 'brush' || tool.name === 'eraser') && (
        <label className="edit-breadth" title="Smaller [ · larger ]">
          Size
          <input
            type="range"
            min={LEAST_BREADTH}
            max={MOST_BREADTH}
            step="0.01"
            value={tool.breadth}
            aria-valuetext={`${Math.round(100 * tool.breadth)} percent of the picture`}
            onChange={({ target }) => actions.setTool(withBreadth(tool, Number(target.value)))}
          />
        </label>
      )}
      <label className="check" title="A token is the smallest part that the model draws again">
        <input
          type="checkbox"
          checked={tool.whole}
          onChange={({ target }) => actions.setTool({ ...tool, whole: target.checked })}
        />
        Whole tokens
      </label>
      <div className="edit-actions">
        <Action name="Undo" keys="Ctrl Z" isOff={history.done === 0} onPress={actions.undo} />
        <Action
          name="Redo"
          keys="Ctrl Shift Z"
          isOff={history.done === history.operations.length}
          onPress={actions.redo}
        />
        <Action name="Invert" keys="I" onPress={actions.invert} />
        <Action name="Clear" keys="Delete" isOff={history.done === 0} onPress={actions.clear} />
        {onWhole && <Action name="Whole picture" onPress={onWhole} />}
        {view.zoom > 1 && <Action name="Fit" keys="0" onPress={() => actions.zoom(0)} />}
      </div>
    </div>
  );
}

interface ActionProps {
  readonly name: string;
  readonly keys?: string;
  readonly isOff?: boolean;
  onPress(): void;
}

/** It keeps the focus where it can do nothing any more, so that keys do not start from the top of the page. */
function Action({ name, keys, isOff = false, onPress }: ActionProps) {
  return (
    <button type="button" title={keys && `${name} (${keys})`} aria-disabled={isOff} onClick={() => !isOff && onPress()}>
      {name}
    </button>
  );
}
