"""What mails lead to: a pixel's or a link's request, or a returned mail, enters; an event leaves."""
