"""The commands of ``dangol``: arguments enter, one line of what was done leaves. The work is done elsewhere."""
