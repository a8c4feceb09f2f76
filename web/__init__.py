"""The personalization API and the marketer's desk."""
