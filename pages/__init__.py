"""Pages of the workbench: thin views over `core.service`."""
