"""The only code that reads or writes ERPNext's books; ERPNext's versions differ here and nowhere else."""
