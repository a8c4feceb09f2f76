"""What is wrong with the installation: findings of one process in, warnings on the pages of every process out."""
