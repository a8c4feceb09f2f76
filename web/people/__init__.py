"""Who the visitors are: an id, a segment or an audience in; profiles and sizes out."""
