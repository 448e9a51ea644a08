"""What the program offers beside its window: training's child processes, the demo."""
