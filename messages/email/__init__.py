"""E-mail: a message enters; a mail that an SMTP server took leaves. Bounces and complaints come back."""
