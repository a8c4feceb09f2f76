"""Drawing: numbers in; charts as SVG, and numbers and dates as text, out."""
