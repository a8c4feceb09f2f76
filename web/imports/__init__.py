"""Imports of files by the desk: an upload enters, the command of its kind runs beside the desk; what it said leaves."""
