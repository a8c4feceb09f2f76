"""Access logs of web servers: lines enter; rows of the warehouse leave."""
