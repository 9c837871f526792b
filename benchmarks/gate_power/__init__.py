"""How often the gate is wrong, and how long it takes: simulated, and against real servers."""
