"""What this system offers to shut foreign code in, and how that is put into force from inside."""
