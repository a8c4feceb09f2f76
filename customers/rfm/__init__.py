"""RFM: in come every customer's last order, orders and revenue; out go three fifths and the cell of the grid."""
