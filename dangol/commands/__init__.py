"""The commands of ``dangol``: arguments enter, a line about the result leaves. Other rooms do the work."""
