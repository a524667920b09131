"""Real programs under test: hub, agents and command line as child processes in temporary folders."""
